#include "instruction_cache.hh"

#include <algorithm>

namespace aimc::embedded {

Cycle InstructionCache::fetch(LineNumber line, Cycle now) {
  Cycle ready = now + hit_cycles_;
  if (line >= lines_) return ready;
  const Cache::Lookup lookup = tags_.access(line, false);
  const auto fill = [this, now](LineNumber missed) {
    return crossbar_.fill(missed, 0, now, hit_cycles_, MissKind::kUnwatched);
  };
  if (lookup.hit) {
    ready = std::max(ready, mshrs_.fill_time(line, now));
  } else {
    ++events_[kL1iMisses];
    const L1Crossbar::Fill filled = fill(line);
    ready = filled.critical;
    mshrs_.allocate(line, filled.whole);
    tags_.insert(line, false, false);
  }
  if (!lookup.hit || lookup.was_prefetched) {
    for (int i = 1; i <= prefetch_degree_; ++i) {
      const LineNumber next = line + static_cast<LineNumber>(i);
      if (next >= lines_ || tags_.contains(next)) continue;
      if (mshrs_.free_at(now) > now) break;
      mshrs_.allocate(next, fill(next).whole);
      tags_.insert(next, false, true);
    }
  }
  return ready;
}

}  // namespace aimc::embedded
