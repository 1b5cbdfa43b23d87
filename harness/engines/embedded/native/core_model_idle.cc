// Polls that find nothing new, passed over.
//
// In a loop that does nothing but poll tiles a round is like the one before, as long as nothing
// happens in the tiles.  When that will be is known.  So once some rounds have begun and ended in
// the same state, with the same registers, and no access of them has left the L1s, all rounds like
// them that end before the next event are counted instead of being executed: the same cycles and
// events.
#include <algorithm>

#include "core_model.hh"

namespace aimc::embedded {

namespace {

// Rounds before a look: branch histories take so many to become those of the loop.
constexpr unsigned kWarmUp = 32;
constexpr unsigned kPatience = 1024;
// Rounds that must be ahead for a look to be worth its time.
constexpr Cycle kWorthwhile = 64;
// Rounds, at most, after which the core is where it was relative to its clock.
constexpr unsigned kLooks = 16;
// Blocks that a round may execute.
constexpr unsigned kLongest = 64;

// Nothing that it does is kept anywhere but in general registers.
bool changes_registers_only(const Block& block) {
  return block.stores.empty() && block.counts.simd_ops == 0 && block.counts.fp_ops == 0;
}

}  // namespace

// A poll that is over at `end`.
void CoreModel::note_poll(Femtoseconds end) {
  if (expect_) return;
  if (!rounds_.head) {
    if (!changes_registers_only(*block_)) return;
    rounds_.head = block_;
    rounds_.entered = 0;
    rounds_.until_look = kWarmUp;
    rounds_.patience = kWarmUp;
    begin_round();
  }
  ++rounds_.polls;
  rounds_.polled = end;
}

void CoreModel::leave_rounds() {
  rounds_.head = nullptr;
  rounds_.looks = 0;
  predictor_.unwatch();
}

void CoreModel::begin_round() {
  rounds_.began = pipeline_.now();
  rounds_.polls = 0;
  rounds_.count = 0;
  add_to_round(*rounds_.head);
}

bool CoreModel::add_to_round(Block& block) {
  const auto end = rounds_.blocks.begin() + static_cast<ptrdiff_t>(rounds_.count);
  const bool known = std::any_of(rounds_.blocks.begin(), end,
                                 [&block](const auto& entry) { return entry.first == &block; });
  if (known) return true;
  if (rounds_.count == Rounds::kBlocks || !changes_registers_only(block)) return false;
  rounds_.blocks[rounds_.count++] = {&block, block.executions};
  return true;
}

// `block` is about to be entered.
void CoreModel::follow_rounds(Block& block) {
  if (&block != rounds_.head) {
    // A head that is not in the loop, but before it, is not come back to.
    if (++rounds_.entered > kLongest || !add_to_round(block)) leave_rounds();
    return;
  }
  rounds_.entered = 0;
  if (rounds_.until_look > 0) {
    --rounds_.until_look;
    begin_round();
  } else if (rounds_.looks == 0) {
    look_first();
  } else {
    look_again();
  }
}

// A round begins, and the core is between two blocks: remembers what it begins with.
void CoreModel::look_first() {
  const Femtoseconds next = dma_.next();
  const Femtoseconds takes = (pipeline_.now() - rounds_.began) * params_.core.period_fs;
  begin_round();
  rounds_.start = round_start();
  const bool worthwhile = next != DmaHost::kAsleep && (next - now_fs()) / kWorthwhile >= takes;
  if (!worthwhile || rounds_.start.pipeline.empty()) return look_later();
  rounds_.looks = 1;
  predictor_.watch();
}

// One or more rounds later.
void CoreModel::look_again() {
  const RoundStart now = round_start();
  if (repeats(now)) {
    pass_rounds(now);
  } else if (++rounds_.looks <= kLooks) {
    return;
  }
  look_later();
  begin_round();
}

// What comes to nothing is tried ever more seldom.
void CoreModel::look_later() {
  rounds_.looks = 0;
  rounds_.until_look = rounds_.patience;
  rounds_.patience = std::min(2 * rounds_.patience, kPatience);
  predictor_.unwatch();
}

CoreModel::RoundStart CoreModel::round_start() {
  RoundStart start;
  if (!pipeline_.describe(start.pipeline)) start.pipeline.clear();
  read_all_registers_(start.registers);
  start.far = pipeline_.far();
  start.happened = dma_.happened();
  start.events = events_;
  start.instructions = instructions_;
  start.cycle = pipeline_.now();
  return start;
}

// Whether what was from rounds_.start to `now` has changed nothing that later rounds depend on.
bool CoreModel::repeats(const RoundStart& now) const {
  const RoundStart& start = rounds_.start;
  const auto none = [&start, &now](Event event) {
    return start.events[event] == now.events[event];
  };
  return start.registers == now.registers && start.pipeline == now.pipeline &&
         start.far == now.far && start.happened == now.happened && none(kL1iMisses) &&
         none(kL1dMisses) && none(kL2Accesses) && predictor_.unchanged();
}

// Counts all that is like what was from rounds_.start to `now`, as often as its polls are over
// before anything happens.
void CoreModel::pass_rounds(const RoundStart& now) {
  const RoundStart& start = rounds_.start;
  const Cycle cycles = now.cycle - start.cycle;
  const Femtoseconds ahead = dma_.next() - 1 - rounds_.polled;
  const Cycle rounds = cycles > 0 ? ahead / (cycles * params_.core.period_fs) : 0;
  if (rounds <= 0 || !pipeline_.pass(rounds * cycles)) return;
  const auto times = static_cast<uint64_t>(rounds);
  for (size_t i = 0; i < events_.size(); ++i) {
    events_[i] += times * (now.events[i] - start.events[i]);
  }
  for (size_t i = 0; i < rounds_.count; ++i) {
    const auto& [block, before] = rounds_.blocks[i];
    block->executions += times * (block->executions - before);
  }
  const uint64_t instructions = times * (now.instructions - start.instructions);
  instructions_ += instructions;
  poll_.instructions += instructions;
  poll_.compute_cycles += times * (now.events[kCyclesCompute] - start.events[kCyclesCompute]);
  tiles_.add_reads(times * rounds_.polls);
}

}  // namespace aimc::embedded
