// L1I, L1D, L2 and DRAM in time.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_MEMORY_SYSTEM_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_MEMORY_SYSTEM_HH_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cache.hh"
#include "events.hh"
#include "params.hh"
#include "prefetcher.hh"

namespace aimc::embedded {

// The lines that one cache waits for; at most `capacity` at a time.
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

  // The first time at or after `now` at which a register is free.
  Cycle free_at(Cycle now);

  void add(LineNumber line, Cycle arrival) {
    remove(line);
    entries_.push_back({line, arrival});
    latest_ = std::max(latest_, arrival);
  }
  void remove(LineNumber line);

 private:
  struct Entry {
    LineNumber line;
    Cycle arrival;
  };

  void retire(Cycle now);

  size_t capacity_;
  Cycle latest_ = 0;  // arrival ever
  std::vector<Entry> entries_;
};

class MemorySystem {
 public:
  MemorySystem(const CoreParams& core, const CachesParams& caches, const DramParams& dram,
               Events& events);

  int line_shift() const { return line_shift_; }
  Cache& l1i() { return l1i_; }
  Cache& l1d() { return l1d_; }

  // All that is under way has arrived by then.
  Cycle quiet_at() const { return quiet_at_; }

  struct DataAccess {
    Cycle issue;  // when a miss register was free
    Cycle ready;  // when the line's data are there; 0 if it is an L1D hit
  };

  // One access of the core to one line of the L1D, issued at `now`.
  DataAccess access_data(LineNumber line, bool store, uint64_t pc, Cycle now);

  // A fetch of a line into the L1I at `now`; returns when it is there.
  Cycle fetch(LineNumber line, Cycle now);

  // A tile's DMA on [first, last]: keeps the caches coherent, counts the traffic.
  void dma_read(LineNumber first, LineNumber last, bool through_l2);
  void dma_write(LineNumber first, LineNumber last, bool through_l2);

 private:
  // The L2 asked for `line` at `now` by an L1 (`pc` trains its prefetcher); returns when it
  // has delivered.
  Cycle access_l2(LineNumber line, uint64_t pc, Cycle now, bool prefetch);
  Cycle access_dram(LineNumber line, Cycle now);
  void insert_l2(LineNumber line, bool dirty, bool prefetched, Cycle now);
  void insert_l1d(LineNumber line, bool dirty, bool prefetched, Cycle now);
  void prefetch_l1d(LineNumber line, int64_t stride, Cycle now);
  void write_dram(Cycle now);
  Cycle note(Cycle arrival) { return quiet_at_ = std::max(quiet_at_, arrival), arrival; }

  Femtoseconds period_fs_;
  int load_to_use_;
  int l2_latency_;
  int line_bytes_;
  int line_shift_;
  DramParams dram_;
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
  Femtoseconds channel_free_fs_ = 0;
  Cycle quiet_at_ = 0;
  Events& events_;
};

}  // namespace aimc::embedded

#endif
