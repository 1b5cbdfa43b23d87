// The L2: tags, MSHRs and stride prefetcher, and its requests to the DRAM.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_L2_CACHE_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_L2_CACHE_HH_

#include <cstdint>

#include "cache.hh"
#include "dma_cache.hh"
#include "dram_port.hh"
#include "events.hh"
#include "line_geometry.hh"
#include "mshr_file.hh"
#include "params.hh"
#include "prefetcher.hh"

namespace aimc::embedded {

// Why a cache before the L2 requests a line.
enum class MissKind : uint8_t {
  kLoad,       // demand of the L1D, to read; trains the prefetcher
  kStore,      // demand of the L1D, to write; trains the prefetcher
  kPrefetch,   // prefetch of the L1D; trains the prefetcher, apart from the demands
  kUnwatched,  // software prefetch of the L1D, or any fill of the L1I
  kDmaRead,    // fill of the tiles' cache, to read
  kDmaWrite,   // fill of the tiles' cache, to write a part of the line
};

class L2Cache {
 public:
  L2Cache(const CacheParams& params, Femtoseconds period, const LineGeometry& lines, DmaCache& dma,
          DramPort& dram, Events& events);

  Cycle hit_cycles() const { return hit_cycles_; }
  bool prefetches() const { return prefetcher_.enabled(); }

  // A request for `line` that reaches the L2 at `now`; `pc` is the instruction's.  Returns when the
  // L2 can answer with the line.
  Cycle access(LineNumber line, uint64_t pc, Cycle now, MissKind kind);

  // A demand for `line` that is counted only if it is a plain hit: no fill of it is in flight after
  // `now`.
  bool access_if_hit(LineNumber line, Cycle now) {
    if (mshrs_.fill_time(line, now) != 0 || !tags_.access(line, false).hit) return false;
    ++events_[kL2Accesses];
    return true;
  }

  // Takes in a dirty line that a cache before the L2 has evicted.
  void write_back(const Cache::Victim& victim, Cycle now);

  // Removes the dirty mark of `line`, which its reader then has.  False: it is clean, shared or
  // absent.
  bool take_dirty(LineNumber line) { return tags_.take_dirty(line); }

  bool contains(LineNumber line) const { return tags_.contains(line); }
  bool contains_shared(LineNumber line) const { return tags_.contains_shared(line); }

  // The tiles' cache requests `line`: to read it, which leaves it shared, or to write it, which
  // removes it here.
  Cache::Copy snoop(LineNumber line, bool to_write) {
    return to_write ? tags_.invalidate(line) : tags_.share(line);
  }
  // No other cache has `line` any more.
  void unshare(LineNumber line) { tags_.unshare(line); }

  // The L2 requests at `now` that the tiles' cache give up `line`.  Returns when the L2 may grant
  // a write to it.
  Cycle claim(LineNumber line, Cycle now);

  // When the answer is back at the L2, of a request at `now` that the system crossbar, or the
  // tiles' cache behind it, answers without the DRAM.
  Cycle over_system_crossbar(Cycle now) const;

 private:
  Cycle read_dram(LineNumber line, Cycle now);
  void insert(LineNumber line, bool dirty, bool prefetched, Cycle now, bool shared);
  void issue_prefetches(Cycle now);

  Femtoseconds period_;
  Cycle hit_cycles_;
  LineGeometry lines_;
  Cache tags_;
  MshrFile mshrs_;
  StridePrefetcher prefetcher_;
  Cycle next_prefetch_ = 0;  // at most one issues per cycle
  DmaCache& dma_;
  DramPort& dram_;
  Events& events_;
};

}  // namespace aimc::embedded

#endif
