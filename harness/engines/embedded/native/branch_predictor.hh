// Branch prediction: gshare counters, a branch target buffer and a return stack.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_BRANCH_PREDICTOR_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_BRANCH_PREDICTOR_HH_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "instruction.hh"

namespace aimc::embedded {

class BranchPredictor {
 public:
  // `entries` counters and as many branch targets; a power of two.
  explicit BranchPredictor(size_t entries)
      : mask_(entries - 1), counters_(entries, 1), targets_(entries) {}

  // Notes what the branch at `pc` of kind `kind` did: it went to `next`, which is `fall_through`
  // if it was not taken.  Returns whether it had been predicted so.
  bool resolve(BranchKind kind, uint64_t pc, uint64_t next, uint64_t fall_through) {
    const bool taken = kind != BranchKind::kConditional || next != fall_through;
    Target& entry = targets_[(pc >> 2) & mask_];
    const bool known = entry.pc == pc;
    bool correct = known && entry.target == next;
    if (kind == BranchKind::kConditional) {
      uint8_t& counter = counters_[((pc >> 2) ^ history_) & mask_];
      const bool predicted = counter >= 2 && known;
      correct = predicted == taken && (!taken || entry.target == next);
      counter = static_cast<uint8_t>(taken ? (counter < 3 ? counter + 1 : 3)
                                           : (counter > 0 ? counter - 1 : 0));
      history_ = (history_ << 1) | (taken ? 1 : 0);
    } else if (kind == BranchKind::kReturn) {
      top_ = (top_ + kReturns - 1) % kReturns;
      return returns_[top_] == next;
    }
    if (taken && !(known && entry.target == next)) entry = {pc, next};
    if (kind == BranchKind::kCall || kind == BranchKind::kIndirectCall) {
      returns_[top_] = fall_through;
      top_ = (top_ + 1) % kReturns;
    }
    return correct;
  }

 private:
  static constexpr size_t kReturns = 16;

  struct Target {
    uint64_t pc = ~0ull;
    uint64_t target = 0;
  };

  size_t mask_;
  uint64_t history_ = 0;
  std::vector<uint8_t> counters_;
  std::vector<Target> targets_;
  std::array<uint64_t, kReturns> returns_{};
  size_t top_ = 0;
};

}  // namespace aimc::embedded

#endif
