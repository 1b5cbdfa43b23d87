// One translation block of the emulator, prepared for timing: micro-operations for the pipeline,
// and a program that computes the addresses of its loads and stores.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_BLOCK_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_BLOCK_HH_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "events.hh"
#include "instruction.hh"
#include "integer_op.hh"
#include "micro_op.hh"
#include "params.hh"

namespace aimc::embedded {

// One instruction of a block.
struct InstructionInfo {
  uint32_t first_op = 0;      // of its micro-operations
  uint32_t first_access = 0;  // of its accesses
  bool memory = false;        // it has a MemoryOp
  bool clock_read = false;
  bool unknown = false;
};

// A micro-operation that accesses memory.
struct BlockAccess {
  uint16_t memory;  // index of the MemoryOp
  uint8_t offset;   // in the MemoryOp's bytes
  uint8_t bytes;
  bool first;  // the MemoryOp's first access
};

struct MemoryOp {
  uint16_t op;  // index of the instruction in the block
  uint16_t bytes;
  bool load;
  bool store;
  bool prefetch;
  uint8_t bus_bytes;      // per access on a device's bus
  uint8_t alignment;      // of a device access; 0: not allowed
  uint8_t element_bytes;  // per loaded general register, else 0
  bool sign_extend;
  bool wide;
  bool zero_block;  // DC ZVA
};

enum class AddressKind : uint8_t {
  kOffset,        // memory op `slot` is at base + offset
  kIndexed,       // memory op `slot` is at base + (extended, shifted) index + offset
  kAddImmediate,  // dst = base + offset
  kInteger,       // integer op `slot`
  kLoadValue,     // dst (and index) = the value that memory op `slot` will load
  kZeroBlock,     // memory op `slot` is the block of DC ZVA around base
};

struct AddressOp {
  AddressKind kind;
  uint8_t base = kEvalZero;
  uint8_t index = kEvalZero;  // kLoadValue: second destination
  uint8_t dst = kEvalDiscard;
  Extend extend = Extend::kNone;
  uint8_t shift = 0;
  uint16_t slot = 0;
  int64_t offset = 0;
};

// A run of instructions whose addresses follow from the registers at its start.
struct Segment {
  uint16_t first_op = 0;
  uint16_t end_op = 0;
  uint16_t first_memory = 0;
  uint32_t program_begin = 0;
  uint32_t program_end = 0;
  std::vector<uint8_t> registers;  // evaluation registers to read at its start
  std::vector<int> emulator_registers;
};

// The events of instructions that do not depend on their data.
struct StaticCounts {
  static constexpr std::array<Event, 9> kCounted = {
      kInstructions, kIntOps, kSimdOps, kDotOps, kFpOps, kLoads, kStores, kBranches, kL1dAccesses,
  };
  std::array<uint32_t, kEvents> counts{};  // 0 but for kCounted

  uint32_t operator[](Event event) const { return counts[static_cast<size_t>(event)]; }
  // Counts one instruction of these micro-operations.
  void add(const MicroOp* begin, const MicroOp* end);
  void add_to(Events& events, uint64_t times) const;
};

struct Block {
  uint64_t serial = 0;  // unique
  uint64_t pc = 0;
  uint32_t bytes = 0;
  std::vector<InstructionInfo> instructions;  // and one more, after the last
  std::vector<MicroOp> ops;
  std::vector<MemoryOp> memory;
  std::vector<BlockAccess> accesses;
  std::vector<uint16_t> stores;  // indices of accesses
  std::vector<AddressOp> program;
  std::vector<IntegerOp> integer_ops;
  std::vector<Segment> segments;
  std::set<uint16_t> opaque_loads;  // instructions; their values must come from the emulator
  BranchKind branch = BranchKind::kNone;
  uint64_t target = 0;
  StaticCounts counts;
  std::string unknown;  // message about an instruction that the decoder does not know, or empty
  uint64_t unknown_pc = 0;
  bool stale = false;  // must be prepared again

  // Lines of its instructions.
  uint32_t first_line = 0;
  uint32_t lines = 0;
  int line_shift = 0;

  // Changed as it runs.
  uint64_t executions = 0;      // not yet added to the events
  uint64_t fetch_epoch = 0;     // of the L1I, in which all lines are known to be present
  uint64_t last_execution = 0;  // number of the block execution

  // Adds its executions to `events`.
  void flush(Events& events) {
    counts.add_to(events, executions);
    executions = 0;
  }
  uint64_t end() const { return pc + bytes; }
  size_t size() const { return instructions.size() - 1; }
  uint64_t op_pc(size_t index) const { return pc + 4 * index; }
  uint32_t line_of(size_t index) const {
    const uint64_t in_first = pc & ((uint64_t{1} << line_shift) - 1);
    return first_line + static_cast<uint32_t>((in_first + 4 * index) >> line_shift);
  }
  uint32_t last_line() const { return first_line + lines - 1; }
};

// The emulator's number of an evaluation register.
using RegisterNumbers = std::array<int, kEvalRegisters>;

// Prepares the `count` instructions at `pc`.  The address program takes no values from the loads in
// `opaque_loads` (indices of instructions).  DC ZVA clears `zero_block_bytes`.
std::unique_ptr<Block> build_block(const uint32_t* words, size_t count, uint64_t pc,
                                   const CoreParams& core, uint32_t zero_block_bytes,
                                   const RegisterNumbers& numbers,
                                   const std::set<uint16_t>& opaque_loads);

}  // namespace aimc::embedded

#endif
