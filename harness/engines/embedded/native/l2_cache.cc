#include "l2_cache.hh"

#include <algorithm>

#include "clock.hh"
#include "crossbar.hh"

namespace aimc::embedded {

L2Cache::L2Cache(const CacheParams& params, Femtoseconds period, const LineGeometry& lines,
                 DmaCache& dma, DramPort& dram, Events& events)
    : period_(period),
      hit_cycles_(params.hit_latency_cycles),
      lines_(lines),
      tags_(params),
      mshrs_(params.mshrs),
      prefetcher_(params.prefetch_degree, lines),
      dma_(dma),
      dram_(dram),
      events_(events) {}

namespace {

// Whether the L2's prefetcher watches requests of `kind`.
bool trains(MissKind kind) {
  return kind == MissKind::kLoad || kind == MissKind::kStore || kind == MissKind::kPrefetch;
}

}  // namespace

Cycle L2Cache::access(LineNumber line, uint64_t pc, Cycle now, MissKind kind) {
  ++events_[kL2Accesses];
  issue_prefetches(now);
  const bool to_write = kind == MissKind::kStore || kind == MissKind::kDmaWrite;
  const Cache::Lookup lookup = tags_.access(line, false);
  const bool in_flight = mshrs_.fill_time(line, now) - hit_cycles_ > now;
  const Cycle looked_up = now + hit_cycles_;
  Cycle ready = looked_up;
  if (lookup.hit) {
    ready = std::max(ready, mshrs_.fill_time(line, now));
    if (to_write && tags_.contains_shared(line)) {
      ++events_[kL2Misses];
      ready = claim(line, looked_up);
    }
  } else {
    ++events_[kL2Misses];
    // Beside the L1, the requesting cache has already snooped the tiles' cache.
    const Cache::Copy dma = dma_.beside_l1() ? Cache::Copy{} : dma_.snoop(line, to_write);
    const Cycle answered = dma.dirty ? over_system_crossbar(looked_up) : read_dram(line, looked_up);
    // The fill takes as long as the lookup.
    ready = answered + hit_cycles_;
    mshrs_.allocate(line, ready);
    insert(line, false, false, looked_up, dma.present && !to_write);
  }
  const bool missed = !lookup.hit || in_flight;
  if (prefetcher_.enabled() && trains(kind) && (missed || lookup.was_prefetched)) {
    const uint64_t watched = kind == MissKind::kPrefetch ? ~pc : pc;
    prefetcher_.train(watched, line << lines_.shift, now);
  }
  return ready;
}

Cycle L2Cache::read_dram(LineNumber line, Cycle now) {
  const Femtoseconds asked = mshrs_.free_at(now) * period_;
  const Femtoseconds wait = up_to_edge(asked, kSystemPeriod) - asked;
  const Cycle ready = up_to_cycle(dram_.read(line, asked, wait), period_);
  mshrs_.allocate(line, ready);
  return ready;
}

void L2Cache::insert(LineNumber line, bool dirty, bool prefetched, Cycle now, bool shared) {
  const Cache::Victim victim = tags_.insert(line, dirty, prefetched, shared);
  if (victim.dirty) {
    ++events_[kL2Writebacks];
    dram_.write(victim.line, now * period_);
  }
}

void L2Cache::write_back(const Cache::Victim& victim, Cycle now) {
  ++events_[kL2Accesses];
  const Cache::Lookup lookup = tags_.access(victim.line, true);
  if (!lookup.hit) {
    insert(victim.line, true, false, now, victim.shared);
  } else if (lookup.was_shared && victim.shared) {
    tags_.share(victim.line);
  }
}

// Issues the queued prefetches that can have issued by `now`.
void L2Cache::issue_prefetches(Cycle now) {
  while (!prefetcher_.empty()) {
    const StridePrefetcher::Candidate next = prefetcher_.front();
    const Cycle ready = std::max(next.ready, next_prefetch_);
    const Cycle cycle = mshrs_.free_for_prefetch_at(ready);
    if (cycle > now) return;
    prefetcher_.pop();
    next_prefetch_ = cycle + 1;
    if (next.line >= lines_.count || tags_.contains(next.line)) continue;
    mshrs_.allocate(next.line, read_dram(next.line, cycle) + hit_cycles_);
    insert(next.line, false, true, cycle, false);
  }
}

Cycle L2Cache::claim(LineNumber line, Cycle now) {
  tags_.unshare(line);
  dma_.tags().invalidate(line);
  return over_system_crossbar(now) + hit_cycles_;
}

Cycle L2Cache::over_system_crossbar(Cycle now) const {
  const Femtoseconds asked = up_to_edge(now * period_, kSystemPeriod);
  return up_to_cycle(asked + kSystemCrossbarCycles * kSystemPeriod, period_);
}

}  // namespace aimc::embedded
