#include "memory_system.hh"

#include <stdexcept>

namespace aimc::embedded {

namespace {

constexpr Femtoseconds kSystemPeriod = 1000000;  // of the crossbar between L2 and DRAM, 1 GHz

Femtoseconds up_to_edge(Femtoseconds time) {
  return (time + kSystemPeriod - 1) / kSystemPeriod * kSystemPeriod;
}

}  // namespace

void MissRegisters::retire(Cycle now) {
  entries_.erase(std::remove_if(entries_.begin(), entries_.end(),
                                [now](const Entry& entry) { return entry.arrival <= now; }),
                 entries_.end());
  first_ = INT64_MAX;
  for (const Entry& entry : entries_) first_ = std::min(first_, entry.arrival);
}

Cycle MissRegisters::first_free() const {
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
                           const DramParams& dram, Events& events)
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
  const Femtoseconds waited = up_to_edge(asked) - asked;
  const Femtoseconds answered = up_to_edge(dram_.read(line, asked) + waited);
  const Cycle arrival = (answered + period_fs_ - 1) / period_fs_;
  l2_misses_.add(line, arrival);
  events_[kDramReadBytes] += static_cast<uint64_t>(line_bytes_);
  return note(arrival);
}

void MemorySystem::insert_l2(LineNumber line, bool dirty, bool prefetched, Cycle now) {
  const Cache::Victim victim = l2_.insert(line, dirty, prefetched);
  if (victim.dirty) {
    ++events_[kL2Writebacks];
    write_dram(victim.line, now);
  }
}

void MemorySystem::insert_l1d(LineNumber line, bool dirty, bool prefetched, Cycle now) {
  const Cache::Victim victim = l1d_.insert(line, dirty, prefetched);
  if (!victim.dirty) return;
  ++events_[kL1dWritebacks];
  ++events_[kL2Accesses];
  if (!l2_.access(victim.line, true).hit) insert_l2(victim.line, true, false, now);
}

// The L2 asked for `line` at `now`; returns when it has it to give.
Cycle MemorySystem::access_l2(LineNumber line, uint64_t pc, Cycle now, bool prefetch) {
  ++events_[kL2Accesses];
  const Cache::Lookup lookup = l2_.access(line, false);
  const Cycle looked_up = now + l2_cycles_;
  Cycle arrival = looked_up;
  if (lookup.hit) {
    arrival = std::max(arrival, l2_misses_.arrival(line, now));
  } else {
    ++events_[kL2Misses];
    // As long again from the DRAM's answer to the line's being in the cache.
    arrival = access_dram(line, looked_up) + l2_cycles_;
    l2_misses_.add(line, arrival);
    insert_l2(line, false, false, looked_up);
  }
  if (l2_prefetcher_.enabled() && !prefetch && (!lookup.hit || lookup.was_prefetched)) {
    const int64_t stride = l2_prefetcher_.train(pc, line);
    for (int i = 1; stride != 0 && i <= l2_prefetcher_.degree(); ++i) {
      const int64_t target = static_cast<int64_t>(line) + stride * i;
      if (target < 0 || target >= static_cast<int64_t>(lines_)) break;
      const auto next = static_cast<LineNumber>(target);
      if (l2_.contains(next)) continue;
      if (l2_misses_.free_at(looked_up) > looked_up) break;
      access_dram(next, looked_up);
      insert_l2(next, false, true, looked_up);
    }
  }
  return note(arrival);
}

MemorySystem::Fill MemorySystem::fill(LineNumber line, uint64_t pc, Cycle asked, int l1_cycles,
                                      bool prefetch) {
  const Cycle given = access_l2(line, pc, asked + l1_cycles + kCrossbarCycles, prefetch);
  Fill fill;
  fill.critical = given + kCrossbarCycles + l1_cycles;
  fill.whole = note(fill.critical + line_bytes_ / kCrossbarBytes);
  return fill;
}

void MemorySystem::prefetch_l1d(LineNumber line, int64_t stride, Cycle now) {
  for (int i = 1; i <= l1d_prefetcher_.degree(); ++i) {
    const int64_t target = static_cast<int64_t>(line) + stride * i;
    if (target < 0 || target >= static_cast<int64_t>(lines_)) return;
    const auto next = static_cast<LineNumber>(target);
    if (l1d_.contains(next)) continue;
    if (l1d_misses_.free_at(now) > now) return;
    l1d_misses_.add(next, fill(next, 0, now, l1d_cycles_, true).whole);
    insert_l1d(next, false, true, now);
  }
}

