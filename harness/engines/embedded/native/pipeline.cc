#include "pipeline.hh"

#include <algorithm>
#include <bitset>

namespace aimc::embedded {

Pipeline::Pipeline(const CoreParams& core, InstructionCache& l1i, DataCache& l1d, Events& events)
    : width_(core.issue_width),
      memory_width_(core.load_store_units),
      l1d_(l1d),
      events_(events),
      port_(l1d),
      front_end_(core, l1i, activity_),
      queue_(core, l1d, port_, activity_),
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
  both_forms_ = false;
  events_[kL1iAccesses] += known.fetches;
  front_end_.set_line(block.first_line);
}

// Something arrived at `cycle` and found the core stopped: from then on the core is a cycle late.
void Pipeline::delay_from(Cycle cycle) {
  const Delay delay = activity_.delay_from(cycle);
  activity_.apply(delay);
  front_end_.apply(delay);
  queue_.apply(delay);
  for (FunctionalUnit& unit : units_) unit.apply(delay);
  delay_registers(delay);
  delay.apply(issue_cycle_);
  delay.apply(device_issue_cycle_);
  if (delay.holds(commit_cycle_)) {
    ++commit_cycle_;
    ++events_[kCyclesCompute];
  }
}

// Writers commit in order, so that only the most recent writes can be delayed.
void Pipeline::delay_registers(Delay delay) {
  const Delay twice{2 * delay.from, delay.to == Delay::kEver ? Delay::kEver : 2 * delay.to};
  std::bitset<kTracked> done;
  const auto apply = [this, delay, twice, &done](size_t number) {
    Register& reg = registers_[number];
    delay.apply(reg.result);
    reg.committed += 2 * twice.holds(reg.committed);
    done.set(number);
  };
  for (size_t i = 1; i <= kRecentWrites; ++i) {
    Write& write = recent_writes_[(next_write_ - i) % kRecentWrites];
    if (write.number == kNoReg) break;
    // No result is later than two cycles after its writer's commit.
    if ((write.committed >> 1) + 2 < delay.from) return;
    write.committed += 2 * twice.holds(write.committed);
    if (!done[write.number]) apply(write.number);
  }
  for (size_t number = 0; number < registers_.size(); ++number) {
    if (!done[number]) apply(number);
  }
}

// Fetches the next instruction, which is in `line`.
inline void Pipeline::fetch(LineNumber line) {
  if (!front_end_.instruction(line)) return;
  Cycle cycle = front_end_.next_group();
  while (const Cycle arrival = activity_.next_stop(cycle)) {
    delay_from(arrival);
    cycle = front_end_.next_group();
  }
  front_end_.begin_group(cycle);
}

// The first cycle in which the operands allow `op` to issue.
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

// The cycle in which all writers of an access's operands have committed.
inline Cycle Pipeline::address_at(const MicroOp& op) const {
  Cycle latest = 0;
  for (unsigned i = 0; i < op.sources; ++i) {
    latest = std::max(latest, registers_[op.src[i]].committed);
  }
  return (latest + 1) >> 1;
}

// The unit of its kind that `op` can enter first, at or after `cycle`; sets `cycle` to that cycle.
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

inline Pipeline::InFlight Pipeline::issue(const MicroOp& op) {
  const Cycle decoded = front_end_.micro_op(issue_cycle_, issue_full_);
  Cycle cycle = std::max(decoded, issue_cycle_);
  if (cycle == issue_cycle_ && issue_full_) ++cycle;
  InFlight flight;
  if (op.unit == Unit::kFree) {
    flight.at_end = cycle + 1;
  } else {
    const Cycle operands = operands_at(op);
    cycle = std::max(cycle, operands);
    const Cycle wanted = cycle;
    flight.unit = choose_unit(op, cycle);
    const Cycle moves = std::max(cycle, flight.unit->last_left());
    flight.at_end = flight.unit->enter(cycle, op.depth, op.interval);
    if (decoded < cycle && cycle == wanted && operands + op.late <= cycle)
      activity_.mark(cycle - 1);
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

// `op` commits in the first cycle possible from `ready` on.  With L1 hits only, it could commit
// from `ready_hit` on.
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
    recent_writes_[next_write_++ % kRecentWrites] = {op.dst[i], committed};
  }
}

inline void Pipeline::run(const MicroOp& op) {
  const InFlight flight = issue(op);
  const Cycle head = std::max(flight.at_end - 1, commit_cycle_);
  Cycle ready = flight.at_end;
  if (op.barrier) ready = queue_.store_buffer_free_at(std::max(ready, commit_cycle_));
  commit(op, ready, flight.at_end);
  activity_.mark(head, commit_cycle_ - 1);
  if (op.barrier) queue_.commit_barrier(commit_cycle_);
  if (flight.unit) flight.unit->leave(flight.at_end, commit_cycle_);
}

