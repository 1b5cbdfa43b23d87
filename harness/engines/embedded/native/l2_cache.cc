#include "l2_cache.hh"

#include <algorithm>

#include "clock.hh"
#include "crossbar.hh"

namespace aimc::embedded {

L2Cache::L2Cache(const CacheParams& params, Femtoseconds period, const LineGeometry& lines,
                 DmaCache& dma, DramPort& dram, Events& events)
    : period_(period),
      hit_cycles_(params.hit_latency_cycles),
      lines_(lines.count),
      tags_(params),
      mshrs_(params.mshrs),
      prefetcher_(params.prefetch_degree),
      dma_(dma),
      dram_(dram),
      events_(events) {}

Cycle L2Cache::access(LineNumber line, uint64_t pc, Cycle now, MissKind kind) {
  ++events_[kL2Accesses];
  const bool to_write = kind == MissKind::kStore || kind == MissKind::kDmaWrite;
  const Cache::Lookup lookup = tags_.access(line, false);
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
  const bool trains = kind == MissKind::kLoad || kind == MissKind::kStore;
  if (prefetcher_.enabled() && trains && (!lookup.hit || lookup.was_prefetched)) {
    prefetch(line, prefetcher_.train(pc, line), looked_up);
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

void L2Cache::prefetch(LineNumber line, int64_t stride, Cycle now) {
  for (int i = 1; stride != 0 && i <= prefetcher_.degree(); ++i) {
    const int64_t target = static_cast<int64_t>(line) + stride * i;
    if (target < 0 || target >= static_cast<int64_t>(lines_)) break;
    const auto next = static_cast<LineNumber>(target);
    if (tags_.contains(next)) continue;
    if (mshrs_.free_at(now) > now) break;
    read_dram(next, now);
    insert(next, false, true, now, false);
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
