// A stride prefetcher with a queue: watches the misses of each instruction, as gem5's
// StridePrefetcher (src/mem/cache/prefetch/stride.cc, queued.cc).
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_PREFETCHER_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_PREFETCHER_HH_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "line_geometry.hh"
#include "params.hh"

namespace aimc::embedded {

class StridePrefetcher {
 public:
  StridePrefetcher(int degree, const LineGeometry& lines) : degree_(degree), lines_(lines) {}

  bool enabled() const { return degree_ > 0; }

  struct Candidate {
    LineNumber line = 0;
    uint64_t pc = 0;  // of the instruction that was watched
    Cycle ready = 0;  // it may issue from then on
  };

  // The instruction at `pc` accesses `address` at `now`: it misses, or is the first to use a line
  // that was prefetched.  Adds what it may access next to the queue.
  void train(uint64_t pc, uint32_t address, Cycle now);

  bool empty() const { return queue_.empty(); }
  const Candidate& front() const { return queue_.front(); }
  void pop() { queue_.pop_front(); }

 private:
  static constexpr size_t kSets = 16;
  static constexpr size_t kWays = 4;
  static constexpr size_t kQueue = 32;
  static constexpr uint32_t kPageBytes = 4096;  // prefetches stay in the page
  // A counter of three bits, which must be at least half.
  static constexpr int kFirstConfidence = 4;
  static constexpr int kThreshold = 4;
  static constexpr int kMostConfidence = 7;

  struct Entry {
    uint64_t pc = ~0ull;
    uint32_t address = 0;
    int32_t stride = 0;
    int confidence = kFirstConfidence;
  };
  struct Set {
    std::array<Entry, kWays> ways;
    size_t next = 0;  // to be replaced
  };

  Entry* find(uint64_t pc, uint32_t address);
  void add(uint64_t pc, LineNumber line, Cycle ready);

  int degree_;
  LineGeometry lines_;
  std::array<Set, kSets> table_{};
  std::deque<Candidate> queue_;
};

}  // namespace aimc::embedded

#endif
