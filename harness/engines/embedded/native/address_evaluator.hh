// The addresses of a segment's loads and stores, before the emulator executes them.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_ADDRESS_EVALUATOR_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_ADDRESS_EVALUATOR_HH_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "access.hh"
#include "block.hh"
#include "device_access.hh"
#include "guest_memory.hh"
#include "integer_op.hh"

namespace aimc::embedded {

// Runs the address program of a block, from the registers at the start of a segment.
class AddressEvaluator {
 public:
  AddressEvaluator(GuestMemory& memory, uint32_t zero_block_bytes)
      : memory_(memory), zero_block_bytes_(zero_block_bytes) {}

  // The registers that the program reads; to be set before begin_segment().
  EvalRegisters& registers() { return registers_; }

  // The segments that follow are those of `block`.
  void enter(Block& block);
  void begin_segment(const Segment& segment);

  enum class Step : uint8_t {
    kAccess,   // slot() is an access to DRAM, at addresses()[slot()]
    kNowhere,  // slot() is a prefetch outside DRAM, which does nothing
    kDevice,   // slot() is an access outside DRAM, at address(); see pass_device()
    kOpaque,   // an address depends on a value that a store before it may change
    kEnd,      // no more accesses in the segment
  };

  // Evaluates up to the segment's next access.
  Step next();

  // The memory op that next() found, and its address as the guest has it.
  size_t slot() const { return slot_; }
  uint64_t address() const { return address_; }

  // Offsets in DRAM per memory op of the block; kNowhere: outside.
  const uint32_t* addresses() const { return addresses_.data(); }

  // After Step::kDevice, once the emulator has performed the access: `access` has the bytes, and
  // must live until the segment ends or reaches another device access.
  void pass_device(const DeviceAccess* access);

  // After Step::kDevice: from now on the block cannot be prepared again, so no value may be needed
  // later that a store not yet executed could change.  True: loads of the block are now opaque, and
  // it must be prepared again.
  bool make_opaque_after_device();

 private:
  bool load_value(const AddressOp& op);

  GuestMemory& memory_;
  uint32_t zero_block_bytes_;
  EvalRegisters registers_{};

  Block* block_ = nullptr;
  uint32_t next_op_ = 0;  // of the address program
  uint32_t end_op_ = 0;
  size_t next_slot_ = 0;  // the next memory op
  size_t slot_ = 0;
  size_t executed_ = 0;  // the emulator has executed the memory ops before this one
  uint64_t address_ = 0;
  std::vector<uint32_t> addresses_;
  const DeviceAccess* device_ = nullptr;
};

// The second operand of an indexed address.
inline uint64_t extended(uint64_t value, Extend extend) {
  switch (extend) {
    case Extend::kUxtw:
      return static_cast<uint32_t>(value);
    case Extend::kSxtw:
      return static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(value)));
    default:
      return value;
  }
}

inline AddressEvaluator::Step AddressEvaluator::next() {
  const Block& block = *block_;
  EvalRegisters& r = registers_;
  while (next_op_ < end_op_) {
    const AddressOp& op = block.program[next_op_++];
    uint64_t address = r[op.base] + static_cast<uint64_t>(op.offset);
    switch (op.kind) {
      case AddressKind::kOffset:
        break;
      case AddressKind::kIndexed:
        address += extended(r[op.index], op.extend) << op.shift;
        break;
      case AddressKind::kZeroBlock:
        address &= ~static_cast<uint64_t>(zero_block_bytes_ - 1);
        break;
      case AddressKind::kAddImmediate:
        r[op.dst] = address;
        continue;
      case AddressKind::kInteger:
        evaluate(block.integer_ops[op.slot], r);
        continue;
      case AddressKind::kLoadValue:
        if (!load_value(op)) return Step::kOpaque;
        continue;
    }
    slot_ = op.slot;
    address_ = address;
    const MemoryOp& access = block.memory[op.slot];
    const uint64_t offset = address - memory_.base();
    const uint64_t size = memory_.size();
    const bool outside = offset >= size || access.bytes > size - offset;
    if (outside && !access.prefetch) return Step::kDevice;
    addresses_[op.slot] = outside ? kNowhere : static_cast<uint32_t>(offset);
    ++next_slot_;
    return outside ? Step::kNowhere : Step::kAccess;
  }
  return Step::kEnd;
}

}  // namespace aimc::embedded

#endif
