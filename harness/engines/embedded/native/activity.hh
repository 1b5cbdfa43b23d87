// Cycles in which the core is active.
//
// A core with nothing to do in a cycle stops at the end of the cycle.  An arrival from memory or a
// device that finds the core stopped wakes it up, which takes a cycle.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_ACTIVITY_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_ACTIVITY_HH_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "params.hh"
#include "state_bytes.hh"

namespace aimc::embedded {

// All of the core's cycles in [from, to) are one later.
struct Delay {
  static constexpr Cycle kEver = INT64_MAX;

  Cycle from = 0;
  Cycle to = kEver;

  bool holds(Cycle cycle) const { return cycle >= from && cycle < to; }
  void apply(Cycle& cycle) const { cycle += holds(cycle); }
};

class Activity {
 public:
  // The core is active in `cycle`.
  void mark(Cycle cycle) {
    const auto at = static_cast<uint64_t>(cycle - base_);
    if (at < kFar) {
      words_[at / 64] |= uint64_t{1} << (at % 64);
    } else {
      mark_far(at);
    }
  }
  // The core is active in all of [first, last].
  void mark(Cycle first, Cycle last) {
    first = std::max(first, base_);
    if (first > last) return;
    const auto at = static_cast<uint64_t>(first - base_);
    const auto count = static_cast<uint64_t>(last - first + 1);
    if (at % 64 + count <= 64 && at < kFar) {
      words_[at / 64] |= (~uint64_t{0} >> (64 - count)) << (at % 64);
    } else {
      // One mark beyond the window is enough to count an overrun.
      last = std::min(last, base_ + static_cast<Cycle>(kBits));
      for (Cycle cycle = first; cycle <= last; ++cycle) mark(cycle);
    }
  }

  // Data or an answer requested at `asked` arrives at `cycle`.
  void await(Cycle asked, Cycle cycle) {
    mark(cycle);
    if (awaited_count_ == awaited_.size()) return;
    awaited_[awaited_count_++] = {asked, cycle};
    first_awaited_ = std::min(first_awaited_, cycle);
  }

  // Nothing more will be marked before `cycle`.  Returns the first arrival until then that finds
  // the core stopped, or 0.  To be called until it returns 0.
  Cycle next_stop(Cycle cycle) {
    while (first_awaited_ <= cycle) {
      const Cycle arrival = first_awaited_;
      remove_first();
      if (!marked(arrival - 1)) return arrival;
    }
    if (cycle > base_ + 64) advance(cycle);
    return 0;
  }

  // The delay by an arrival at `cycle` that found the core stopped.  It ends with an arrival, if
  // that was requested earlier and the core has nothing else to do until it.
  Delay delay_from(Cycle cycle);
  void apply(Delay delay);

  // Number of marks and queries beyond the window.  Their effect depends on where the window
  // begins, which is not part of the saved state.
  uint64_t overruns() const { return overruns_; }
  // Whether there was one since the last call.
  bool take_overrun() { return std::exchange(overruns_taken_, overruns_) != overruns_; }

  // No cycle before `front`, the argument of the last next_stop(), is queried any more.
  void save(StateWriter& state, Cycle front) const;
  void load(StateReader& state, Cycle front);

 private:
  static constexpr size_t kWords = 8;
  static constexpr size_t kAwaited = 64;
  static constexpr uint64_t kBits = 64 * kWords;
  static constexpr uint64_t kFar = kBits - 128;
  static constexpr Cycle kLongWait = 4;

  struct Awaited {
    Cycle asked = 0;
    Cycle arrival = 0;
  };

  bool marked(Cycle cycle) {
    const auto at = static_cast<uint64_t>(cycle - base_);
    overruns_ += at >= kFar && at <= INT64_MAX;
    return at < kBits && (words_[at / 64] >> (at % 64) & 1) != 0;
  }
  void mark_far(uint64_t at);
  std::array<uint64_t, kWords> words_from(Cycle front) const;
  void remove_first();
  void advance(Cycle cycle);

  // The window's first cycle after next_stop(`cycle`).
  static Cycle base_of(Cycle cycle) { return (cycle - 1) & ~Cycle{63}; }

  Cycle base_ = 0;  // of the first bit
  uint64_t overruns_ = 0;
  uint64_t overruns_taken_ = 0;
  std::array<uint64_t, kWords> words_{};
  std::array<Awaited, kAwaited> awaited_{};
  size_t awaited_count_ = 0;
  Cycle first_awaited_ = INT64_MAX;
};

}  // namespace aimc::embedded

#endif
