#include "poll_loop.hh"

#include <algorithm>

namespace aimc::embedded {

namespace {

// Iterations before a snapshot: branch histories need so many to become those of the loop.
constexpr unsigned kWarmUp = 32;
constexpr unsigned kLongestPause = 1024;
// Iterations that must lie ahead for a snapshot to be worth its time.
constexpr Cycle kWorthwhile = 64;
// Comparisons per attempt: the core's state may have a period of several iterations.
constexpr unsigned kMostComparisons = 16;
// Blocks per iteration.
constexpr unsigned kLongestIteration = 64;

// The block's results are all in general registers.
bool changes_registers_only(const Block& block) {
  return block.stores.empty() && block.counts[kSimdOps] == 0 && block.counts[kFpOps] == 0;
}

}  // namespace

void PollLoop::note_poll(Block& block, Femtoseconds end) {
  if (!enabled_) return;
  if (!head_) {
    if (!changes_registers_only(block)) return;
    head_ = &block;
    entered_ = 0;
    until_snapshot_ = kWarmUp;
    pause_ = kWarmUp;
    begin_iteration();
  }
  ++polls_;
  last_poll_ = end;
}

void PollLoop::leave() {
  head_ = nullptr;
  comparisons_ = 0;
  predictor_.unwatch();
}

void PollLoop::begin_iteration() {
  began_ = pipeline_.now();
  polls_ = 0;
  block_count_ = 0;
  add_block(*head_);
}

// Adds `block` to the iteration.  False: the loop does more than poll, or has too many blocks.
bool PollLoop::add_block(Block& block) {
  const auto end = blocks_.begin() + static_cast<ptrdiff_t>(block_count_);
  const bool known = std::any_of(blocks_.begin(), end,
                                 [&block](const auto& entry) { return entry.first == &block; });
  if (known) return true;
  if (block_count_ == kMostBlocks || !changes_registers_only(block)) return false;
  blocks_[block_count_++] = {&block, block.executions};
  return true;
}

void PollLoop::follow(Block& block) {
  if (&block != head_) {
    // A first poll before the loop is not reached again: the iteration then becomes too long.
    if (++entered_ > kLongestIteration || !add_block(block)) leave();
    return;
  }
  entered_ = 0;
  if (until_snapshot_ > 0) {
    --until_snapshot_;
    begin_iteration();
  } else if (comparisons_ == 0) {
    take_first();
  } else {
    compare();
  }
}

// Takes the first snapshot.  An iteration begins, and the core is between two blocks.
void PollLoop::take_first() {
  const Femtoseconds next = dma_.next();
  const Femtoseconds latency = (pipeline_.now() - began_) * period_;
  begin_iteration();
  first_ = snapshot();
  const bool worthwhile =
      next != DmaHost::kAsleep && (next - pipeline_.now() * period_) / kWorthwhile >= latency;
  if (!worthwhile || first_.pipeline.empty()) return back_off();
  comparisons_ = 1;
  predictor_.watch();
}

// Compares the state one or more iterations later with the first snapshot.
void PollLoop::compare() {
  const Snapshot now = snapshot();
  if (repeats(now)) {
    skip(now);
  } else if (++comparisons_ <= kMostComparisons) {
    return;
  }
  back_off();
  begin_iteration();
}

// Waits before the next attempt, each time twice as long.
void PollLoop::back_off() {
  comparisons_ = 0;
  until_snapshot_ = pause_;
  pause_ = std::min(2 * pause_, kLongestPause);
  predictor_.unwatch();
}

PollLoop::Snapshot PollLoop::snapshot() {
  Snapshot now;
  if (!pipeline_.describe(now.pipeline)) now.pipeline.clear();
  read_registers_(now.registers);
  now.window_overruns = pipeline_.window_overruns();
  now.happened = dma_.happened();
  now.events = counters_.events();
  now.instructions = counters_.instructions();
  now.cycle = pipeline_.now();
  return now;
}

// Whether nothing that later iterations depend on has changed since the first snapshot.
bool PollLoop::repeats(const Snapshot& now) const {
  const auto none = [this, &now](Event event) { return first_.events[event] == now.events[event]; };
  const bool in_phase = (now.cycle - first_.cycle) * period_ % path_period_ == 0;
  return in_phase && first_.registers == now.registers && first_.pipeline == now.pipeline &&
         first_.window_overruns == now.window_overruns && first_.happened == now.happened &&
         none(kL1iMisses) && none(kL1dMisses) && none(kL2Accesses) && predictor_.unchanged();
}

// Counts what happened from the first snapshot to `now` again, as often as its polls complete
// before the tiles' next event.
void PollLoop::skip(const Snapshot& now) {
  const Cycle cycles = now.cycle - first_.cycle;
  const Femtoseconds ahead = dma_.next() - 1 - last_poll_;
  const Cycle repeats = cycles > 0 ? ahead / (cycles * period_) : 0;
  if (repeats <= 0 || !pipeline_.advance(repeats * cycles)) return;
  const auto times = static_cast<uint64_t>(repeats);
  const uint64_t instructions = times * (now.instructions - first_.instructions);
  counters_.add_repeats(times, first_.events, now.events, instructions);
  for (size_t i = 0; i < block_count_; ++i) {
    const auto& [block, before] = blocks_[i];
    block->executions += times * (block->executions - before);
  }
  attribution_.advance(instructions,
                       times * (now.events[kCyclesCompute] - first_.events[kCyclesCompute]));
  tiles_.add_reads(times * polls_);
}

}  // namespace aimc::embedded
