// Branch prediction: a tournament of a local and a global predictor, a branch target buffer and a
// return address stack.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_BRANCH_PREDICTOR_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_BRANCH_PREDICTOR_HH_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "instruction.hh"

namespace aimc::embedded {

class BranchPredictor {
 public:
  // `entries` counters of the local predictor and as many histories; a power of two.
  explicit BranchPredictor(size_t entries)
      : local_mask_(entries - 1), histories_(entries, 0), local_(entries, 0) {}

  // The branch at `pc` of kind `kind` went to `next`, which is `fall_through` if it was not taken.
  // Trains the predictor.  Returns whether the prediction was correct.
  bool resolve(BranchKind kind, uint64_t pc, uint64_t next, uint64_t fall_through) {
    const bool conditional = kind == BranchKind::kConditional;
    const bool taken = !conditional || next != fall_through;
    if (watched_) note(pc);
    const bool predicted = conditional ? direction(pc, taken) : true;
    uint64_t target = kUnknown;
    Target& entry = targets_[(pc >> 2) % kTargets];
    if (entry.pc == pc) target = entry.target;
    if (kind == BranchKind::kCall || kind == BranchKind::kIndirectCall) {
      top_ = (top_ + 1) % kReturns;
      returns_[top_] = fall_through;
    } else if (kind == BranchKind::kReturn) {
      target = returns_[top_];
      top_ = (top_ + kReturns - 1) % kReturns;
    }
    global_history_ = (global_history_ << 1) | (taken ? 1 : 0);
    const bool predicted_taken = predicted && target != kUnknown;
    const bool correct = predicted_taken == taken && (!taken || target == next);
    if (!correct && taken) entry = {pc, next};
    return correct;
  }

  // From now on until unwatch(), entries are saved before they change.
  void watch() {
    watched_ = true;
    before_ = {};
    before_.history = global_history_ % kGlobal;
    before_.top = top_;
    before_.returns = returns_;
  }
  void unwatch() { watched_ = false; }
  // Whether nothing that predictions depend on has changed since watch().
  bool unchanged() const {
    const auto same = [](const auto& bytes) {
      return std::all_of(bytes.begin(), bytes.end(),
                         [](const auto& entry) { return *entry.first == entry.second; });
    };
    return before_.history == global_history_ % kGlobal && before_.top == top_ &&
           before_.returns == returns_ && same(before_.counters) &&
           std::all_of(before_.histories.begin(), before_.histories.end(),
                       [this](const auto& entry) {
                         return ((*entry.first ^ entry.second) & local_mask_) == 0;
                       }) &&
           std::all_of(before_.targets.begin(), before_.targets.end(), [](const auto& entry) {
             return entry.first->pc == entry.second.pc &&
                    entry.first->target == entry.second.target;
           });
  }

 private:
  static constexpr size_t kTargets = 4096;
  static constexpr size_t kGlobal = 8192;  // counters of the global predictor, and of the choice
  static constexpr size_t kReturns = 16;
  static constexpr uint64_t kUnknown = ~0ull;

  struct Target {
    uint64_t pc = kUnknown;
    uint64_t target = 0;
  };

  // The values at watch() of all entries used since.
  struct Before {
    uint64_t history = 0;
    size_t top = 0;
    std::array<uint64_t, kReturns> returns{};
    std::unordered_map<const uint8_t*, uint8_t> counters;
    std::unordered_map<const uint64_t*, uint64_t> histories;
    std::unordered_map<const Target*, Target> targets;
  };

  // The branch at `pc` is about to use and change its entries.
  void note(uint64_t pc) {
    const uint64_t& history = histories_[(pc >> 2) & local_mask_];
    before_.histories.emplace(&history, history);
    for (const uint8_t* counter :
         {&local_[history & local_mask_], &global_[global_history_ % kGlobal],
          &choice_[global_history_ % kGlobal]}) {
      before_.counters.emplace(counter, *counter);
    }
    const Target& target = targets_[(pc >> 2) % kTargets];
    before_.targets.emplace(&target, target);
  }

  static void count(uint8_t& counter, bool up) {
    if (up) {
      counter += counter < 3;
    } else {
      counter -= counter > 0;
    }
  }

  // Predicts the conditional branch at `pc`, then trains the counters: it was `taken` or not.
  bool direction(uint64_t pc, bool taken) {
    uint64_t& history = histories_[(pc >> 2) & local_mask_];
    uint8_t& local = local_[history & local_mask_];
    uint8_t& global = global_[global_history_ % kGlobal];
    uint8_t& choice = choice_[global_history_ % kGlobal];
    const bool local_says = local > 1;
    const bool global_says = global > 1;
    const bool predicted = choice > 1 ? global_says : local_says;
    if (local_says != global_says) count(choice, global_says == taken);
    count(local, taken);
    count(global, taken);
    history = (history << 1) | (taken ? 1 : 0);
    return predicted;
  }

  size_t local_mask_;
  std::vector<uint64_t> histories_;
  std::vector<uint8_t> local_;
  std::vector<uint8_t> global_ = std::vector<uint8_t>(kGlobal, 0);
  std::vector<uint8_t> choice_ = std::vector<uint8_t>(kGlobal, 0);
  uint64_t global_history_ = 0;
  std::vector<Target> targets_ = std::vector<Target>(kTargets);
  std::array<uint64_t, kReturns> returns_{};
  size_t top_ = 0;
  bool watched_ = false;
  Before before_;
};

}  // namespace aimc::embedded

#endif
