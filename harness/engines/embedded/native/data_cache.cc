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

Cycle DataCache::access(uint32_t address, bool store, uint64_t pc, Cycle issue_cycle) {
  issue_prefetches(issue_cycle);
  const LineNumber line = lines_.line_of(address);
  const Cache::Lookup lookup = tags_.access(line, store);
  // Until it arrives, a line that was requested misses again.
  const Cycle filling = static_cast<Cycle>(lines_.bytes / kL1CrossbarBytes) + hit_cycles_;
  const bool missed = !lookup.hit || mshrs_.fill_time(line, issue_cycle) - filling > issue_cycle;
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
  if (prefetcher_.enabled() && (missed || lookup.was_prefetched)) {
    prefetcher_.train(pc, address, issue_cycle);
  }
  return data;
}

void DataCache::issue_queued(Cycle now) {
  while (!prefetcher_.empty()) {
    const StridePrefetcher::Candidate next = prefetcher_.front();
    const Cycle ready = std::max(next.ready, next_prefetch_);
    const Cycle cycle = mshrs_.free_for_prefetch_at(ready);
    if (cycle > now) return;
    prefetcher_.pop();
    next_prefetch_ = cycle + 1;
    if (next.line >= lines_.count || tags_.contains(next.line)) continue;
    // A prefetch leaves the cache at once.
    const L1Crossbar::Fill fill =
        crossbar_.fill(next.line, next.pc, cycle - hit_cycles_, hit_cycles_, MissKind::kPrefetch);
    mshrs_.allocate(next.line, fill.whole);
    insert(next.line, false, true, cycle, fill.shared);
  }
}

void DataCache::prefetch(LineNumber line, Cycle issue_cycle) {
  issue_prefetches(issue_cycle);
  if (tags_.access(line, false).hit) return;
  ++events_[kL1dMisses];
  const L1Crossbar::Fill fill =
      crossbar_.fill(line, 0, issue_cycle, hit_cycles_, MissKind::kUnwatched);
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
