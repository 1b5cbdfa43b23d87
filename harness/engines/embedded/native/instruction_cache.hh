// The L1I: tags, MSHRs and next-line prefetcher.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_INSTRUCTION_CACHE_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_INSTRUCTION_CACHE_HH_

#include "cache.hh"
#include "events.hh"
#include "l1_crossbar.hh"
#include "line_geometry.hh"
#include "mshr_file.hh"
#include "params.hh"

namespace aimc::embedded {

class InstructionCache {
 public:
  InstructionCache(const CacheParams& params, const LineGeometry& lines, L1Crossbar& crossbar,
                   Events& events)
      : hit_cycles_(params.hit_latency_cycles),
        prefetch_degree_(params.prefetch_degree),
        lines_(lines.count),
        tags_(params),
        mshrs_(params.mshrs),
        crossbar_(crossbar),
        events_(events) {}

  // A line requested at `now`.  Returns when the L1I answers.
  Cycle fetch(LineNumber line, Cycle now);

  // Counts a request whose line is known to be present.
  void count_fetch() { ++events_[kL1iAccesses]; }

  Cache& tags() { return tags_; }

 private:
  Cycle hit_cycles_;
  int prefetch_degree_;
  LineNumber lines_;  // in DRAM
  Cache tags_;
  MshrFile mshrs_;
  L1Crossbar& crossbar_;
  Events& events_;
};

}  // namespace aimc::embedded

#endif
