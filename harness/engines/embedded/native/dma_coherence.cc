#include "dma_coherence.hh"

#include <algorithm>

#include "clock.hh"
#include "crossbar.hh"

namespace aimc::embedded {

DmaCoherence::Answer DmaCoherence::access(LineNumber line, Kind kind, Femtoseconds at) {
  const Femtoseconds period = cache_.period();
  const Cycle hit_cycles = cache_.hit_cycles();
  // Lookups count whole cycles from an edge: a burst between two edges loses one at each.
  const Femtoseconds edge = up_to_edge(at, period);
  const int late = edge != at ? 1 : 0;
  const Femtoseconds looked_up = edge + (kTilesCrossbarCycles + late + hit_cycles) * period;
  const Cache::Lookup lookup = cache_.tags().access(line, kind != Kind::kRead);
  if (lookup.hit && !lookup.was_shared) {
    return {std::max(looked_up, cache_.mshrs().fill_time(line, at)), false};
  }
  const Miss miss{line, kind, lookup.hit, looked_up, late};
  const Grant grant = cache_.beside_l1() ? ask_beside_l1(miss) : ask_on_bus(miss);
  const Femtoseconds ready = grant.given + hit_cycles * period;
  cache_.mshrs().allocate(line, ready);
  if (lookup.hit) return {ready, false};
  const bool modified = cache_.beside_l1() && !grant.shared && l2_.take_dirty(line);
  insert(line, miss.to_write() || modified, grant.shared, up_to_cycle(looked_up, core_period_));
  return {ready, kind != Kind::kWriteLine};
}

void DmaCoherence::insert(LineNumber line, bool dirty, bool shared, Cycle now) {
  const Cache::Victim victim = cache_.tags().insert(line, dirty, false, shared);
  if (!victim.dirty) return;
  if (cache_.beside_l1()) {
    l2_.write_back(victim, now);
  } else {
    dram_.write(victim.line, now * core_period_);
  }
}

// Requests what the cache lacks of the L1D and the L2, over the L1s' crossbar.
DmaCoherence::Grant DmaCoherence::ask_beside_l1(const Miss& miss) {
  const Cache::Copy l1d = l1d_.snoop(miss.line, miss.to_write());
  // The crossbar that takes the accesses to tiles out costs one of the L1D's cycles.
  const Cycle l1d_cycles = std::max<Cycle>(l1d_.hit_cycles() - 1, 0);
  const Cycle asked =
      miss.asked / core_period_ + kL1CrossbarCycles + miss.late + (l1d.present ? l1d_cycles : 0);
  const Cycle given = l1d.dirty ? asked : ask_l2(miss, asked);
  const bool shared = !miss.to_write() && (l1d.present || l2_.contains_shared(miss.line));
  return {(given + kL1CrossbarCycles) * core_period_, shared};
}

Cycle DmaCoherence::ask_l2(const Miss& miss, Cycle asked) {
  if (miss.needs_data()) {
    const MissKind kind = miss.to_write() ? MissKind::kDmaWrite : MissKind::kDmaRead;
    return l2_.access(miss.line, 0, asked, kind);
  }
  // As on gem5, a request for the right to write is not counted as an access.
  const Cycle looked_up = asked + l2_.hit_cycles();
  const bool sole = l2_.contains(miss.line) && !l2_.contains_shared(miss.line);
  if (miss.kind == Kind::kWriteLine) {
    l2_.snoop(miss.line, true);
  } else {
    l2_.unshare(miss.line);
  }
  return sole ? looked_up : l2_.over_system_crossbar(looked_up) + l2_.hit_cycles();
}

// Requests what the cache lacks of the L1D, the L2 and the DRAM, over the system crossbar.
DmaCoherence::Grant DmaCoherence::ask_on_bus(const Miss& miss) {
  const Cache::Copy l1d = l1d_.snoop(miss.line, miss.to_write());
  const Cache::Copy l2 = l2_.snoop(miss.line, miss.to_write());
  const Femtoseconds crossbar = (kSystemCrossbarCycles + miss.late) * kSystemPeriod;
  const Femtoseconds back = kSystemCrossbarBackCycles * kSystemPeriod;
  const bool present = l1d.present || l2.present;
  const Femtoseconds l2_lookup = present ? l2_.hit_cycles() * core_period_ : 0;
  Grant grant{miss.asked, !miss.to_write() && present};
  if (l1d.dirty) {
    grant.given += (l1d_.hit_cycles() + kL1CrossbarCycles) * core_period_ + l2_lookup;
    grant.given = up_to_edge(grant.given, kSystemPeriod) + back;
  } else if (l2.dirty) {
    grant.given = up_to_edge(miss.asked + crossbar + l2_lookup, kSystemPeriod) + back;
  } else if (miss.needs_data()) {
    grant.given = dram_.read(miss.line, miss.asked + miss.late * kSystemPeriod + l2_lookup, 0);
  } else {
    grant.given += crossbar + l2_lookup;
  }
  return grant;
}

}  // namespace aimc::embedded
