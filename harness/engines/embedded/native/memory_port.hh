// What the core asks of the memory system beyond certain hits, and what it is answered.
//
// How a block runs depends on the state in which it is entered and on these answers only.  They can
// be recorded, and the first ones given again without asking.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_MEMORY_PORT_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_MEMORY_PORT_HH_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "access.hh"
#include "memory_system.hh"
#include "params.hh"

namespace aimc::embedded {

class MemoryPort {
 public:
  explicit MemoryPort(MemorySystem& memory) : memory_(memory) {}

  enum class Kind : uint8_t { kLoad, kPrefetch, kStore };

  struct Answer {
    Cycle sent = 0;
    Cycle data = 0;  // are there
  };

  // An answer as a number: what was sent so many cycles late and took so many, or kNotSent.
  using Outcome = uint32_t;
  static constexpr Outcome kNotSent = ~0u;

  // Cycles count from the block's start, stores from its first one.
  struct Request {
    Kind kind = Kind::kLoad;
    int16_t number = 0;  // of the access
    int32_t at = 0;
    int32_t until = 0;
    Outcome outcome = kNotSent;
  };

  // No later than any cycle asked for.
  static constexpr Cycle kNoLimit = INT64_MAX - 1;

  // `access` can be sent from `at` on.  If memory takes it only after `until`, it is not sent.
  Answer ask(Kind kind, const Access& access, Cycle at, Cycle until) {
    return recording_ ? ask_recorded(kind, access, at, until) : perform(kind, access, at, until);
  }

  // The same, certainly of the memory system.
  Answer perform(Kind kind, const Access& access, Cycle at, Cycle until) {
    Answer answer{memory_.accepts_at(at), 0};
    if (answer.sent > until) return answer;
    if (kind == Kind::kPrefetch) {
      memory_.prefetch_data(access.address >> memory_.line_shift(), answer.sent);
      answer.data = answer.sent;
    } else {
      answer.data = data_of(access, answer.sent, kind == Kind::kStore);
    }
    return answer;
  }

  // From now on requests are recorded, from that cycle and that store on; the first outcomes are
  // known.
  void record(Cycle origin, int64_t first_store, const std::vector<Outcome>& known);
  void stop() { recording_ = false; }
  // False: a number was too large.
  bool recorded() const { return fits_; }
  const std::vector<Request>& requests() const { return requests_; }

  static Outcome outcome_of(const Answer& answer, Cycle at, Cycle until) {
    if (answer.sent > until) return kNotSent;
    const auto late = static_cast<uint64_t>(answer.sent - at);
    const auto takes = static_cast<uint64_t>(answer.data - answer.sent);
    return late < kLimit && takes < kLimit ? static_cast<Outcome>(late << kBits | takes) : kTooLong;
  }

 private:
  static constexpr int kBits = 16;
  static constexpr uint64_t kLimit = (1u << kBits) - 1;
  static constexpr Outcome kTooLong = kNotSent - 1;

  Answer ask_recorded(Kind kind, const Access& access, Cycle at, Cycle until);
  bool repeats(const Request& request) const;
  Cycle data_of(const Access& access, Cycle sent, bool store);

  MemorySystem& memory_;
  bool recording_ = false;
  bool fits_ = true;
  Cycle origin_ = 0;
  int64_t first_store_ = 0;
  std::vector<Outcome> known_;
  std::vector<Request> requests_;
};

}  // namespace aimc::embedded

#endif
