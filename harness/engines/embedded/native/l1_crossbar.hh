// Misses of the L1s: over the crossbar to the L2, past the tiles' cache if that is on the same
// crossbar, and back.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_L1_CROSSBAR_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_L1_CROSSBAR_HH_

#include <cstdint>
#include <functional>
#include <utility>

#include "dma_cache.hh"
#include "l2_cache.hh"
#include "line_geometry.hh"
#include "params.hh"

namespace aimc::embedded {

class L1Crossbar {
 public:
  L1Crossbar(Femtoseconds period, const LineGeometry& lines, DmaCache& dma, L2Cache& l2)
      : period_(period), line_bytes_(lines.bytes), dma_(dma), l2_(l2) {}

  // `catch_up` is called before each access that leaves the L1s, with its time: the tiles' DMA up
  // to then comes first.
  void set_catch_up(std::function<void(Femtoseconds)> catch_up) { catch_up_ = std::move(catch_up); }
  void catch_up(Cycle now) {
    if (catch_up_) catch_up_(now * period_);
  }

  struct Fill {
    Cycle critical = 0;   // the L1 can hand on the bytes that were requested
    Cycle whole = 0;      // the L1 has the whole line
    bool shared = false;  // with the tiles' cache
  };

  // A line requested of an L1 at `asked` that the L1, with a hit latency of `l1_cycles`, lacks.
  Fill fill(LineNumber line, uint64_t pc, Cycle asked, Cycle l1_cycles, MissKind kind);

  // When data with nothing more to wait for than an L2 that answers at `given` are back.
  Fill filled_at(Cycle given, Cycle l1_cycles) const;

  // A store at `asked` to a line that the L1D shares with the tiles' cache: that gives up the line.
  // Returns when the L1D may write.
  Cycle upgrade(LineNumber line, Cycle asked, Cycle l1_cycles);

 private:
  Femtoseconds period_;
  uint32_t line_bytes_;
  DmaCache& dma_;
  L2Cache& l2_;
  std::function<void(Femtoseconds)> catch_up_;
};

}  // namespace aimc::embedded

#endif
