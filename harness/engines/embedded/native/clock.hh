// Clocks of the system, and the edges on which their crossbars and caches act.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_CLOCK_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_CLOCK_HH_

#include "aimc_tile/core/params.hh"
#include "params.hh"

namespace aimc::embedded {

constexpr Femtoseconds kFsPerPs = 1000;

// The tiles' time.
inline Picoseconds picoseconds(Femtoseconds time) {
  return static_cast<Picoseconds>(time / kFsPerPs);
}

// The clock period of the system crossbar, before the DRAM: 1 GHz.
constexpr Femtoseconds kSystemPeriod = 1000000;

// The first edge of a clock at or after `time`.
inline Femtoseconds up_to_edge(Femtoseconds time, Femtoseconds period) {
  return (time + period - 1) / period * period;
}

// The same as a number of cycles.
inline Cycle up_to_cycle(Femtoseconds time, Femtoseconds period) {
  return (time + period - 1) / period;
}

}  // namespace aimc::embedded

#endif
