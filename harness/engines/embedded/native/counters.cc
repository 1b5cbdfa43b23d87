#include "counters.hh"

#include <vector>

#include "micro_op.hh"

namespace aimc::embedded {

void Counters::count_to(const Block& block, size_t end) {
  StaticCounts counts;
  const std::vector<InstructionInfo>& infos = block.instructions;
  const MicroOp* ops = block.ops.data();
  for (size_t i = counted_; i < end; ++i) {
    counts.add(ops + infos[i].first_op, ops + infos[i + 1].first_op);
  }
  counts.add_to(events_, 1);
  instructions_ += end - counted_;
  counted_ = end;
}

void Counters::add_repeats(uint64_t times, const Events& before, const Events& after,
                           uint64_t instructions) {
  for (size_t i = 0; i < events_.size(); ++i) events_[i] += times * (after[i] - before[i]);
  instructions_ += instructions;
}

}  // namespace aimc::embedded
