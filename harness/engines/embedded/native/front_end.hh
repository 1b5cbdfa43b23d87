// Fetch and decode: when each micro-operation reaches the issue stage.
//
// The first stage requests lines, one at a time.  The second takes `width` instructions per cycle
// out of them and predicts branches.  The third decodes `width` micro-operations per cycle.  Each
// stage has a short queue before it, and stalls while the next stage's queue is full.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_FRONT_END_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_FRONT_END_HH_

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "activity.hh"
#include "instruction_cache.hh"
#include "params.hh"
#include "state_bytes.hh"

namespace aimc::embedded {

class FrontEnd {
 public:
  FrontEnd(const CoreParams& core, InstructionCache& l1i, Activity& activity)
      : width_(core.issue_width),
        branch_delay_(core.branch_delay),
        fetch_cycles_(core.fetch_cycles),
        l1i_(l1i),
        activity_(activity) {}

  // `present`: all lines requested from now on are in the L1I.
  void assume_present(bool present) { present_ = present; }
  bool present() const { return present_; }

  // The next instruction is in `line`.  True: it begins a new group, at the earliest in
  // next_group().
  bool instruction(LineNumber line) {
    if (line != line_) enter_next_line(line);
    if (taken_ < width_ && line_ready_ <= cycle_) {
      ++taken_;
      return false;
    }
    close_group();
    return true;
  }
  Cycle next_group() const { return std::max({cycle_ + 1, line_ready_, decoded_.oldest()}); }
  void begin_group(Cycle cycle) {
    cycle_ = cycle;
    taken_ = 1;
    activity_.mark(cycle);
  }

  // The instruction's next micro-operation.  The one before it issued in cycle `issued`;
  // `issue_full`: nothing more could issue in that cycle.  Returns the first cycle in which this
  // one can issue.
  Cycle micro_op(Cycle issued, bool issue_full) {
    const Cycle there = cycle_ + 1;
    if (decoded_ops_ < width_ && there <= decode_cycle_) {
      ++decoded_ops_;
    } else {
      issued_.push(issued + (decoded_ops_ < width_ && issue_full ? 1 : 0));
      decode_cycle_ = std::max({decode_cycle_ + 1, there, issued_.oldest()});
      decoded_ops_ = 1;
      activity_.mark(decode_cycle_);
    }
    return decode_cycle_ + 1;
  }

  // The last instruction is a taken branch to `target` that was predicted.
  void predicted_taken(LineNumber target);

  // The last instruction committed at `commit`; the instructions after it are fetched again, from
  // `target` on.
  void refill(Cycle commit, LineNumber target);

  // Cycles waited for lines that were not in the L1I, since the last call.
  Cycle take_missed() { return std::exchange(missed_, 0); }

  void apply(Delay delay);

  // The line of the last instruction is not part of the state.
  void save(StateWriter& state) const;
  void load(StateReader& state);
  bool in_line(LineNumber line) const { return line == line_; }
  void set_line(LineNumber line) { line_ = line; }
  Cycle cycle() const { return cycle_; }

 private:
  // A refill waits for the wrong path's line in flight; so many cycles on average.
  static constexpr Cycle kFetchInFlight = 1;
  static constexpr size_t kDecodeQueue = 3;
  static constexpr size_t kIssueQueue = 7;

  // When the last groups left a queue, as many as it has entries.
  template <size_t kSize>
  struct Left {
    std::array<Cycle, kSize> cycles{};
    size_t next = 0;

    Cycle oldest() const { return cycles[next]; }
    void push(Cycle cycle) {
      cycles[next] = cycle;
      if (++next == kSize) next = 0;
    }
  };

  void close_group() {
    // A group that is not full leaves only in a decode cycle that has room.
    decoded_.push(decode_cycle_ + (taken_ < width_ && decoded_ops_ == width_ ? 1 : 0));
  }
  void enter_next_line(LineNumber line);
  void begin_line(LineNumber line, Cycle requested);
  Cycle request(LineNumber line, Cycle now);

  int width_;
  int branch_delay_;
  int fetch_cycles_;
  InstructionCache& l1i_;
  Activity& activity_;
  bool present_ = false;
  Cycle missed_ = 0;

  LineNumber line_ = ~LineNumber{0};
  Cycle line_ready_ = 0;      // the current line can be used
  Cycle next_requested_ = 0;  // the next one is requested
  Cycle next_ready_ = 0;      // and can be used; then another can be requested
  Cycle cycle_ = 0;           // of the current group of instructions
  int taken_ = 0;             // instructions in it
  Cycle decode_cycle_ = 0;
  int decoded_ops_ = 0;  // micro-operations in that cycle
  Left<kDecodeQueue> decoded_;
  Left<kIssueQueue> issued_;
};

}  // namespace aimc::embedded

#endif
