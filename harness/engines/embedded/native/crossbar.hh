// Latencies and widths of the crossbars, those of gem5's parameters and gem5_configs/caches.py.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_CROSSBAR_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_CROSSBAR_HH_

#include <cstdint>

#include "params.hh"

namespace aimc::embedded {

// Between the L1s and the L2: cycles of the core per direction, and bytes per further cycle.
constexpr Cycle kL1CrossbarCycles = 1;
constexpr uint32_t kL1CrossbarBytes = 32;

// Between the tiles and their cache: cycles of its clock for a request.
constexpr Cycle kTilesCrossbarCycles = 3;

// Between the last caches and the DRAM, with a snoop filter: cycles of its clock there and back,
// and bytes per cycle.
constexpr Cycle kSystemCrossbarCycles = 8;
constexpr Cycle kSystemCrossbarBackCycles = 2;
constexpr uint32_t kSystemCrossbarBytes = 16;

}  // namespace aimc::embedded

#endif
