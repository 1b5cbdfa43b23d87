// The tiles' cache, and what it and the core's caches do for each other.
//
// It stands beside the L1s, on their crossbar to the L2, or on the system crossbar beside the L2. A
// line that two caches have is shared: whoever writes it first has the other give it up.  Of dirty
// lines the cache that has them answers; it keeps them as its own to write back.
#include "clock.hh"
#include "memory_system.hh"

namespace aimc::embedded {

namespace {

// Cycles of the tiles' crossbar to their cache, and of the system crossbar, with its snoop filter,
// there and back.
constexpr Cycle kTilesCrossbar = 3;
constexpr Cycle kSystemCrossbar = 8;
constexpr Cycle kSystemCrossbarBack = 2;

// Who writes all of a line needs no old data, and who holds it has them.
bool needs_data(MemorySystem::DmaKind kind, bool held) {
  return kind == MemorySystem::DmaKind::kRead ||
         (kind == MemorySystem::DmaKind::kWritePart && !held);
}

}  // namespace

MemorySystem::DmaAnswer MemorySystem::dma_access(LineNumber line, DmaKind kind, Femtoseconds at) {
  const Femtoseconds period = dma_.period_fs;
  const int cache_cycles = dma_.cache.hit_latency_cycles;
  // Lookups count whole cycles from an edge: what comes off it loses one at each.
  const Femtoseconds edge = up_to_edge(at, period);
  const int late = edge != at ? 1 : 0;
  const Femtoseconds looked_up = edge + (kTilesCrossbar + late + cache_cycles) * period;
  const Cache::Lookup lookup = dma_cache_.access(line, kind != DmaKind::kRead);
  if (lookup.hit && !lookup.was_shared) {
    return {std::max(looked_up, dma_misses_.arrival(line, at)), false};
  }
  const DmaLine taken = dma_.beside_l1 ? take_beside_l1(line, kind, lookup.hit, looked_up, late)
                                       : take_on_bus(line, kind, lookup.hit, looked_up, late);
  const Femtoseconds ready = taken.given + cache_cycles * period;
  dma_misses_.add(line, ready);
  if (lookup.hit) return {ready, false};
  const bool modified = dma_.beside_l1 && !taken.shared && l2_.take_dirty(line);
  const bool dirty = kind != DmaKind::kRead || modified;
  const Cache::Victim victim = dma_cache_.insert(line, dirty, false, taken.shared);
  if (victim.dirty && dma_.beside_l1) {
    write_back_to_l2(victim, up_to_cycle(looked_up));
  } else if (victim.dirty) {
    write_dram(victim.line, up_to_cycle(looked_up));
  }
  return {ready, kind != DmaKind::kWriteLine};
}

// What the tiles' cache lacks of `line`, the right to write it if it `held` it, asked of the L1D
// and the L2 on the edge `at`.
MemorySystem::DmaLine MemorySystem::take_beside_l1(LineNumber line, DmaKind kind, bool held,
                                                   Femtoseconds at, int late) {
  const bool reads = kind == DmaKind::kRead;
  const Cache::Copy l1d = reads ? l1d_.share(line) : l1d_.invalidate(line);
  if (!reads) l1d_misses_.remove(line);
  // The crossbar that takes the accesses to tiles out costs a cycle of the L1D's.
  const Cycle l1d_cycles = std::max(l1d_cycles_ - 1, 0);
  const Cycle asked = at / period_fs_ + kCrossbarCycles + late + (l1d.present ? l1d_cycles : 0);
  Cycle given = asked;
  if (!l1d.dirty) given = take_from_l2_for_dma(line, kind, held, asked);
  const bool shared = reads && (l1d.present || l2_.contains_shared(line));
  return {(given + kCrossbarCycles) * period_fs_, shared};
}

Cycle MemorySystem::take_from_l2_for_dma(LineNumber line, DmaKind kind, bool held, Cycle asked) {
  if (needs_data(kind, held)) {
    return access_l2(line, 0, asked, kind == DmaKind::kRead ? Want::kDmaRead : Want::kDmaWrite);
  }
  // Requests for the right to write are in no count of accesses, as on gem5.
  const Cycle looked_up = asked + l2_cycles_;
  const bool sole = l2_.contains(line) && !l2_.contains_shared(line);
  if (kind == DmaKind::kWriteLine) {
    l2_.invalidate(line);
  } else {
    l2_.unshare(line);
  }
  return sole ? looked_up : over_system_crossbar(looked_up) + l2_cycles_;
}

// The same as take_beside_l1(), asked over the system crossbar.
MemorySystem::DmaLine MemorySystem::take_on_bus(LineNumber line, DmaKind kind, bool held,
                                                Femtoseconds at, int late) {
  const bool reads = kind == DmaKind::kRead;
  const Cache::Copy l1d = reads ? l1d_.share(line) : l1d_.invalidate(line);
  const Cache::Copy l2 = reads ? l2_.share(line) : l2_.invalidate(line);
  if (!reads) l1d_misses_.remove(line);
  const Femtoseconds crossbar = (kSystemCrossbar + late) * kSystemPeriod;
  const Femtoseconds back = kSystemCrossbarBack * kSystemPeriod;
  const bool present = l1d.present || l2.present;
  const Femtoseconds l2_looked_up = present ? l2_cycles_ * period_fs_ : 0;
  DmaLine taken{at, reads && present};
  if (l1d.dirty) {
    taken.given += (l1d_cycles_ + kCrossbarCycles) * period_fs_ + l2_looked_up;
    taken.given = up_to_edge(taken.given, kSystemPeriod) + back;
  } else if (l2.dirty) {
    taken.given = up_to_edge(at + crossbar + l2_looked_up, kSystemPeriod) + back;
  } else if (needs_data(kind, held)) {
    const Femtoseconds asked = at + late * kSystemPeriod + l2_looked_up;
    taken.given = up_to_edge(dram_.read(line, asked), kSystemPeriod);
    events_[kDramReadBytes] += static_cast<uint64_t>(line_bytes_);
  } else {
    taken.given += crossbar + l2_looked_up;
  }
  return taken;
}

// A request that the system crossbar itself answers, or the tiles' cache behind it: when the answer
// is back at the L2.
Cycle MemorySystem::over_system_crossbar(Cycle now) const {
  const Femtoseconds asked = up_to_edge(now * period_fs_, kSystemPeriod);
  return up_to_cycle(asked + kSystemCrossbar * kSystemPeriod);
}

// The L2 has `line` and asks at `now` that the tiles' cache give it up.
Cycle MemorySystem::claim_for_l2(LineNumber line, Cycle now) {
  l2_.unshare(line);
  dma_cache_.invalidate(line);
  return over_system_crossbar(now) + l2_cycles_;
}

// The L1D has `line` and asks at `asked` that the tiles' cache give it up; when it may write it.
Cycle MemorySystem::upgrade(LineNumber line, Cycle asked) {
  catch_up(asked);
  const Cycle at_crossbar = asked + l1d_cycles_ + kCrossbarCycles;
  Cycle given = at_crossbar + l2_cycles_;
  const Cache::Copy dma = dma_.beside_l1 ? ask_dma_cache(line, true) : Cache::Copy{};
  if (dma.dirty) {
    given = at_crossbar + dma_.cache.hit_latency_cycles;
  } else if (!l2_.contains(line) || l2_.contains_shared(line)) {
    given = claim_for_l2(line, given);
  }
  return given + kCrossbarCycles + l1d_cycles_;
}

}  // namespace aimc::embedded
