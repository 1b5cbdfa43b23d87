// L1I, L1D, L2 and DRAM in time, and the cache through which tiles reach them.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_MEMORY_SYSTEM_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_MEMORY_SYSTEM_HH_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "cache.hh"
#include "dram.hh"
#include "events.hh"
#include "params.hh"
#include "prefetcher.hh"

namespace aimc::embedded {

// The lines that one cache waits for; at most `capacity` at a time.  Its times are in any one unit.
class MissRegisters {
 public:
  explicit MissRegisters(int capacity) : capacity_(static_cast<size_t>(capacity)) {}

  // When `line` arrives or arrived of late; 0 if it is not known to be under way after `now`.
  Cycle arrival(LineNumber line, Cycle now) const {
    if (latest_ <= now) return 0;
    for (const Entry& entry : entries_) {
      if (entry.line == line) return entry.arrival;
    }
    return 0;
  }

  // How many are under way after `now`.
  size_t count(Cycle now) const {
    if (latest_ <= now) return 0;
    return static_cast<size_t>(
        std::count_if(entries_.begin(), entries_.end(),
                      [now](const Entry& entry) { return entry.arrival > now; }));
  }

  // The first time at or after `now` at which a register is free.
  Cycle free_at(Cycle now) {
    if (first_ <= now) retire(now);
    return entries_.size() < capacity_ ? now : first_free();
  }

  void add(LineNumber line, Cycle arrival) {
    remove(line);
    entries_.push_back({line, arrival});
    first_ = std::min(first_, arrival);
    latest_ = std::max(latest_, arrival);
  }
  void remove(LineNumber line);

 private:
  struct Entry {
    LineNumber line;
    Cycle arrival;
  };

  void retire(Cycle now);
  Cycle first_free() const;

  size_t capacity_;
  Cycle first_ = INT64_MAX;  // no arrival is before
  Cycle latest_ = 0;         // arrival ever
  std::vector<Entry> entries_;
};

class MemorySystem {
 public:
  // The crossbar between L1s and L2 takes a cycle each way, and one for each so many bytes beyond
  // those that were asked for.
  static constexpr Cycle kCrossbarCycles = 1;
  static constexpr int kCrossbarBytes = 32;

  MemorySystem(const CoreParams& core, const CachesParams& caches, const DramParams& dram,
               const DmaPathParams& dma, Events& events);

  // Called with its time before an access of the core that leaves the L1s: what tiles did before
  // comes first.
  void set_catch_up(std::function<void(Femtoseconds)> catch_up) { catch_up_ = std::move(catch_up); }

  int line_shift() const { return line_shift_; }
  uint32_t line_bytes() const { return static_cast<uint32_t>(line_bytes_); }
  bool over_two_lines(uint32_t address, uint32_t bytes) const {
    return address >> line_shift_ != (address + bytes - 1) >> line_shift_;
  }
  Cache& l1i() { return l1i_; }
  Cache& l1d() { return l1d_; }

  // The first cycle at or after `cycle` in which the L1D takes an access: with all its miss
  // registers in use it takes none.
  Cycle accepts_at(Cycle cycle) { return l1d_misses_.free_at(cycle); }

  // An access of the core to one line of the L1D, sent at `sent`; returns when the data are there.
  Cycle access_data(LineNumber line, bool store, uint64_t pc, Cycle sent);

  // A miss of the L1D that the L2 has, in two steps: counted and put into the caches' tags, at
  // about `now`, if it is one that brings nothing else with it; and its time, once it is sent.
  bool take_from_l2(LineNumber line, bool store, Cycle now);
  Cycle fill_from_l2(LineNumber line, Cycle sent);
  // Lines on their way into the L1D after `cycle`; whether `line` is one, and when it arrives; and
  // that it is.
  size_t lines_under_way(Cycle cycle) const { return l1d_misses_.count(cycle); }
  Cycle arrival_after(LineNumber line, Cycle cycle) const {
    const Cycle arrival = l1d_misses_.arrival(line, cycle);
    return arrival > cycle ? arrival : 0;
  }
  void note_under_way(LineNumber line, Cycle arrival, Cycle now) {
    l1d_misses_.free_at(now);
    l1d_misses_.add(line, arrival);
  }
  // A hit on a line that is under way.
  Cycle under_way(LineNumber line, Cycle sent) const {
    return std::max(sent + l1d_cycles_, l1d_misses_.arrival(line, sent));
  }

