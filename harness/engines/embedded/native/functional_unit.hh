// One functional unit: a pipeline that accepts an operation per cycle.  It stalls while the
// operation at its end cannot leave.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_FUNCTIONAL_UNIT_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_FUNCTIONAL_UNIT_HH_

#include <algorithm>
#include <array>
#include <cstddef>

#include "activity.hh"
#include "params.hh"
#include "state_bytes.hh"

namespace aimc::embedded {

class FunctionalUnit {
 public:
  // The first cycle at or after `cycle` in which an operation can enter.
  Cycle free_at(Cycle cycle) const {
    cycle = std::max(cycle, free_);
    // Only the oldest operation that has not left by `cycle` can be at the end.
    Cycle at_end = cycle + 1;
    Cycle left = cycle;
    for (size_t i = 1; i <= kInside; ++i) {
      const Inside& op = inside_[(next_ - i) % kInside];
      if (op.left <= cycle) break;
      at_end = op.at_end;
      left = op.left;
    }
    return at_end <= cycle ? left : cycle;
  }

  // An operation enters at `cycle` and takes `depth` cycles; the next can enter `interval` cycles
  // later.  Returns when it is at the end.
  Cycle enter(Cycle cycle, int depth, int interval) {
    free_ = cycle + interval;
    Cycle at_end = cycle + depth;
    for (size_t i = 1; i <= kInside; ++i) {
      const Inside& op = inside_[(next_ - i) % kInside];
      if (op.left <= cycle) break;
      at_end += op.left - op.at_end;
    }
    return at_end;
  }

  // The operation that entered last is at the end at `at_end` and leaves at `left`.
  void leave(Cycle at_end, Cycle left) {
    inside_[next_++ % kInside] = {at_end, left};
    last_left_ = left;
  }

  // When the operation that entered last leaves.
  Cycle last_left() const { return last_left_; }

  void apply(Delay delay) {
    delay.apply(free_);
    delay.apply(last_left_);
    for (size_t i = 1; i <= kInside; ++i) {
      Inside& op = inside_[(next_ - i) % kInside];
      if (op.left < delay.from) break;
      delay.apply(op.at_end);
      delay.apply(op.left);
    }
  }

  // No operation enters before `floor`.
  void save(StateWriter& state, Cycle floor) const {
    state.cycle(free_, floor);
    unsigned count = 0;
    for (const Inside& op : inside_) count += op.left > floor;
    state.small(count);
    for (size_t i = 0; i < kInside; ++i) {
      const Inside& op = inside_[(next_ + i) % kInside];
      if (op.left <= floor) continue;
      state.exact(op.at_end);
      state.exact(op.left);
    }
  }
  void load(StateReader& state) {
    free_ = state.cycle();
    const unsigned count = state.small();
    inside_ = {};
    next_ = kInside;
    last_left_ = 0;
    for (unsigned i = 0; i < count; ++i) {
      const Cycle at_end = state.cycle();
      leave(at_end, state.cycle());
    }
  }

 private:
  static constexpr size_t kInside = 16;

  struct Inside {
    Cycle at_end = 0;
    Cycle left = 0;
  };

  Cycle free_ = 0;
  Cycle last_left_ = 0;
  std::array<Inside, kInside> inside_{};  // oldest first from next_
  size_t next_ = kInside;
};

}  // namespace aimc::embedded

#endif
