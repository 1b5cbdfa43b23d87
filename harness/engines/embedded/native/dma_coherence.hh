// Bursts of the tiles' DMA, coherent with the core's caches.
//
// The tiles' cache is on the L1s' crossbar to the L2, or on the system crossbar beside the L2.  A
// line that two caches hold is shared: the first to write it has the other give it up.  A cache
// that holds a line dirty answers requests for it, and remains the one to write it back.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_DMA_COHERENCE_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_DMA_COHERENCE_HH_

#include <cstdint>

#include "data_cache.hh"
#include "dma_cache.hh"
#include "dram_port.hh"
#include "l2_cache.hh"
#include "line_geometry.hh"
#include "params.hh"

namespace aimc::embedded {

class DmaCoherence {
 public:
  DmaCoherence(Femtoseconds core_period, const LineGeometry& lines, DmaCache& cache, DataCache& l1d,
               L2Cache& l2, DramPort& dram)
      : core_period_(core_period), lines_(lines), cache_(cache), l1d_(l1d), l2_(l2), dram_(dram) {}

  const LineGeometry& lines() const { return lines_; }

  enum class Kind : uint8_t {
    kRead,
    kWritePart,  // of a line
    kWriteLine,  // all of a line
  };
  struct Answer {
    Femtoseconds ready = 0;  // to leave the tiles' cache
    bool filled = false;     // the cache needed a fill
  };

  // A burst within `line` that enters the tiles' crossbar at `at`.
  Answer access(LineNumber line, Kind kind, Femtoseconds at);

  // The first time at or after `at` at which the tiles' cache accepts a burst.
  Femtoseconds accepts_at(Femtoseconds at) { return cache_.mshrs().free_at(at); }

 private:
  // The cache lacks `line`, or, if `held`, the right to write it.  It asks on an edge of its clock.
  struct Miss {
    LineNumber line = 0;
    Kind kind = Kind::kRead;
    bool held = false;
    Femtoseconds asked = 0;
    int late = 0;  // cycles lost because the burst did not come on an edge

    bool to_write() const { return kind != Kind::kRead; }
    // A write of a full line needs no fill; neither does a line that is already held.
    bool needs_data() const { return kind == Kind::kRead || (kind == Kind::kWritePart && !held); }
  };
  struct Grant {
    Femtoseconds given = 0;
    bool shared = false;
  };
  Grant ask_beside_l1(const Miss& miss);
  Grant ask_on_bus(const Miss& miss);
  Cycle ask_l2(const Miss& miss, Cycle asked);
  void insert(LineNumber line, bool dirty, bool shared, Cycle now);

  Femtoseconds core_period_;
  LineGeometry lines_;
  DmaCache& cache_;
  DataCache& l1d_;
  L2Cache& l2_;
  DramPort& dram_;
};

}  // namespace aimc::embedded

#endif
