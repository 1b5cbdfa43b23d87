// The core's requests to the memory system, other than known L1D hits, and their answers.
//
// How a block runs depends only on the state in which it is entered and on these answers.  The port
// can record the requests of a block, and replay the answers to the first of them.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_MEMORY_PORT_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_MEMORY_PORT_HH_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "access.hh"
#include "data_cache.hh"
#include "params.hh"

namespace aimc::embedded {

class MemoryPort {
 public:
  explicit MemoryPort(DataCache& l1d) : l1d_(l1d) {}

  enum class Kind : uint8_t { kLoad, kPrefetch, kStore };

  struct Answer {
    Cycle issue_cycle = 0;
    Cycle data_cycle = 0;  // the data are there
  };

  // An answer as a number: cycles until issue and from issue to data, or kNotIssued.
  using Outcome = uint32_t;
  static constexpr Outcome kNotIssued = ~0u;

  // Cycles are relative to the block's start, numbers of stores to its first store.
  struct Request {
    Kind kind = Kind::kLoad;
    int16_t number = 0;  // of the access
    int32_t ready = 0;   // first cycle in which it could issue
    int32_t limit = 0;   // last cycle in which it may
    Outcome outcome = kNotIssued;
  };

  // No cycle is later.
  static constexpr Cycle kNoLimit = INT64_MAX - 1;

  // Issues `access` in the first cycle from `ready` on in which memory accepts it.  If that is
  // after `limit`, the access is not issued, and the answer's issue_cycle is after `limit`.
  Answer issue(Kind kind, const Access& access, Cycle ready, Cycle limit) {
    return recording_ ? issue_recorded(kind, access, ready, limit)
                      : perform(kind, access, ready, limit);
  }

  // The same, without recording or replaying.
  Answer perform(Kind kind, const Access& access, Cycle ready, Cycle limit) {
    Answer answer{l1d_.accepts_at(ready), 0};
    if (answer.issue_cycle > limit) return answer;
    if (kind == Kind::kPrefetch) {
      l1d_.prefetch(l1d_.lines().line_of(access.address), answer.issue_cycle);
      answer.data_cycle = answer.issue_cycle;
    } else {
      answer.data_cycle = data_cycle(access, answer.issue_cycle, kind == Kind::kStore);
    }
    return answer;
  }

  // Records requests from now on, with cycles relative to `origin` and stores to `first_store`. The
  // first ones are answered with `replayed`.
  void record(Cycle origin, int64_t first_store, const std::vector<Outcome>& replayed);
  void stop() { recording_ = false; }
  // False: a number of a request does not fit its field.
  bool recorded() const { return fits_; }
  const std::vector<Request>& requests() const { return requests_; }

  static Outcome outcome_of(const Answer& answer, Cycle ready, Cycle limit) {
    if (answer.issue_cycle > limit) return kNotIssued;
    const auto wait = static_cast<uint64_t>(answer.issue_cycle - ready);
    const auto latency = static_cast<uint64_t>(answer.data_cycle - answer.issue_cycle);
    return wait < kMost && latency < kMost ? static_cast<Outcome>(wait << kBits | latency)
                                           : kTooLong;
  }

 private:
  static constexpr int kBits = 16;
  static constexpr uint64_t kMost = (1u << kBits) - 1;
  static constexpr Outcome kTooLong = kNotIssued - 1;

  Answer issue_recorded(Kind kind, const Access& access, Cycle ready, Cycle limit);
  bool repeats(const Request& request) const;
  Cycle data_cycle(const Access& access, Cycle issue_cycle, bool store);

  DataCache& l1d_;
  bool recording_ = false;
  bool fits_ = true;
  Cycle origin_ = 0;
  int64_t first_store_ = 0;
  std::vector<Outcome> replayed_;
  std::vector<Request> requests_;
};

}  // namespace aimc::embedded

#endif
