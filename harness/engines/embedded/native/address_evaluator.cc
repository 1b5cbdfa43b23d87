#include "address_evaluator.hh"

#include <cstring>

namespace aimc::embedded {

namespace {

// The value that a load of `access.element_bytes` from `bytes` puts into a register.
uint64_t loaded_value(const MemoryOp& access, const uint8_t* bytes) {
  uint64_t value = 0;
  std::memcpy(&value, bytes, access.element_bytes);
  if (!access.sign_extend) return value;
  const int shift = 64 - 8 * access.element_bytes;
  const auto result = static_cast<uint64_t>(static_cast<int64_t>(value << shift) >> shift);
  return access.wide ? result : result & 0xffffffffull;
}

}  // namespace

void AddressEvaluator::enter(Block& block) {
  block_ = &block;
  next_slot_ = 0;
  if (addresses_.size() < block.memory.size()) addresses_.resize(block.memory.size());
}

void AddressEvaluator::begin_segment(const Segment& segment) {
  next_op_ = segment.program_begin;
  end_op_ = segment.program_end;
  executed_ = segment.first_memory;
  device_ = nullptr;
}

void AddressEvaluator::pass_device(const DeviceAccess* access) {
  device_ = access;
  executed_ = ++next_slot_;
}

bool AddressEvaluator::make_opaque_after_device() {
  bool store_seen = false;
  bool changed = false;
  for (uint32_t i = next_op_; i < end_op_; ++i) {
    const AddressOp& op = block_->program[i];
    if (op.kind == AddressKind::kLoadValue) {
      if (store_seen) changed |= block_->opaque_loads.insert(block_->memory[op.slot].op).second;
    } else if (op.kind == AddressKind::kOffset || op.kind == AddressKind::kIndexed ||
               op.kind == AddressKind::kZeroBlock) {
      store_seen |= block_->memory[op.slot].store;
    }
  }
  return changed;
}

// Puts the value that the load of `op` will load into its destinations.  False: a store that the
// emulator has yet to execute may change it; the load is now opaque.
bool AddressEvaluator::load_value(const AddressOp& op) {
  const std::vector<MemoryOp>& memory = block_->memory;
  const MemoryOp& access = memory[op.slot];
  const uint8_t* bytes;
  if (device_ && device_->op == access.op) {
    bytes = device_->data.data();
  } else {
    const uint32_t begin = addresses_[op.slot];
    const uint32_t end = begin + access.bytes;
    for (size_t i = executed_; i < op.slot; ++i) {
      if (memory[i].store && addresses_[i] < end && begin < addresses_[i] + memory[i].bytes) {
        block_->opaque_loads.insert(access.op);
        return false;
      }
    }
    bytes = memory_.data() + begin;
  }
  registers_[op.dst] = loaded_value(access, bytes);
  if (op.index != kEvalDiscard) {
    registers_[op.index] = loaded_value(access, bytes + access.element_bytes);
  }
  return true;
}

}  // namespace aimc::embedded
