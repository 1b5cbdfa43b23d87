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

void Pipeline::wait_for_operands(const MicroOp& op) {
  Cycle latest = now_;
  Cycle core_latest = now_;
  for (unsigned i = 0; i < op.sources; ++i) {
    const uint8_t reg = op.src[i];
    const bool accumulator = i == 0 && op.op_class == OpClass::kDot;
    const Cycle ready = accumulator ? accumulator_ready_[reg] : ready_[reg];
    if (ready > latest) {
      latest = ready;
      core_latest = accumulator ? ready : core_ready_[reg];
    }
  }
  if (latest == now_) return;
  // The wait that an L1D hit would have cost too is the core's, the rest the memory's.
  if (core_latest > now_) advance(std::min(core_latest, latest), kCyclesCompute);
  if (latest > now_) advance(latest, kCyclesMemory);
}

void Pipeline::take_unit(const MicroOp& op) {
  if (op.not_pipelined) {
    const bool simd = op.unit == Unit::kSimd;
    Cycle& free = simd ? simd_divider_free_ : int_divider_free_;
    if (free > now_) advance(free, kCyclesCompute);
  }
  if (op.unit == Unit::kLoadStore) {
    if (load_store_cycle_ > now_) advance(load_store_cycle_, kCyclesCompute);
    if (load_store_cycle_ == now_ && load_store_used_ >= core_.load_store_units) {
      advance(now_ + 1, kCyclesCompute);
    }
  }
  const bool units_taken = (op.unit == Unit::kInt && int_used_ >= core_.int_units) ||
                           (op.unit == Unit::kSimd && simd_used_ >= core_.simd_units);
  if (issued_ >= core_.issue_width || units_taken) advance(now_ + 1, kCyclesCompute);
  ++issued_;
  switch (op.unit) {
    case Unit::kInt:
      ++int_used_;
      break;
    case Unit::kSimd:
      ++simd_used_;
      break;
    case Unit::kLoadStore:
      if (load_store_cycle_ < now_) {
        load_store_cycle_ = now_;
        load_store_used_ = 0;
      }
      load_store_used_ += op.beats;
      while (load_store_used_ > core_.load_store_units) {
        load_store_used_ -= core_.load_store_units;
        ++load_store_cycle_;
      }
      break;
    case Unit::kNone:
      break;
  }
  if (op.not_pipelined) {
    (op.unit == Unit::kSimd ? simd_divider_free_ : int_divider_free_) = now_ + op.latency;
  }
}

void Pipeline::write_results(const MicroOp& op, Cycle memory_ready) {
  const Cycle core_ready = now_ + op.latency + (op.load ? op.beats - 1 : 0);
  const Cycle ready = std::max(core_ready, memory_ready);
  for (unsigned i = 0; i < op.destinations; ++i) {
    const uint8_t reg = op.dst[i];
    ready_[reg] = ready;
    core_ready_[reg] = core_ready;
    accumulator_ready_[reg] =
        op.op_class == OpClass::kDot ? now_ + core_.dot_accumulate_latency : ready;
  }
  ready_[op.writeback] = core_ready_[op.writeback] = now_ + core_.int_latency;
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

void Pipeline::store(const MemoryOp& access, uint32_t address, uint64_t pc, bool known_hit) {
  const Cycle oldest = store_leaves_[store_next_];
  if (oldest > now_) advance(oldest, kCyclesMemory);
  const Cycle ready = known_hit ? 0 : touch_lines(access, address, true, pc);
  // In order; a hit leaves in its own cycle if no miss is before it.
  const Cycle leaves = std::max({now_, last_store_leaves_, ready});
  store_leaves_[store_next_] = last_store_leaves_ = leaves;
  stores_done_ = std::max(stores_done_, leaves);
  if (++store_next_ == store_leaves_.size()) store_next_ = 0;
}

void Pipeline::step(const Block& block, size_t first, size_t end, const uint32_t* addresses,
                    size_t next_memory, size_t known_hits) {
  make_absolute();
  size_t looked_up = 0;
  for (size_t i = first; i < end; ++i) {
    const MicroOp& op = block.ops[i];
    wait_for_operands(op);
    if (op.special) {
      if (quiet_at() > now_) advance(quiet_at(), kCyclesMemory);
    }
    take_unit(op);
    Cycle memory_ready = 0;
    if (op.load || op.store) {
      const MemoryOp& access = block.memory[next_memory];
      const uint32_t address = addresses[next_memory];
      const bool known_hit = looked_up < known_hits;
      if (op.load && !known_hit) {
        memory_ready = touch_lines(access, address, op.store, block.op_pc(i));
        if (memory_ready > 0) memory_ready += op.beats - 1;
      }
      if (op.store) store(access, address, block.op_pc(i), known_hit || op.load);
      ++looked_up;
      ++next_memory;
    }
    write_results(op, memory_ready);
    if (op.op_class == OpClass::kIsb) {
      advance(now_ + core_.branch_mispredict_penalty, kCyclesCompute);
      issued_ = core_.issue_width;
    }
  }
}

void Pipeline::issue_device(const Block& block, size_t op) {
  make_absolute();
  wait_for_operands(block.ops[op]);
  // A device access is neither speculative nor overtaken.
  if (quiet_at() > now_) advance(quiet_at(), kCyclesMemory);
  take_unit(block.ops[op]);
  ready_[block.ops[op].writeback] = core_ready_[block.ops[op].writeback] = now_ + core_.int_latency;
}

void Pipeline::finish_device(const Block& block, size_t op) {
  const MicroOp& micro = block.ops[op];
  for (unsigned i = 0; i < micro.destinations; ++i) {
    const uint8_t reg = micro.dst[i];
    ready_[reg] = core_ready_[reg] = accumulator_ready_[reg] = now_;
  }
}

void Pipeline::run_hits(Block& block, const uint32_t* addresses) {
  if (number_ == kAbsolute && !make_numbered()) {
    step(block, 0, block.ops.size(), addresses, 0, block.memory.size());
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
  step(block, 0, block.ops.size(), addresses, 0, block.memory.size());
  // A barrier or a full store buffer may have waited for memory; hits alone do not.
  if (!quiet() || !make_numbered()) return;
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
