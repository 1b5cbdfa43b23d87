#include "harness/engines/embedded/native/tests/reference_cache.hh"

#include <algorithm>

namespace aimc_test {

ReferenceLine* ReferenceCache::find(uint32_t number) {
  for (ReferenceLine& line : set_of(number)) {
    if (line.number == number) return &line;
  }
  return nullptr;
}

ReferenceLine* ReferenceCache::most_recent(uint32_t number) {
  std::list<ReferenceLine>& set = set_of(number);
  return set.empty() ? nullptr : &set.front();
}

void ReferenceCache::use(uint32_t number) {
  const ReferenceLine line = *find(number);
  remove(number);
  set_of(number).push_front(line);
}

std::optional<ReferenceLine> ReferenceCache::insert(const ReferenceLine& line) {
  std::list<ReferenceLine>& set = set_of(line.number);
  set.push_front(line);
  if (set.size() <= ways_) return {};
  const ReferenceLine victim = set.back();
  set.pop_back();
  return victim;
}

void ReferenceCache::remove(uint32_t number) {
  set_of(number).remove_if([&](const ReferenceLine& line) { return line.number == number; });
}

}  // namespace aimc_test
