// What the tags of a cache must hold, as lists of lines with named marks; nothing of it is shared
// with the model.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_TESTS_REFERENCE_CACHE_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_TESTS_REFERENCE_CACHE_HH_

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <vector>

namespace aimc_test {

struct ReferenceLine {
  uint32_t number = 0;
  bool dirty = false;
  bool prefetched = false;
  bool shared = false;
};

class ReferenceCache {
 public:
  ReferenceCache(size_t sets, size_t ways) : ways_(ways), sets_(sets) {}

  // The line, or null.
  ReferenceLine* find(uint32_t number);
  // The line that the set of `number` has used last, or null.
  ReferenceLine* most_recent(uint32_t number);
  // Makes a line that is present the most recently used one of its set.
  void use(uint32_t number);
  // Puts in a line that is absent, as most recently used; the line that has to leave, if any.
  std::optional<ReferenceLine> insert(const ReferenceLine& line);
  void remove(uint32_t number);

 private:
  std::list<ReferenceLine>& set_of(uint32_t number) { return sets_[number % sets_.size()]; }

  size_t ways_;
  std::vector<std::list<ReferenceLine>> sets_;  // most recently used first
};

}  // namespace aimc_test

#endif
