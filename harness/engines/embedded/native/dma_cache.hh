// The small cache through which the tiles' DMA reaches memory.  It keeps their partial writes of
// lines coherent with the core's caches.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_DMA_CACHE_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_DMA_CACHE_HH_

#include "cache.hh"
#include "mshr_file.hh"
#include "params.hh"

namespace aimc::embedded {

class DmaCache {
 public:
  explicit DmaCache(const DmaPathParams& path)
      : path_(path), tags_(path.cache), mshrs_(path.cache.mshrs) {}

  // True: it is on the L1s' crossbar to the L2.  False: it is on the system crossbar, beside the
  // L2.
  bool beside_l1() const { return path_.beside_l1; }
  Femtoseconds period() const { return path_.period_fs; }
  Cycle hit_cycles() const { return path_.cache.hit_latency_cycles; }

  // A cache of the core requests `line`: to read it, which leaves it shared, or to write it, which
  // removes it here.
  Cache::Copy snoop(LineNumber line, bool to_write) {
    return to_write ? tags_.invalidate(line) : tags_.share(line);
  }

  Cache& tags() { return tags_; }
  MshrFile& mshrs() { return mshrs_; }  // in femtoseconds

 private:
  DmaPathParams path_;
  Cache tags_;
  MshrFile mshrs_;
};

}  // namespace aimc::embedded

#endif