  // The same for data that nobody waits for.
  void prefetch_data(LineNumber line, Cycle sent);

  // A line asked for at `now`; returns when the L1I answers.
  Cycle fetch(LineNumber line, Cycle now);

  void count_fetch() { ++events_[kL1iAccesses]; }
  void count_forwarded() { --events_[kL1dAccesses]; }
  void count_split() { ++events_[kL1dAccesses]; }

  // What happened in the DRAM until `now`.
  void count_rows(Cycle now);

  // memory_system_dma.cc: a burst of a tile's DMA, within `line`, at its cache's crossbar at `at`.
  enum class DmaKind : uint8_t { kRead, kWritePart, kWriteLine };
  struct DmaAnswer {
    Femtoseconds ready = 0;  // to leave the cache
    bool filled = false;     // with a line that came from elsewhere
  };
  DmaAnswer dma_access(LineNumber line, DmaKind kind, Femtoseconds at);
  // The first time at or after `at` at which that cache takes a burst.
  Femtoseconds dma_accepts_at(Femtoseconds at) { return dma_misses_.free_at(at); }

 private:
  // A line that an L1 lacks, asked of the L1 at `asked` (`pc` trains prefetchers); returns when the
  // L1 has it.  `critical` is when it can hand on the first bytes asked for.
  struct Fill {
    Cycle critical = 0;
    Cycle whole = 0;
    bool shared = false;  // with the tiles' cache
  };
  enum class Want : uint8_t { kLoad, kStore, kPrefetch, kDmaRead, kDmaWrite };
  Fill fill(LineNumber line, uint64_t pc, Cycle asked, int l1_cycles, Want want);
  Cycle upgrade(LineNumber line, Cycle asked);
  Cycle access_l2(LineNumber line, uint64_t pc, Cycle now, Want want);
  Cycle access_dram(LineNumber line, Cycle now);
  void insert_l2(LineNumber line, bool dirty, bool prefetched, Cycle now, bool shared = false);
  void insert_l1d(LineNumber line, bool dirty, bool prefetched, Cycle now, bool shared = false);
  void write_back_to_l2(const Cache::Victim& victim, Cycle now);
  void prefetch_l1d(LineNumber line, int64_t stride, Cycle now);
  void prefetch_l2(LineNumber line, int64_t stride, Cycle now);
  void write_dram(LineNumber line, Cycle now);
  void catch_up(Cycle now) {
    if (catch_up_) catch_up_(now * period_fs_);
  }
  Cycle up_to_cycle(Femtoseconds time) const { return (time + period_fs_ - 1) / period_fs_; }

  // memory_system_dma.cc: the core asks the tiles' cache for a line, or to give it up.
  Cache::Copy ask_dma_cache(LineNumber line, bool store) {
    return store ? dma_cache_.invalidate(line) : dma_cache_.share(line);
  }
  Cycle over_system_crossbar(Cycle now) const;
  Cycle claim_for_l2(LineNumber line, Cycle now);
  struct DmaLine {
    Femtoseconds given = 0;
    bool shared = false;
  };
  DmaLine take_beside_l1(LineNumber line, DmaKind kind, bool held, Femtoseconds at, int late);
  DmaLine take_on_bus(LineNumber line, DmaKind kind, bool held, Femtoseconds at, int late);
  Cycle take_from_l2_for_dma(LineNumber line, DmaKind kind, bool held, Cycle asked);

  Femtoseconds period_fs_;
  int l1i_cycles_;
  int l1d_cycles_;
  int l2_cycles_;
  int line_bytes_;
  int line_shift_;
  LineNumber lines_;
  int l1i_prefetch_degree_;
  Cache l1i_;
  Cache l1d_;
  Cache l2_;
  MissRegisters l1i_misses_;
  MissRegisters l1d_misses_;
  MissRegisters l2_misses_;
  StridePrefetcher l1d_prefetcher_;
  StridePrefetcher l2_prefetcher_;
  Dram dram_;
  DmaPathParams dma_;
  Cache dma_cache_;
  MissRegisters dma_misses_;  // in femtoseconds
  std::function<void(Femtoseconds)> catch_up_;
  Events& events_;
};

}  // namespace aimc::embedded

#endif
