// The caches and the DRAM of a system, connected.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_MEMORY_SYSTEM_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_MEMORY_SYSTEM_HH_

#include <functional>
#include <utility>

#include "data_cache.hh"
#include "dma_cache.hh"
#include "dma_coherence.hh"
#include "dram_port.hh"
#include "events.hh"
#include "instruction_cache.hh"
#include "l1_crossbar.hh"
#include "l2_cache.hh"
#include "line_geometry.hh"
#include "params.hh"

namespace aimc::embedded {

class MemorySystem {
 public:
  MemorySystem(const CoreParams& core, const CachesParams& caches, const DramParams& dram,
               const DmaPathParams& dma, Events& events)
      : period_(core.period_fs),
        lines_(caches, dram),
        dram_(dram, lines_.bytes, events),
        dma_cache_(dma),
        l2_(caches.l2, period_, lines_, dma_cache_, dram_, events),
        crossbar_(period_, lines_, dma_cache_, l2_),
        l1i_(caches.l1i, lines_, crossbar_, events),
        l1d_(caches.l1d, lines_, crossbar_, l2_, dma_cache_, events),
        dma_(period_, lines_, dma_cache_, l1d_, l2_, dram_) {}

  const LineGeometry& lines() const { return lines_; }
  InstructionCache& l1i() { return l1i_; }
  DataCache& l1d() { return l1d_; }
  DmaCoherence& dma() { return dma_; }

  // See L1Crossbar.
  void set_catch_up(std::function<void(Femtoseconds)> catch_up) {
    crossbar_.set_catch_up(std::move(catch_up));
  }

  // Sets the events that count DRAM rows to their values at `now`.
  void count_rows(Cycle now) { dram_.count_rows(now * period_); }

 private:
  Femtoseconds period_;
  LineGeometry lines_;
  DramPort dram_;
  DmaCache dma_cache_;
  L2Cache l2_;
  L1Crossbar crossbar_;
  InstructionCache l1i_;
  DataCache l1d_;
  DmaCoherence dma_;
};

}  // namespace aimc::embedded

#endif
