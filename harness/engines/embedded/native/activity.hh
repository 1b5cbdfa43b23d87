// Whether the core does anything in a cycle.
//
// A core that has nothing to do in a cycle stops at its end.  What it waits for then finds it
// stopped: it goes on a cycle later than one that was busy with something else.
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

// Cycles of the core's in [from, to) come one later.
struct Delay {
  static constexpr Cycle kEver = INT64_MAX;

  Cycle from = 0;
  Cycle to = kEver;

  bool holds(Cycle cycle) const { return cycle >= from && cycle < to; }
  void apply(Cycle& cycle) const { cycle += holds(cycle); }
};

class Activity {
 public:
  // Something is done in `cycle`.
  void mark(Cycle cycle) {
    const auto at = static_cast<uint64_t>(cycle - base_);
    if (at < kFar) {
      words_[at / 64] |= uint64_t{1} << (at % 64);
    } else {
      mark_far(at);
    }
  }
  // The same for all of [first, last].
  void mark(Cycle first, Cycle last) {
    first = std::max(first, base_);
    if (first > last) return;
    const auto at = static_cast<uint64_t>(first - base_);
    const auto count = static_cast<uint64_t>(last - first + 1);
    if (at % 64 + count <= 64 && at < kFar) {
      words_[at / 64] |= (~uint64_t{0} >> (64 - count)) << (at % 64);
    } else {
      // Of those beyond the window one tells that there were some.
      last = std::min(last, base_ + static_cast<Cycle>(kBits));
      for (Cycle cycle = first; cycle <= last; ++cycle) mark(cycle);
    }
  }

  // What the core asked for at `asked` arrives at `cycle`.
  void await(Cycle asked, Cycle cycle) {
    mark(cycle);
    if (awaited_count_ == awaited_.size()) return;
    awaited_[awaited_count_++] = {asked, cycle};
    first_awaited_ = std::min(first_awaited_, cycle);
  }

  // Nothing more will be marked before `cycle`.  Returns the first arrival until then that finds
  // the core stopped, or 0; call it until it is 0.
  Cycle next_stop(Cycle cycle) {
    while (first_awaited_ <= cycle) {
      const Cycle arrival = first_awaited_;
      remove_first();
      if (!marked(arrival - 1)) return arrival;
    }
    if (cycle > base_ + 64) advance(cycle);
    return 0;
  }

  // What an arrival at `cycle` delays that found the core stopped: everything, up to the arrival of
  // something asked for before that the core has nothing to do but to wait for.
  Delay delay_from(Cycle cycle);
  void apply(Delay delay);

  // What is marked far ahead is forgotten or not, depending on where the window happens to begin.
  // Whether there has been such a thing since the last time.
  bool take_far() { return std::exchange(far_taken_, far_) != far_; }
  // How often there has been such a thing.
  uint64_t far() const { return far_; }

  // Nothing is asked of cycles before `front`, of the last next_stop().
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
    far_ += at >= kFar && at <= INT64_MAX;
    return at < kBits && (words_[at / 64] >> (at % 64) & 1) != 0;
  }
  void mark_far(uint64_t at);
  std::array<uint64_t, kWords> words_from(Cycle front) const;
  void remove_first();
  void advance(Cycle cycle);

  // The window's first cycle if next_stop() was last called for `cycle`.
  static Cycle base_of(Cycle cycle) { return (cycle - 1) & ~Cycle{63}; }

  Cycle base_ = 0;  // of the first bit
  uint64_t far_ = 0;
  uint64_t far_taken_ = 0;
  std::array<uint64_t, kWords> words_{};
  std::array<Awaited, kAwaited> awaited_{};
  size_t awaited_count_ = 0;
  Cycle first_awaited_ = INT64_MAX;
};

}  // namespace aimc::embedded

#endif
