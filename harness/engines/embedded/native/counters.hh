// The events of a run, and the current block's instructions among them.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_COUNTERS_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_COUNTERS_HH_

#include <cstddef>
#include <cstdint>

#include "block.hh"
#include "events.hh"

namespace aimc::embedded {

class Counters {
 public:
  // All events but those of whole blocks, which the blocks count themselves until Block::flush().
  Events& events() { return events_; }
  const Events& events() const { return events_; }
  uint64_t instructions() const { return instructions_; }

  // The instructions that follow are those of another block.
  void enter() { counted_ = 0; }
  // Counts all instructions of `block` that are not counted yet.
  void count_block(Block& block) {
    if (counted_ > 0) {
      count_to(block, block.size());
    } else {
      ++block.executions;
      instructions_ += block.size();
    }
  }
  // Counts the instructions of `block` before `end` that are not counted yet.
  void count_to(const Block& block, size_t end);

  // Adds `times` the growth of the events from `before` to `after`, and `instructions`.
  void add_repeats(uint64_t times, const Events& before, const Events& after,
                   uint64_t instructions);

 private:
  Events events_{};
  uint64_t instructions_ = 0;
  size_t counted_ = 0;  // instructions of the current block
};

}  // namespace aimc::embedded

#endif
