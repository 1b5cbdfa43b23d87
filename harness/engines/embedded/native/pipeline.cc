#include "pipeline.hh"

#include <algorithm>

namespace aimc::embedded {

Pipeline::Pipeline(const CoreParams& core, MemorySystem& memory, Events& events)
    : width_(core.issue_width),
      memory_width_(core.load_store_units),
      memory_(memory),
      events_(events),
      front_end_(core, memory, activity_),
      queue_(core, memory, activity_),
      states_(1) {
  const auto add = [this](Unit kind, int count) {
    const size_t begin = units_.size();
    units_.insert(units_.end(), static_cast<size_t>(count), FunctionalUnit());
    unit_ranges_[static_cast<size_t>(kind)] = {begin, units_.size()};
  };
  add(Unit::kInt, core.int_units);
  add(Unit::kMul, 1);
  add(Unit::kDiv, 1);
  add(Unit::kSimd, core.simd_units);
  add(Unit::kMemory, core.load_store_units);
  add(Unit::kSystem, 1);
}

void Pipeline::enter_front_end(Entry entry, LineNumber line) {
  if (entry == Entry::kPredictedTaken) front_end_.predicted_taken(line);
  if (entry == Entry::kMispredicted) front_end_.refill(commit_cycle_, line);
}

void Pipeline::enter(const Block& block, Entry entry, bool present) {
  if (!present) make_absolute();
  front_end_.assume_present(present);
  if (number_ == kAbsolute) {
    enter_front_end(entry, block.first_line);
    return;
  }
  if (entry == Entry::kSequential) return;
  const size_t kind = entry == Entry::kMispredicted;
  Transition known = states_[number_].entered[kind];
  if (known.out == kAbsolute) {
    const uint32_t before = number_;
    const uint64_t fetches = events_[kL1iAccesses];
    make_absolute();
    enter_front_end(entry, block.first_line);
    if (!make_numbered()) return;
    states_[before].entered[kind] = {number_,
                                     static_cast<uint32_t>(events_[kL1iAccesses] - fetches)};
    return;
  }
  number_ = known.out;
  events_[kL1iAccesses] += known.fetches;
  front_end_.set_line(block.first_line);
}

// The core had stopped when something arrived at `cycle`: what it does from then on is later.
void Pipeline::delay_from(Cycle cycle) {
  const Delay delay = activity_.delay_from(cycle);
  activity_.apply(delay);
  front_end_.apply(delay);
  queue_.apply(delay);
  for (FunctionalUnit& unit : units_) unit.apply(delay);
  const Delay twice{2 * delay.from, delay.to == Delay::kEver ? Delay::kEver : 2 * delay.to};
  for (Register& reg : registers_) {
    delay.apply(reg.result);
    reg.committed += 2 * twice.holds(reg.committed);
  }
  delay.apply(issue_cycle_);
  delay.apply(device_sent_);
  if (delay.holds(commit_cycle_)) {
    ++commit_cycle_;
    ++events_[kCyclesCompute];
  }
}

// The next instruction, which is in `line`.
inline void Pipeline::fetch(LineNumber line) {
  if (!front_end_.instruction(line)) return;
  Cycle cycle = front_end_.next_group();
  while (const Cycle arrival = activity_.next_stop(cycle)) {
    delay_from(arrival);
    cycle = front_end_.next_group();
  }
  front_end_.begin_group(cycle);
}

// When the operands allow `op` to issue.
inline Cycle Pipeline::operands_at(const MicroOp& op) const {
  Cycle latest = 0;
  for (unsigned i = 0; i < op.sources; ++i) {
    const Register& reg = registers_[op.src[i]];
    Cycle result = reg.result - op.late;
    if (i == 0 && dot_results_[op.src[i]]) result -= op.accumulate;
    latest = std::max(latest, std::min(result, reg.committed >> 1));
  }
  return latest;
}

// When the writers of the operands of an access have all committed.
inline Cycle Pipeline::address_at(const MicroOp& op) const {
  Cycle latest = 0;
  for (unsigned i = 0; i < op.sources; ++i) {
    latest = std::max(latest, registers_[op.src[i]].committed);
  }
  return (latest + 1) >> 1;
}

// The unit of its kind that `op` can enter first, at or after `cycle`.
inline FunctionalUnit* Pipeline::choose_unit(const MicroOp& op, Cycle& cycle) {
  const Range range = unit_ranges_[static_cast<size_t>(op.unit)];
  FunctionalUnit* best = &units_[range.begin];
  Cycle first = best->free_at(cycle);
  for (size_t i = range.begin + 1; i < range.end && first > cycle; ++i) {
    const Cycle free = units_[i].free_at(cycle);
    if (free < first) {
      first = free;
      best = &units_[i];
    }
  }
  cycle = first;
  return best;
}

inline Pipeline::Flight Pipeline::issue(const MicroOp& op) {
  const Cycle there = front_end_.micro_op(issue_cycle_, issue_full_);
  Cycle cycle = std::max(there, issue_cycle_);
  if (cycle == issue_cycle_ && issue_full_) ++cycle;
  Flight flight;
  if (op.unit == Unit::kFree) {
    flight.at_end = cycle + 1;
  } else {
    const Cycle operands = operands_at(op);
    cycle = std::max(cycle, operands);
    const Cycle wanted = cycle;
    flight.unit = choose_unit(op, cycle);
    const Cycle moves = std::max(cycle, flight.unit->last_left());
    flight.at_end = flight.unit->enter(cycle, op.depth, op.interval);
    if (there < cycle && cycle == wanted && operands + op.late <= cycle) activity_.mark(cycle - 1);
    activity_.mark(moves, flight.at_end - 2);
  }
  activity_.mark(cycle);
  if (cycle != issue_cycle_) issued_ = issued_accesses_ = 0;
  issue_cycle_ = cycle;
  ++issued_;
  issued_accesses_ += op.memory();
  issue_full_ = issued_ == width_ || issued_accesses_ == memory_width_ || op.unit == Unit::kSystem;
  return flight;
}

// `op` commits at or after `ready`; with L1 hits it could have from `ready_hit` on.
inline void Pipeline::commit(const MicroOp& op, Cycle ready, Cycle ready_hit) {
  const bool access = op.memory();
  Cycle cycle = std::max(ready, commit_cycle_);
  if (cycle == commit_cycle_ &&
      (committed_ >= width_ || (access && committed_accesses_ >= memory_width_))) {
    ++cycle;
  }
  if (cycle != commit_cycle_) {
    const Cycle hit = std::min(cycle, std::max(ready_hit, commit_cycle_ + 1));
    const Cycle computing = std::max<Cycle>(hit - commit_cycle_ - front_end_.take_missed(), 0);
    events_[kCyclesCompute] += static_cast<uint64_t>(computing);
    events_[kCyclesMemory] += static_cast<uint64_t>(cycle - commit_cycle_ - computing);
    commit_cycle_ = cycle;
    committed_ = committed_accesses_ = 0;
  }
  committed_ += op.unit != Unit::kFree;
  committed_accesses_ += access;
  const Cycle committed = 2 * cycle + (committed_ >= width_);
  const Cycle result = issue_cycle_ + op.result;
  for (unsigned i = 0; i < op.destinations; ++i) {
    registers_[op.dst[i]] = {result, committed};
    dot_results_[op.dst[i]] = op.op_class == OpClass::kDot;
  }
}

inline void Pipeline::run(const MicroOp& op) {
  const Flight flight = issue(op);
  const Cycle head = std::max(flight.at_end - 1, commit_cycle_);
  Cycle ready = flight.at_end;
  if (op.barrier) ready = queue_.room_at(std::max(ready, commit_cycle_));
  commit(op, ready, flight.at_end);
  activity_.mark(head, commit_cycle_ - 1);
  if (op.barrier) queue_.commit_barrier(commit_cycle_);
  if (flight.unit) flight.unit->leave(flight.at_end, commit_cycle_);
}

void Pipeline::run_access(const MicroOp& op, const Access& access) {
  const Flight flight = issue(op);
  const Cycle leaves = queue_.accepts_at(std::max(flight.at_end, address_at(op)));
  flight.unit->leave(flight.at_end, leaves);
  activity_.mark(std::max(flight.at_end - 1, commit_cycle_), leaves - 1);
  if (op.store) {
    const Cycle ready = queue_.store(leaves);
    const Cycle next = std::max(leaves, commit_cycle_) + 1;
    const Cycle room = queue_.room_at(std::max(ready, commit_cycle_));
    commit(op, room, ready);
    queue_.wait_as_next(next, room);
    activity_.mark(room, commit_cycle_ - 1);
    queue_.commit_store(access, commit_cycle_);
    recent_stores_[next_store_++ % kRecentStores] = {access.address, access.bytes};
  } else if (op.prefetch && access.address == kNowhere) {
    commit(op, leaves, leaves);
  } else {
    const LoadStoreQueue::Load load = queue_.load(access, leaves, op.prefetch);
    const Cycle head = std::max(load.data, commit_cycle_);
    const Cycle next = std::max(leaves, commit_cycle_) + 1;
    commit(op, load.data, load.data_hit);
    queue_.wait_as_next(next, load.data);
    activity_.mark(head, commit_cycle_ - 1);
    queue_.commit_load(commit_cycle_);
  }
}

void Pipeline::step(const Block& block, size_t first, size_t end, Accesses accesses,
                    size_t next_memory) {
  hits_in_a_row_ = 0;
  make_absolute();
  step_instructions(block, first, end, accesses, next_memory);
}

void Pipeline::step_instructions(const Block& block, size_t first, size_t end, Accesses accesses,
                                 size_t next_memory) {
  for (size_t i = first; i < end; ++i) {
    fetch(block.line_of(i));
    const InstructionInfo& info = block.instructions[i];
    Found found = info.memory ? accesses.found[next_memory] : Found::kUnknown;
    for (size_t k = info.first_op; k < block.instructions[i + 1].first_op; ++k) {
      const MicroOp& op = block.ops[k];
      if (op.memory()) {
        const uint32_t address = accesses.addresses[next_memory];
        Access access{address == kNowhere ? kNowhere : address + op.offset, op.bytes,
                      block.op_pc(i), found};
        if (found == Found::kHitBoth && !memory_.over_two_lines(access.address, op.bytes)) {
          access.found = Found::kHit;
        }
        run_access(op, access);
        if (found == Found::kL2) found = Found::kUnderWay;
      } else {
        run(op);
        if (op.refills) front_end_.refill(commit_cycle_, block.line_of(i + 1));
      }
    }
    next_memory += info.memory;
  }
}

Cycle Pipeline::begin_device(const Block& block, size_t index) {
  hits_in_a_row_ = 0;
  make_absolute();
  fetch(block.line_of(index));
  device_block_ = &block;
  device_op_ = block.instructions[index].first_op;
  device_end_ = block.instructions[index + 1].first_op;
  return next_device_access();
}

Cycle Pipeline::next_device_access() {
  for (; device_op_ < device_end_; ++device_op_) {
    const MicroOp& op = device_block_->ops[device_op_];
    if (!op.memory()) {
      run(op);
      continue;
    }
    device_flight_ = issue(op);
    const Cycle leaves = queue_.accepts_at(std::max(device_flight_.at_end, address_at(op)));
    device_flight_.unit->leave(device_flight_.at_end, leaves);
    // It is neither speculative nor overtaken: it is sent as the next to commit.
    const Cycle next = leaves > commit_cycle_ ? leaves : commit_cycle_ + 1;
    device_sent_ = queue_.send_device(next);
    return device_sent_;
  }
  return 0;
}

void Pipeline::finish_device(Cycle over, Event cause) {
  const MicroOp& op = device_block_->ops[device_op_++];
  const uint64_t memory = events_[kCyclesMemory];
  activity_.await(device_sent_, over);
  commit(op, over, device_sent_);
  // Beyond what an access of the L1 would have taken it is the device's time.
  const uint64_t waited = events_[kCyclesMemory] - memory;
  events_[kCyclesMemory] -= waited;
  events_[cause] += waited;
  queue_.finish_device(device_sent_, over, commit_cycle_);
}

// The stores of `block` that may still be in the store buffer at its end.
void Pipeline::remember_stores(const Block& block, const uint32_t* addresses) {
  for (const LastStore& store : block.last_stores) {
    recent_stores_[next_store_++ % kRecentStores] = {addresses[store.memory] + store.offset,
                                                     store.bytes};
  }
}

void Pipeline::run_found(Block& block, Accesses accesses, uint64_t misses) {
  // Numbering a state costs as much as stepping some instructions: only where it lasts.
  hits_in_a_row_ += static_cast<int>(block.size());
  const bool step_it = forgetful_ || !front_end_.present() || hits_in_a_row_ < kHitsToNumber;
  if (number_ == kAbsolute && (step_it || !make_numbered())) {
    step_instructions(block, 0, block.size(), accesses, 0);
    return;
  }
  const uint32_t key = 2 * number_ + front_end_.in_line(block.first_line);
  if (recall(block, key, accesses, misses)) {
    front_end_.set_line(block.last_line());
    remember_stores(block, accesses.addresses);
    return;
  }
  const Events before = events_;
  make_absolute();
  step_instructions(block, 0, block.size(), accesses, 0);
  if (calm() && make_numbered()) remember(block, key, accesses, misses, before);
}

template <typename Remembered>
void Pipeline::count(const Remembered& entry) {
  commit_cycle_ += entry.computing + entry.waiting;
  events_[kCyclesCompute] += entry.computing;
  events_[kCyclesMemory] += entry.waiting;
  events_[kL1iAccesses] += entry.fetches;
}

bool Pipeline::recall(Block& block, uint32_t key, Accesses accesses, uint64_t misses) {
  if (misses != 0) {
    const MissEntry& entry = miss_entry(block, key, misses);
    if (entry.block != block.serial || entry.misses != misses || entry.in != key) return false;
    number_ = entry.out;
    count(entry);
    if (entry.under_way >= 0) {
      memory_.note_under_way(accesses.missed[entry.under_way], commit_cycle_ + entry.arrives_after,
                             last_issue());
    }
    return true;
  }
  for (const MemoEntry& entry : block.memo) {
    if (entry.in != key) continue;
    number_ = entry.out;
    count(entry);
    return true;
  }
  return false;
}

// The current state is what `block` has made of the state `key`.
void Pipeline::remember(Block& block, uint32_t key, Accesses accesses, uint64_t misses,
                        const Events& before) {
  const auto grown = [this, &before](Event event) {
    return static_cast<uint32_t>(events_[event] - before[event]);
  };
  if (misses != 0) {
    MissEntry& entry = miss_entry(block, key, misses);
    entry = MissEntry{};
    entry.block = block.serial;
    entry.misses = misses;
    entry.in = key;
    entry.out = number_;
    entry.computing = grown(kCyclesCompute);
    entry.waiting = grown(kCyclesMemory);
    entry.fetches = grown(kL1iAccesses);
    for (size_t i = 0; i < accesses.missed_count; ++i) {
      const Cycle arrival = memory_.arrival_after(accesses.missed[i], last_issue());
      if (arrival == 0) continue;
      entry.under_way = static_cast<int16_t>(i);
      entry.arrives_after = static_cast<int16_t>(arrival - commit_cycle_);
    }
    return;
  }
  MemoEntry& entry = block.memo[block.memo_next];
  block.memo_next = (block.memo_next + 1) % block.memo.size();
  entry = {key, number_, grown(kCyclesCompute), grown(kCyclesMemory), grown(kL1iAccesses)};
}

void Pipeline::make_absolute() {
  if (number_ == kAbsolute) return;
  read_state(states_[number_].bytes, commit_cycle_);
  number_ = kAbsolute;
  for (size_t i = 0; i < queue_.stores(); ++i) {
    const size_t back = queue_.stores() - i;
    const Stored& stored = recent_stores_[(next_store_ - back) % kRecentStores];
    queue_.set_address(i, stored.address, stored.bytes);
  }
}

bool Pipeline::write_state(std::string& bytes) {
  StateWriter state(bytes, commit_cycle_);
  front_end_.save(state);
  activity_.save(state, front_end_.cycle());
  state.exact(issue_cycle_);
  state.small(static_cast<unsigned>(issued_));
  state.small(static_cast<unsigned>(issued_accesses_));
  state.small(issue_full_);
  state.small(static_cast<unsigned>(committed_));
  state.small(static_cast<unsigned>(committed_accesses_));
  for (const FunctionalUnit& unit : units_) unit.save(state, issue_cycle_);
  queue_.save(state, issue_cycle_);
  for (size_t i = 0; i < registers_.size(); ++i) {
    const Register& reg = registers_[i];
    if (reg.committed <= 2 * issue_cycle_ + 1) continue;
    state.small(static_cast<unsigned>(i));
    state.cycle(reg.result, issue_cycle_);
    state.exact(reg.committed >> 1);
    state.small(static_cast<unsigned>(reg.committed & 1) + (dot_results_[i] ? 2 : 0));
  }
  return state.fits();
}

void Pipeline::read_state(const std::string& bytes, Cycle origin) {
  StateReader state(bytes, origin);
  front_end_.load(state);
  activity_.load(state, front_end_.cycle());
  issue_cycle_ = state.cycle();
  issued_ = static_cast<int>(state.small());
  issued_accesses_ = static_cast<int>(state.small());
  issue_full_ = state.small() != 0;
  committed_ = static_cast<int>(state.small());
  committed_accesses_ = static_cast<int>(state.small());
  for (FunctionalUnit& unit : units_) unit.load(state);
  queue_.load(state);
  registers_ = {};
  while (!state.at_end()) {
    const unsigned number = state.small();
    Register& reg = registers_[number];
    reg.result = state.cycle();
    reg.committed = 2 * state.cycle();
    const unsigned flags = state.small();
    reg.committed += flags & 1;
    dot_results_[number] = (flags & 2) != 0;
  }
}

bool Pipeline::make_numbered() {
  scratch_.clear();
  if (!write_state(scratch_)) return false;
  number_ = number_of(scratch_);
  return number_ != kAbsolute;
}

uint32_t Pipeline::number_of(const std::string& bytes) {
  const auto found = numbers_.find(bytes);
  if (found != numbers_.end()) return found->second;
  if (states_.size() >= kMaxStates) return kAbsolute;
  const auto number = static_cast<uint32_t>(states_.size());
  states_.push_back({bytes, commit_cycle_ - issue_cycle_, {}});
  numbers_.emplace(bytes, number);
  return number;
}

}  // namespace aimc::embedded
