#include "memory_system.hh"

#include <stdexcept>

#include "clock.hh"

namespace aimc::embedded {

void MissRegisters::retire(Cycle now) {
  entries_.erase(std::remove_if(entries_.begin(), entries_.end(),
                                [now](const Entry& entry) { return entry.arrival <= now; }),
                 entries_.end());
  first_ = INT64_MAX;
  for (const Entry& entry : entries_) first_ = std::min(first_, entry.arrival);
}

Cycle MissRegisters::first_free() const {
  if (entries_.size() == capacity_) {
    Cycle first = INT64_MAX;
    for (const Entry& entry : entries_) first = std::min(first, entry.arrival);
    return first;
  }
  std::vector<Cycle> arrivals;
  arrivals.reserve(entries_.size());
  for (const Entry& entry : entries_) arrivals.push_back(entry.arrival);
  // As many must go as are too many, and one.
  const size_t last = entries_.size() - capacity_;
  std::nth_element(arrivals.begin(), arrivals.begin() + static_cast<ptrdiff_t>(last),
                   arrivals.end());
  return arrivals[last];
}

void MissRegisters::remove(LineNumber line) {
  entries_.erase(std::remove_if(entries_.begin(), entries_.end(),
                                [line](const Entry& entry) { return entry.line == line; }),
                 entries_.end());
}

MemorySystem::MemorySystem(const CoreParams& core, const CachesParams& caches,
                           const DramParams& dram, const DmaPathParams& dma, Events& events)
    : period_fs_(core.period_fs),
      l1i_cycles_(caches.l1i.hit_latency_cycles),
      l1d_cycles_(caches.l1d.hit_latency_cycles),
      l2_cycles_(caches.l2.hit_latency_cycles),
      line_bytes_(caches.l2.line_bytes),
      line_shift_(__builtin_ctz(static_cast<unsigned>(caches.l2.line_bytes))),
      lines_(static_cast<LineNumber>(dram.size_bytes >> line_shift_)),
      l1i_prefetch_degree_(caches.l1i.prefetch_degree),
      l1i_(caches.l1i),
      l1d_(caches.l1d),
      l2_(caches.l2),
      l1i_misses_(caches.l1i.mshrs),
      l1d_misses_(caches.l1d.mshrs),
      l2_misses_(caches.l2.mshrs),
      l1d_prefetcher_(caches.l1d.prefetch_degree),
      l2_prefetcher_(caches.l2.prefetch_degree),
      dram_(dram),
      dma_(dma),
      dma_cache_(dma.cache),
      dma_misses_(dma.cache.mshrs),
      events_(events) {
  if (caches.l1i.line_bytes != line_bytes_ || caches.l1d.line_bytes != line_bytes_) {
    throw std::invalid_argument("all caches must have lines of the same size");
  }
}

void MemorySystem::write_dram(LineNumber line, Cycle now) {
  dram_.write(line, now * period_fs_);
  events_[kDramWriteBytes] += static_cast<uint64_t>(line_bytes_);
}

Cycle MemorySystem::access_dram(LineNumber line, Cycle now) {
  const Femtoseconds asked = l2_misses_.free_at(now) * period_fs_;
  // Request and answer wait for an edge of the system crossbar's clock.
  const Femtoseconds waited = up_to_edge(asked, kSystemPeriod) - asked;
  const Femtoseconds answered = up_to_edge(dram_.read(line, asked) + waited, kSystemPeriod);
  const Cycle arrival = up_to_cycle(answered);
  l2_misses_.add(line, arrival);
  events_[kDramReadBytes] += static_cast<uint64_t>(line_bytes_);
  return arrival;
}

void MemorySystem::insert_l2(LineNumber line, bool dirty, bool prefetched, Cycle now, bool shared) {
  const Cache::Victim victim = l2_.insert(line, dirty, prefetched, shared);
  if (victim.dirty) {
    ++events_[kL2Writebacks];
    write_dram(victim.line, now);
  }
}

void MemorySystem::write_back_to_l2(const Cache::Victim& victim, Cycle now) {
  ++events_[kL2Accesses];
  const Cache::Lookup lookup = l2_.access(victim.line, true);
  if (!lookup.hit) {
    insert_l2(victim.line, true, false, now, victim.shared);
  } else if (lookup.was_shared && victim.shared) {
    l2_.share(victim.line);
  }
}

void MemorySystem::insert_l1d(LineNumber line, bool dirty, bool prefetched, Cycle now,
                              bool shared) {
  const bool modified = !shared && l2_.take_dirty(line);
  const Cache::Victim victim = l1d_.insert(line, dirty || modified, prefetched, shared);
  if (!victim.dirty) return;
  ++events_[kL1dWritebacks];
  write_back_to_l2(victim, now);
}

// The L2 asked for `line` at `now`; returns when it has it to give.
Cycle MemorySystem::access_l2(LineNumber line, uint64_t pc, Cycle now, Want want) {
  ++events_[kL2Accesses];
  const bool store = want == Want::kStore || want == Want::kDmaWrite;
  const Cache::Lookup lookup = l2_.access(line, false);
  const Cycle looked_up = now + l2_cycles_;
  Cycle arrival = looked_up;
  if (lookup.hit) {
    arrival = std::max(arrival, l2_misses_.arrival(line, now));
    if (store && l2_.contains_shared(line)) {
      ++events_[kL2Misses];
      arrival = claim_for_l2(line, looked_up);
    }
  } else {
    ++events_[kL2Misses];
    // Beside the L1 whoever asks has asked the tiles' cache already.
    const Cache::Copy dma = dma_.beside_l1 ? Cache::Copy{} : ask_dma_cache(line, store);
    // As long again from the answer to the line's being in the cache.
    arrival =
        (dma.dirty ? over_system_crossbar(looked_up) : access_dram(line, looked_up)) + l2_cycles_;
    l2_misses_.add(line, arrival);
    insert_l2(line, false, false, looked_up, dma.present && !store);
  }
  const bool trains = want == Want::kLoad || want == Want::kStore;
  if (l2_prefetcher_.enabled() && trains && (!lookup.hit || lookup.was_prefetched)) {
    prefetch_l2(line, l2_prefetcher_.train(pc, line), looked_up);
  }
  return arrival;
}

void MemorySystem::prefetch_l2(LineNumber line, int64_t stride, Cycle now) {
  for (int i = 1; stride != 0 && i <= l2_prefetcher_.degree(); ++i) {
    const int64_t target = static_cast<int64_t>(line) + stride * i;
    if (target < 0 || target >= static_cast<int64_t>(lines_)) break;
    const auto next = static_cast<LineNumber>(target);
    if (l2_.contains(next)) continue;
    if (l2_misses_.free_at(now) > now) break;
    access_dram(next, now);
    insert_l2(next, false, true, now);
  }
}

MemorySystem::Fill MemorySystem::fill(LineNumber line, uint64_t pc, Cycle asked, int l1_cycles,
                                      Want want) {
  catch_up(asked);
  const bool store = want == Want::kStore;
  const Cycle at_crossbar = asked + l1_cycles + kCrossbarCycles;
  Fill fill;
  Cycle given = 0;
  if (dma_.beside_l1) {
    const Cache::Copy dma = ask_dma_cache(line, store);
    const Cycle snooped = at_crossbar + (dma.present ? dma_.cache.hit_latency_cycles : 0);
    given = dma.dirty ? snooped : access_l2(line, pc, snooped, want);
    fill.shared = dma.present && !store;
  } else {
    given = access_l2(line, pc, at_crossbar, want);
  }
  fill.shared |= l2_.contains_shared(line);
  fill.critical = given + kCrossbarCycles + l1_cycles;
  fill.whole = fill.critical + line_bytes_ / kCrossbarBytes;
  return fill;
}

void MemorySystem::prefetch_l1d(LineNumber line, int64_t stride, Cycle now) {
  for (int i = 1; i <= l1d_prefetcher_.degree(); ++i) {
    const int64_t target = static_cast<int64_t>(line) + stride * i;
    if (target < 0 || target >= static_cast<int64_t>(lines_)) return;
    const auto next = static_cast<LineNumber>(target);
    if (l1d_.contains(next)) continue;
    if (l1d_misses_.free_at(now) > now) return;
    const Fill filled = fill(next, 0, now, l1d_cycles_, Want::kPrefetch);
    l1d_misses_.add(next, filled.whole);
    insert_l1d(next, false, true, now, filled.shared);
  }
}

Cycle MemorySystem::access_data(LineNumber line, bool store, uint64_t pc, Cycle sent) {
  const Cycle hit = sent + l1d_cycles_;
  const Cache::Lookup lookup = l1d_.access(line, store);
  Cycle data = hit;
  if (lookup.was_shared) {
    ++events_[kL1dMisses];
    data = upgrade(line, sent);
    l1d_misses_.add(line, data);
  } else if (lookup.hit) {
    data = std::max(hit, l1d_misses_.arrival(line, sent));
  } else {
    ++events_[kL1dMisses];
    const Fill filled = fill(line, pc, sent, l1d_cycles_, store ? Want::kStore : Want::kLoad);
    data = filled.critical;
    l1d_misses_.add(line, filled.whole);
    insert_l1d(line, store, false, sent, filled.shared);
  }
  if (l1d_prefetcher_.enabled() && (!lookup.hit || lookup.was_prefetched)) {
    const int64_t stride = l1d_prefetcher_.train(pc, line);
    if (stride != 0) prefetch_l1d(line, stride, sent);
  }
  return data;
}

bool MemorySystem::take_from_l2(LineNumber line, bool store, Cycle now) {
  if (l1d_prefetcher_.enabled() || l2_prefetcher_.enabled()) return false;
  catch_up(now);
  // What the tiles' cache has to do with takes its time.
  if (l1d_.contains_shared(line) || dma_cache_.contains(line) || l2_.contains_shared(line)) {
    return false;
  }
  if (l2_misses_.arrival(line, now) != 0 || !l2_.access(line, false).hit) return false;
  ++events_[kL1dMisses];
  ++events_[kL2Accesses];
  insert_l1d(line, store, false, now);
  return true;
}

Cycle MemorySystem::fill_from_l2(LineNumber line, Cycle sent) {
  const Cycle given = sent + l1d_cycles_ + kCrossbarCycles + l2_cycles_;
  const Cycle critical = given + kCrossbarCycles + l1d_cycles_;
  l1d_misses_.add(line, critical + line_bytes_ / kCrossbarBytes);
  return critical;
}

void MemorySystem::prefetch_data(LineNumber line, Cycle sent) {
  if (l1d_.access(line, false).hit) return;
  ++events_[kL1dMisses];
  const Fill filled = fill(line, 0, sent, l1d_cycles_, Want::kLoad);
  l1d_misses_.add(line, filled.whole);
  insert_l1d(line, false, false, sent, filled.shared);
}

Cycle MemorySystem::fetch(LineNumber line, Cycle now) {
  if (line >= lines_) return now + l1i_cycles_;
  const Cache::Lookup lookup = l1i_.access(line, false);
  Cycle arrival = now + l1i_cycles_;
  if (lookup.hit) {
    arrival = std::max(arrival, l1i_misses_.arrival(line, now));
  } else {
    ++events_[kL1iMisses];
    const Fill filled = fill(line, 0, now, l1i_cycles_, Want::kPrefetch);
    arrival = filled.critical;
    l1i_misses_.add(line, filled.whole);
    l1i_.insert(line, false, false);
  }
  if (!lookup.hit || lookup.was_prefetched) {
    for (int i = 1; i <= l1i_prefetch_degree_; ++i) {
      const LineNumber next = line + static_cast<LineNumber>(i);
      if (next >= lines_ || l1i_.contains(next)) continue;
      if (l1i_misses_.free_at(now) > now) break;
      l1i_misses_.add(next, fill(next, 0, now, l1i_cycles_, Want::kPrefetch).whole);
      l1i_.insert(next, false, true);
    }
  }
  return arrival;
}

void MemorySystem::count_rows(Cycle now) {
  events_[kDramActivates] = dram_.activates();
  events_[kDramOpenPs] = static_cast<uint64_t>(dram_.open_until(now * period_fs_) / kFsPerPs);
}

}  // namespace aimc::embedded
