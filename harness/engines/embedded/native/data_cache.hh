// The L1D: tags, MSHRs and stride prefetcher.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_DATA_CACHE_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_DATA_CACHE_HH_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "cache.hh"
#include "dma_cache.hh"
#include "events.hh"
#include "l1_crossbar.hh"
#include "l2_cache.hh"
#include "line_geometry.hh"
#include "mshr_file.hh"
#include "params.hh"
#include "prefetcher.hh"

namespace aimc::embedded {

class DataCache {
 public:
  DataCache(const CacheParams& params, const LineGeometry& lines, L1Crossbar& crossbar, L2Cache& l2,
            DmaCache& dma, Events& events)
      : hit_cycles_(params.hit_latency_cycles),
        lines_(lines),
        tags_(params),
        mshrs_(params.mshrs),
        prefetcher_(params.prefetch_degree, lines),
        crossbar_(crossbar),
        l2_(l2),
        dma_(dma),
        events_(events) {}

  const LineGeometry& lines() const { return lines_; }
  Cycle hit_cycles() const { return hit_cycles_; }

  // The first cycle at or after `cycle` in which the cache accepts an access: it blocks while all
  // its MSHRs are allocated.
  Cycle accepts_at(Cycle cycle) {
    issue_prefetches(cycle);
    return mshrs_.free_at(cycle);
  }

  // A demand access to the line of `address`, issued at `issue_cycle`.  Returns when the data are
  // there.
  Cycle access(uint32_t address, bool store, uint64_t pc, Cycle issue_cycle);

  // A software prefetch of one line, issued at `issue_cycle`.
  void prefetch(LineNumber line, Cycle issue_cycle);

  // Looks up an access in the tags before it is issued.  True: a plain hit, which is then the most
  // recently used line.  False: nothing has changed.
  bool look_up(LineNumber line, bool store) {
    return tags_.hit_most_recent(line, store) || tags_.hit(line, store);
  }

  // A miss in two steps, if the L2 has the line and nothing else depends on it: first, at about
  // `now`, its events and tags; false: it is no such miss.
  bool fill_tags_from_l2(LineNumber line, bool store, Cycle now);
  // Second, once the access is issued, its time.  Returns when the data are there.
  Cycle fill_from_l2(LineNumber line, Cycle issue_cycle);

  // A hit on a line whose fill is in flight.  Returns when the data are there.
  Cycle hit_in_flight(LineNumber line, Cycle issue_cycle) const {
    return std::max(issue_cycle + hit_cycles_, mshrs_.fill_time(line, issue_cycle));
  }

  // Number of fills in flight after `cycle`.
  size_t fills_in_flight(Cycle cycle) const { return mshrs_.in_flight(cycle); }
  // Whether a fill of `line` is in flight after `cycle`.
  bool is_in_flight(LineNumber line, Cycle cycle) const {
    return mshrs_.fill_time(line, cycle) > cycle;
  }

  // The tiles' cache requests `line`: to read it, which leaves it shared, or to write it, which
  // removes it here.
  Cache::Copy snoop(LineNumber line, bool to_write) {
    if (!to_write) return tags_.share(line);
    mshrs_.deallocate(line);
    return tags_.invalidate(line);
  }

  // Corrects the accesses counted per micro-operation: a load that the store buffer forwards to
  // makes none, an access over two lines makes two.
  void count_forwarded() { --events_[kL1dAccesses]; }
  void count_split() { ++events_[kL1dAccesses]; }

 private:
  void insert(LineNumber line, bool dirty, bool prefetched, Cycle now, bool shared);
  // Issues the queued prefetches that can have issued by `now`.
  void issue_prefetches(Cycle now) {
    if (!prefetcher_.empty()) issue_queued(now);
  }
  void issue_queued(Cycle now);

  Cycle hit_cycles_;
  LineGeometry lines_;
  Cache tags_;
  MshrFile mshrs_;
  StridePrefetcher prefetcher_;
  Cycle next_prefetch_ = 0;  // at most one issues per cycle
  L1Crossbar& crossbar_;
  L2Cache& l2_;
  DmaCache& dma_;
  Events& events_;
};

}  // namespace aimc::embedded

#endif