Cycle MemorySystem::access_data(LineNumber line, bool store, uint64_t pc, Cycle sent) {
  const Cycle hit = sent + l1d_cycles_;
  const Cache::Lookup lookup = l1d_.access(line, store);
  Cycle data = hit;
  if (lookup.hit) {
    data = std::max(hit, l1d_misses_.arrival(line, sent));
  } else {
    ++events_[kL1dMisses];
    const Fill filled = fill(line, pc, sent, l1d_cycles_, false);
    data = filled.critical;
    l1d_misses_.add(line, filled.whole);
    insert_l1d(line, store, false, sent);
  }
  if (l1d_prefetcher_.enabled() && (!lookup.hit || lookup.was_prefetched)) {
    const int64_t stride = l1d_prefetcher_.train(pc, line);
    if (stride != 0) prefetch_l1d(line, stride, sent);
  }
  return data;
}

bool MemorySystem::take_from_l2(LineNumber line, bool store, Cycle now) {
  if (l1d_prefetcher_.enabled() || l2_prefetcher_.enabled()) return false;
  if (l2_misses_.arrival(line, now) != 0 || !l2_.access(line, false).hit) return false;
  ++events_[kL1dMisses];
  ++events_[kL2Accesses];
  insert_l1d(line, store, false, now);
  return true;
}

Cycle MemorySystem::fill_from_l2(LineNumber line, Cycle sent) {
  const Cycle given = sent + l1d_cycles_ + kCrossbarCycles + l2_cycles_;
  const Cycle critical = given + kCrossbarCycles + l1d_cycles_;
  l1d_misses_.add(line, note(critical + line_bytes_ / kCrossbarBytes));
  return critical;
}

void MemorySystem::prefetch_data(LineNumber line, Cycle sent) {
  if (l1d_.access(line, false).hit) return;
  ++events_[kL1dMisses];
  l1d_misses_.add(line, fill(line, 0, sent, l1d_cycles_, false).whole);
  insert_l1d(line, false, false, sent);
}

Cycle MemorySystem::fetch(LineNumber line, Cycle now) {
  if (line >= lines_) return now + l1i_cycles_;
  const Cache::Lookup lookup = l1i_.access(line, false);
  Cycle arrival = now + l1i_cycles_;
  if (lookup.hit) {
    arrival = std::max(arrival, l1i_misses_.arrival(line, now));
  } else {
    ++events_[kL1iMisses];
    const Fill filled = fill(line, 0, now, l1i_cycles_, true);
    arrival = filled.critical;
    l1i_misses_.add(line, filled.whole);
    l1i_.insert(line, false, false);
  }
  if (!lookup.hit || lookup.was_prefetched) {
    for (int i = 1; i <= l1i_prefetch_degree_; ++i) {
      const LineNumber next = line + static_cast<LineNumber>(i);
      if (next >= lines_ || l1i_.contains(next)) continue;
      if (l1i_misses_.free_at(now) > now) break;
      l1i_misses_.add(next, fill(next, 0, now, l1i_cycles_, true).whole);
      l1i_.insert(next, false, true);
    }
  }
  return arrival;
}

void MemorySystem::count_rows(Cycle now) {
  constexpr Femtoseconds kPicosecond = 1000;
  events_[kDramActivates] = dram_.activates();
  events_[kDramOpenPs] = static_cast<uint64_t>(dram_.open_until(now * period_fs_) / kPicosecond);
}

void MemorySystem::dma_read(LineNumber first, LineNumber last, bool through_l2) {
  for (LineNumber line = first; line <= last; ++line) {
    if (through_l2) ++events_[kL2Accesses];
    if (l1d_.contains(line) || l2_.contains(line)) continue;
    events_[kDramReadBytes] += static_cast<uint64_t>(line_bytes_);
    if (through_l2) {
      ++events_[kL2Misses];
      if (l2_.insert(line, false, false).dirty) {
        ++events_[kL2Writebacks];
        events_[kDramWriteBytes] += static_cast<uint64_t>(line_bytes_);
      }
    }
  }
}

void MemorySystem::dma_write(LineNumber first, LineNumber last, bool through_l2) {
  for (LineNumber line = first; line <= last; ++line) {
    l1d_.invalidate(line);
    l1d_misses_.remove(line);
    if (through_l2) {
      ++events_[kL2Accesses];
      if (!l2_.access(line, true).hit && l2_.insert(line, true, false).dirty) {
        ++events_[kL2Writebacks];
        events_[kDramWriteBytes] += static_cast<uint64_t>(line_bytes_);
      }
    } else {
      l2_.invalidate(line);
      l2_misses_.remove(line);
      events_[kDramWriteBytes] += static_cast<uint64_t>(line_bytes_);
    }
  }
}

}  // namespace aimc::embedded
