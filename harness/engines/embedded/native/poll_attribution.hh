// Attributes the loop around a poll of a tile to what the poll waits for.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_POLL_ATTRIBUTION_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_POLL_ATTRIBUTION_HH_

#include <cstdint>

#include "aimc_tile/core/polling.hh"
#include "events.hh"

namespace aimc::embedded {

class PollAttribution {
 public:
  // The instruction at `pc` polls the register at `address`, and waits because of `cause`;
  // `instructions` have executed.  If it polled that register before, a short loop ago, the compute
  // cycles since then were waiting.
  void poll(uint64_t pc, uint64_t address, Event cause, uint64_t instructions, Events& events) {
    if (active_ && pc == pc_ && address == address_ &&
        instructions - instructions_ <= kPollLoopInstructions) {
      const uint64_t loop = events[kCyclesCompute] - compute_cycles_;
      events[kCyclesCompute] -= loop;
      events[cause_] += loop;
    }
    active_ = true;
    pc_ = pc;
    address_ = address;
    cause_ = cause;
    instructions_ = instructions;
    compute_cycles_ = events[kCyclesCompute];
  }

  // The program makes another device access: no loop reaches over it.
  void other_access() { active_ = false; }

  // The last device access was a poll.
  bool active() const { return active_; }

  // The last poll moves ahead by so much.
  void advance(uint64_t instructions, uint64_t compute_cycles) {
    instructions_ += instructions;
    compute_cycles_ += compute_cycles;
  }

 private:
  // The last poll.
  bool active_ = false;
  uint64_t pc_ = 0;
  uint64_t address_ = 0;
  Event cause_ = kCyclesTileTransfer;
  uint64_t instructions_ = 0;
  uint64_t compute_cycles_ = 0;
};

}  // namespace aimc::embedded

#endif
