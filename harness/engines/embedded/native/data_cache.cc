#include "data_cache.hh"

#include "crossbar.hh"

namespace aimc::embedded {

void DataCache::insert(LineNumber line, bool dirty, bool prefetched, Cycle now, bool shared) {
  const bool modified = !shared && l2_.take_dirty(line);
  const Cache::Victim victim = tags_.insert(line, dirty || modified, prefetched, shared);
  if (!victim.dirty) return;
  ++events_[kL1dWritebacks];
  l2_.write_back(victim, now);
}

Cycle DataCache::access(LineNumber line, bool store, uint64_t pc, Cycle issue_cycle) {
  const Cache::Lookup lookup = tags_.access(line, store);
  Cycle data = 0;
  if (lookup.was_shared) {
    ++events_[kL1dMisses];
    data = crossbar_.upgrade(line, issue_cycle, hit_cycles_);
    mshrs_.allocate(line, data);
  } else if (lookup.hit) {
    data = hit_in_flight(line, issue_cycle);
  } else {
    ++events_[kL1dMisses];
    const MissKind kind = store ? MissKind::kStore : MissKind::kLoad;
    const L1Crossbar::Fill fill = crossbar_.fill(line, pc, issue_cycle, hit_cycles_, kind);
    data = fill.critical;
    mshrs_.allocate(line, fill.whole);
    insert(line, store, false, issue_cycle, fill.shared);
  }
  if (prefetcher_.enabled() && (!lookup.hit || lookup.was_prefetched)) {
    const int64_t stride = prefetcher_.train(pc, line);
    if (stride != 0) prefetch_stride(line, stride, issue_cycle);
  }
  return data;
}

void DataCache::prefetch_stride(LineNumber line, int64_t stride, Cycle now) {
  for (int i = 1; i <= prefetcher_.degree(); ++i) {
    const int64_t target = static_cast<int64_t>(line) + stride * i;
    if (target < 0 || target >= static_cast<int64_t>(lines_.count)) return;
    const auto next = static_cast<LineNumber>(target);
    if (tags_.contains(next)) continue;
    if (mshrs_.free_at(now) > now) return;
    const L1Crossbar::Fill fill = crossbar_.fill(next, 0, now, hit_cycles_, MissKind::kPrefetch);
    mshrs_.allocate(next, fill.whole);
    insert(next, false, true, now, fill.shared);
  }
}

void DataCache::prefetch(LineNumber line, Cycle issue_cycle) {
  if (tags_.access(line, false).hit) return;
  ++events_[kL1dMisses];
  const L1Crossbar::Fill fill = crossbar_.fill(line, 0, issue_cycle, hit_cycles_, MissKind::kLoad);
  mshrs_.allocate(line, fill.whole);
  insert(line, false, false, issue_cycle, fill.shared);
}

bool DataCache::fill_tags_from_l2(LineNumber line, bool store, Cycle now) {
  if (prefetcher_.enabled() || l2_.prefetches()) return false;
  crossbar_.catch_up(now);
  // A line that involves the tiles' cache has another latency.
  if (tags_.contains_shared(line) || dma_.tags().contains(line) || l2_.contains_shared(line)) {
    return false;
  }
  if (!l2_.access_if_hit(line, now)) return false;
  ++events_[kL1dMisses];
  insert(line, store, false, now, false);
  return true;
}

Cycle DataCache::fill_from_l2(LineNumber line, Cycle issue_cycle) {
  const Cycle given = issue_cycle + hit_cycles_ + kL1CrossbarCycles + l2_.hit_cycles();
  const L1Crossbar::Fill fill = crossbar_.filled_at(given, hit_cycles_);
  mshrs_.allocate(line, fill.whole);
  return fill.critical;
}

}  // namespace aimc::embedded
