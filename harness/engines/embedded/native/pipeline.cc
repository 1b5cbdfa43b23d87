#include "pipeline.hh"

#include <cstring>

namespace aimc::embedded {

namespace {

constexpr Cycle kMaxDelta = 255;

}  // namespace

Pipeline::Pipeline(const CoreParams& core, MemorySystem& memory, Events& events)
    : core_(core),
      memory_(memory),
      events_(events),
      store_leaves_(static_cast<size_t>(core.store_buffer_entries), 0),
      states_(1),
      after_taken_(1, kAbsolute) {}

bool Pipeline::RelativeState::operator==(const RelativeState& other) const {
  return std::memcmp(this, &other, sizeof(RelativeState)) == 0;
}

size_t Pipeline::StateHash::operator()(const RelativeState& state) const {
  static_assert(sizeof(RelativeState) == 104, "hashed as 13 words without padding");
  std::array<uint64_t, sizeof(RelativeState) / 8> words;
  std::memcpy(words.data(), &state, sizeof(state));
  uint64_t hash = 0x9e3779b97f4a7c15ull;
  for (const uint64_t word : words) {
    hash = (hash ^ word) * 0xff51afd7ed558ccdull;
    hash ^= hash >> 32;
  }
  return hash;
}

void Pipeline::take_branch() {
  if (number_ != kAbsolute) {
    number_ = after_taken(number_);
  } else {
    issued_ = core_.issue_width;
  }
}

void Pipeline::mispredict() {
  stall_until(now_ + core_.branch_mispredict_penalty, kCyclesCompute);
  issued_ = core_.issue_width;
}

void Pipeline::stall_until(Cycle cycle, Event cause) {
  make_absolute();
  if (cycle > now_) advance(cycle, cause);
}

// When the last of the operands is ready.
inline Cycle Pipeline::operands_ready(const MicroOp& op) const {
  // The accumulator of a dot product is its first source; sources that are not there are ready.
  const Cycle first = op.dot ? accumulator_ready_[op.src[0]] : ready_[op.src[0]];
  Cycle latest = std::max({first, ready_[op.src[1]], ready_[op.src[2]]});
  for (unsigned i = 3; i < op.sources; ++i) latest = std::max(latest, ready_[op.src[i]]);
  return latest;
}

// Waits until `latest`, when the last of the operands is ready.
void Pipeline::wait_for_operands(const MicroOp& op, Cycle latest) {
  // What an L1D hit would have cost too is the core's, the rest the memory's.
  Cycle core_latest = latest;
  for (unsigned i = 0; i < op.sources; ++i) {
    const uint8_t reg = op.src[i];
    const bool accumulator = i == 0 && op.dot;
    if (!accumulator && ready_[reg] == latest) {
      core_latest = core_ready_[reg];
      break;
    }
  }
  if (core_latest > now_) advance(core_latest, kCyclesCompute);
  if (latest > now_) advance(latest, kCyclesMemory);
}

inline void Pipeline::take_unit(const MicroOp& op) {
  switch (op.unit) {
    case Unit::kInt:
      if (issued_ >= core_.issue_width || int_used_ >= core_.int_units) next_cycle();
      ++int_used_;
      break;
    case Unit::kSimd:
      if (issued_ >= core_.issue_width || simd_used_ >= core_.simd_units) next_cycle();
      ++simd_used_;
      break;
    case Unit::kLoadStore:
      take_load_store_unit(op);
      break;
    case Unit::kNone:
      if (issued_ >= core_.issue_width) next_cycle();
      break;
  }
  ++issued_;
}

inline void Pipeline::take_load_store_unit(const MicroOp& op) {
  if (load_store_cycle_ > now_) advance(load_store_cycle_, kCyclesCompute);
  const bool taken = load_store_cycle_ == now_ && load_store_used_ >= core_.load_store_units;
  if (taken || issued_ >= core_.issue_width) next_cycle();
  if (load_store_cycle_ < now_) {
    load_store_cycle_ = now_;
    load_store_used_ = 0;
  }
  load_store_used_ += op.beats;
  while (load_store_used_ > core_.load_store_units) {
    load_store_used_ -= core_.load_store_units;
    ++load_store_cycle_;
  }
}

// Before and after an instruction that is not pipelined, a barrier, or an ISB.
void Pipeline::wait_if_special(const MicroOp& op) {
  if (op.not_pipelined) {
    const Cycle free = op.unit == Unit::kSimd ? simd_divider_free_ : int_divider_free_;
    if (free > now_) advance(free, kCyclesCompute);
  } else if (quiet_at() > now_) {
    advance(quiet_at(), kCyclesMemory);
  }
}

void Pipeline::finish_special(const MicroOp& op) {
  if (op.not_pipelined) {
    (op.unit == Unit::kSimd ? simd_divider_free_ : int_divider_free_) = now_ + op.latency;
  } else if (op.op_class == OpClass::kIsb) {
    advance(now_ + core_.branch_mispredict_penalty, kCyclesCompute);
    issued_ = core_.issue_width;
  }
}

inline void Pipeline::write_results(const MicroOp& op, Cycle memory_ready) {
  const Cycle core_ready = now_ + op.latency;
  const Cycle ready = std::max(core_ready, memory_ready);
  const Cycle accumulator = op.dot ? now_ + core_.dot_accumulate_latency : ready;
  for (unsigned i = 0; i < op.destinations; ++i) {
    const uint8_t reg = op.dst[i];
    ready_[reg] = ready;
    core_ready_[reg] = core_ready;
    accumulator_ready_[reg] = accumulator;
  }
}

Cycle Pipeline::touch_lines(const MemoryOp& access, uint32_t address, bool store, uint64_t pc) {
  const int shift = memory_.line_shift();
  const LineNumber first = address >> shift;
  const LineNumber last = (address + (access.bytes ? access.bytes - 1u : 0u)) >> shift;
  Cycle ready = 0;
  for (LineNumber line = first; line <= last; ++line) {
    if (line != first) ++events_[kL1dAccesses];
    const MemorySystem::DataAccess result = memory_.access_data(line, store, pc, now_);
    // Without a free miss register the load/store unit, and what follows in order, wait.
    if (result.issue > now_) advance(result.issue, kCyclesMemory);
    ready = std::max(ready, result.ready);
  }
  return ready;
}

// When the data of a load are there, beyond the time of an L1D hit; 0: no later.
Cycle Pipeline::access_memory(const MicroOp& op, const MemoryOp& access, uint32_t address,
                              uint64_t pc) {
  if (op.store) wait_for_store_buffer();
  const Cycle ready = touch_lines(access, address, op.store, pc);
  if (op.store) enter_store_buffer(ready);
  return op.load && ready > 0 ? ready + op.beats - 1 : 0;
}

void Pipeline::wait_for_store_buffer() {
  const Cycle oldest = store_leaves_[store_next_];
  if (oldest > now_) advance(oldest, kCyclesMemory);
}

// A store whose line is there at `ready`.
inline void Pipeline::enter_store_buffer(Cycle ready) {
  // In order; a hit leaves in its own cycle if no miss is before it.
  const Cycle leaves = std::max({now_, last_store_leaves_, ready});
  store_leaves_[store_next_] = last_store_leaves_ = leaves;
  stores_done_ = std::max(stores_done_, leaves);
  if (++store_next_ == store_leaves_.size()) store_next_ = 0;
}

void Pipeline::step(const Block& block, size_t first, size_t end, const uint32_t* addresses,
                    size_t next_memory, size_t known_hits) {
  hits_in_a_row_ = 0;
  make_absolute();
  step_ops(block, first, end, addresses, next_memory, known_hits);
}

void Pipeline::step_ops(const Block& block, size_t first, size_t end, const uint32_t* addresses,
                        size_t next_memory, size_t known_hits) {
  const size_t end_of_hits = next_memory + known_hits;
  const MicroOp* ops = block.ops.data();
  for (size_t i = first; i < end; ++i) {
    const MicroOp& op = ops[i];
    const Cycle ready = operands_ready(op);
    if (ready > now_) wait_for_operands(op, ready);
    if (op.special) wait_if_special(op);
    take_unit(op);
    Cycle memory_ready = 0;
    if (op.unit == Unit::kLoadStore) {
      if (next_memory >= end_of_hits) {
        memory_ready =
            access_memory(op, block.memory[next_memory], addresses[next_memory], block.op_pc(i));
      } else if (op.store) {
        enter_store_buffer(0);
      }
      ++next_memory;
      ready_[op.writeback] = core_ready_[op.writeback] = now_ + core_.int_latency;
    }
    write_results(op, memory_ready);
    if (op.special) finish_special(op);
  }
}

void Pipeline::issue_device(const Block& block, size_t op) {
  make_absolute();
  const MicroOp& micro = block.ops[op];
  const Cycle ready = operands_ready(micro);
  if (ready > now_) wait_for_operands(micro, ready);
  // A device access is neither speculative nor overtaken.
  if (quiet_at() > now_) advance(quiet_at(), kCyclesMemory);
  take_unit(micro);
  ready_[micro.writeback] = core_ready_[micro.writeback] = now_ + core_.int_latency;
}

void Pipeline::finish_device(const Block& block, size_t op) {
  const MicroOp& micro = block.ops[op];
  for (unsigned i = 0; i < micro.destinations; ++i) {
    const uint8_t reg = micro.dst[i];
    ready_[reg] = core_ready_[reg] = accumulator_ready_[reg] = now_;
  }
}

void Pipeline::run_hits(Block& block, const uint32_t* addresses) {
  // Numbering a state costs as much as stepping some ten instructions: only where hits go on.
  if (number_ == kAbsolute &&
      (forgetful_ || ++hits_in_a_row_ < kHitsToNumber || !make_numbered())) {
    step_ops(block, 0, block.ops.size(), addresses, 0, block.memory.size());
    return;
  }
  for (const MemoEntry& entry : block.memo) {
    if (entry.in == number_) {
      number_ = entry.out;
      now_ += entry.cycles;
      events_[kCyclesCompute] += entry.cycles;
      return;
    }
  }
  const uint32_t before = number_;
  const Cycle start = now_;
  make_absolute();
  step_ops(block, 0, block.ops.size(), addresses, 0, block.memory.size());
  if (!make_numbered()) return;
  MemoEntry& entry = block.memo[block.memo_next];
  block.memo_next = (block.memo_next + 1) % block.memo.size();
  entry = {before, number_, static_cast<uint32_t>(now_ - start)};
}

void Pipeline::make_absolute() {
  if (number_ == kAbsolute) return;
  const RelativeState& state = states_[number_];
  for (size_t i = 0; i < state.ready.size(); ++i) {
    ready_[i] = core_ready_[i] = accumulator_ready_[i] = now_ + state.ready[i];
  }
  for (size_t i = 0; i < kVectors; ++i) {
    accumulator_ready_[kRegV0 + i] = now_ + state.accumulator[i];
  }
  issued_ = state.issued;
  int_used_ = state.int_used;
  simd_used_ = state.simd_used;
  load_store_cycle_ = now_ + state.load_store_free;
  load_store_used_ = state.load_store_used;
  int_divider_free_ = now_ + state.int_divider_free;
  simd_divider_free_ = now_ + state.simd_divider_free;
  number_ = kAbsolute;
}

bool Pipeline::make_numbered() {
  RelativeState state;
  bool fits = true;
  const auto delta = [this, &fits](Cycle cycle) {
    const Cycle d = std::max<Cycle>(cycle - now_, 0);
    fits &= d <= kMaxDelta;
    return static_cast<uint8_t>(d);
  };
  for (size_t i = 0; i < state.ready.size(); ++i) state.ready[i] = delta(ready_[i]);
  for (size_t i = 0; i < kVectors; ++i) {
    state.accumulator[i] = delta(accumulator_ready_[kRegV0 + i]);
  }
  state.issued = static_cast<uint8_t>(issued_);
  state.int_used = static_cast<uint8_t>(int_used_);
  state.simd_used = static_cast<uint8_t>(simd_used_);
  state.load_store_free = delta(load_store_cycle_);
  state.load_store_used = load_store_cycle_ < now_ ? 0 : static_cast<uint8_t>(load_store_used_);
  state.int_divider_free = delta(int_divider_free_);
  state.simd_divider_free = delta(simd_divider_free_);
  if (!fits) return false;
  const uint32_t number = number_of(state);
  if (number == kAbsolute) return false;
  number_ = number;
  return true;
}

uint32_t Pipeline::number_of(const RelativeState& state) {
  const auto found = numbers_.find(state);
  if (found != numbers_.end()) return found->second;
  if (states_.size() >= kMaxStates) return kAbsolute;
  const auto number = static_cast<uint32_t>(states_.size());
  states_.push_back(state);
  after_taken_.push_back(kAbsolute);
  numbers_.emplace(state, number);
  return number;
}

uint32_t Pipeline::after_taken(uint32_t state) {
  if (after_taken_[state] != kAbsolute) return after_taken_[state];
  RelativeState next = states_[state];
  next.issued = static_cast<uint8_t>(core_.issue_width);
  const uint32_t number = number_of(next);
  if (number == kAbsolute) {
    make_absolute();
    issued_ = core_.issue_width;
    return kAbsolute;
  }
  after_taken_[state] = number;
  return number;
}

}  // namespace aimc::embedded