void Pipeline::run_access(const MicroOp& op, Access access) {
  const InFlight flight = issue(op);
  const Cycle leaves = queue_.accepts_at(std::max(flight.at_end, address_at(op)));
  flight.unit->leave(flight.at_end, leaves);
  activity_.mark(std::max(flight.at_end - 1, commit_cycle_), leaves - 1);
  if (op.store) {
    const Cycle ready = queue_.store(leaves);
    const Cycle next = std::max(leaves, commit_cycle_) + 1;
    const Cycle room = queue_.store_buffer_free_at(std::max(ready, commit_cycle_));
    commit(op, room, ready);
    queue_.wait_at_head(next, room);
    activity_.mark(room, commit_cycle_ - 1);
    access.number = next_store_++;
    queue_.commit_store(access, commit_cycle_);
    recent_stores_[static_cast<size_t>(access.number) % kRecentStores] = access;
  } else if (op.prefetch && access.address == kNowhere) {
    commit(op, leaves, leaves);
  } else {
    const LoadStoreQueue::Load load = queue_.load(access, leaves, op.prefetch);
    const Cycle head = std::max(load.data_cycle, commit_cycle_);
    const Cycle next = std::max(leaves, commit_cycle_) + 1;
    commit(op, load.data_cycle, load.hit_cycle);
    queue_.wait_at_head(next, load.data_cycle);
    activity_.mark(head, commit_cycle_ - 1);
    queue_.commit_load(commit_cycle_);
  }
}

void Pipeline::step(const Block& block, size_t first, size_t end, Accesses accesses) {
  make_absolute();
  step_instructions(block, first, end, accesses);
}

void Pipeline::step_instructions(const Block& block, size_t first, size_t end, Accesses accesses) {
  size_t next_access = block.instructions[first].first_access;
  for (size_t i = first; i < end; ++i) {
    fetch(block.line_of(i));
    for (size_t k = block.instructions[i].first_op; k < block.instructions[i + 1].first_op; ++k) {
      const MicroOp& op = block.ops[k];
      if (op.memory()) {
        run_access(op, access_of(block, next_access++, accesses));
      } else {
        run(op);
        if (op.refills) front_end_.refill(commit_cycle_, block.line_of(i + 1));
      }
    }
  }
}

// Access `index` of `block`.
Access Pipeline::access_of(const Block& block, size_t index, Accesses accesses) const {
  const BlockAccess& part = block.accesses[index];
  Access access;
  access.address = accesses.addresses[part.memory];
  access.bytes = part.bytes;
  access.pc = block.op_pc(block.memory[part.memory].op);
  access.number = static_cast<int64_t>(index);
  access.found = accesses.found[part.memory];
  if (access.address == kNowhere) return access;
  access.address += part.offset;
  if (access.found == Found::kHitBoth &&
      !l1d_.lines().over_two_lines(access.address, access.bytes)) {
    access.found = Found::kHit;
  }
  if (access.found == Found::kL2 && !part.first) access.found = Found::kInFlight;
  return access;
}

// The store `number`, counted from the first of `block`; negative: an earlier block's.
Access Pipeline::store_of(const Block& block, int64_t number, Accesses accesses) const {
  if (number >= 0) return access_of(block, block.stores[static_cast<size_t>(number)], accesses);
  return recent_stores_[static_cast<size_t>(next_store_ + number) % kRecentStores];
}

Cycle Pipeline::begin_device(const Block& block, size_t index) {
  numbering_pause_ = kNumberingPause;
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
    device_in_flight_ = issue(op);
    const Cycle operands = address_at(op);
    const Cycle leaves = queue_.accepts_at(std::max(device_in_flight_.at_end, operands));
    device_in_flight_.unit->leave(device_in_flight_.at_end, leaves);
    // A device access is not speculative, so it issues as the next to commit.  It does so at once
    // if it leaves its unit after the commit that it waited for; otherwise in the cycle after that
    // commit, when the queue looks at it again.
    const bool waited = committed_ == 1 && (committed_accesses_ == 1 || operands == commit_cycle_);
    const bool at_once =
        leaves > commit_cycle_ || (leaves == commit_cycle_ && waited && committed_ < width_);
    const Cycle next = at_once ? leaves : commit_cycle_ + 1;
    device_issue_cycle_ = queue_.issue_device(next, !at_once);
    return device_issue_cycle_;
  }
  return 0;
}

void Pipeline::finish_device(Cycle complete_cycle, Event cause) {
  const MicroOp& op = device_block_->ops[device_op_++];
  const uint64_t memory = events_[kCyclesMemory];
  activity_.await(device_issue_cycle_, complete_cycle);
  commit(op, complete_cycle, device_issue_cycle_ + 1);
  // The wait beyond an L1 hit is the device's time.
  const uint64_t waited = events_[kCyclesMemory] - memory;
  events_[kCyclesMemory] -= waited;
  events_[cause] += waited;
  queue_.wait_at_head(device_issue_cycle_, complete_cycle);
  queue_.finish_device(device_issue_cycle_, complete_cycle, commit_cycle_);
}

}  // namespace aimc::embedded
