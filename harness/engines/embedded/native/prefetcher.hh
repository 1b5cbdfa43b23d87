// A stride prefetcher: watches the misses of each load or store instruction.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_PREFETCHER_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_PREFETCHER_HH_

#include <array>
#include <cstdint>

#include "line_geometry.hh"

namespace aimc::embedded {

class StridePrefetcher {
 public:
  explicit StridePrefetcher(int degree) : degree_(degree) {}

  bool enabled() const { return degree_ > 0; }
  int degree() const { return degree_; }

  // The instruction at `pc` misses `line`, or is the first to use it after a prefetch.  Returns the
  // stride in lines once it was the same twice in a row, else 0.
  int64_t train(uint64_t pc, LineNumber line) {
    Entry& entry = table_[(pc >> 2) % table_.size()];
    if (entry.pc != pc) {
      entry = Entry{pc, line, 0, false};
      return 0;
    }
    const int64_t stride = static_cast<int64_t>(line) - static_cast<int64_t>(entry.line);
    entry.confirmed = stride != 0 && stride == entry.stride;
    entry.stride = stride;
    entry.line = line;
    return entry.confirmed ? stride : 0;
  }

 private:
  struct Entry {
    uint64_t pc = ~0ull;
    LineNumber line = 0;
    int64_t stride = 0;
    bool confirmed = false;
  };

  int degree_;
  std::array<Entry, 64> table_{};
};

}  // namespace aimc::embedded

#endif
