// The simulated system as the timing model takes it: times in integers, fixed at the start.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_PARAMS_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_PARAMS_HH_

#include <cstddef>
#include <cstdint>

#include "aimc_tile/core/params.hh"

namespace aimc::embedded {

using Cycle = int64_t;
using Femtoseconds = int64_t;

// Fields of `CoreConfig` (harness/config/schema.py, which describes them) that the model takes as
// they are.
#define AIMC_EMBEDDED_CORE(X) \
  X(issue_width)              \
  X(int_units)                \
  X(simd_units)               \
  X(load_store_units)         \
  X(int_latency)              \
  X(mul_latency)              \
  X(div_latency)              \
  X(simd_latency)             \
  X(simd_mul_latency)         \
  X(dot_latency)              \
  X(dot_accumulate_latency)   \
  X(fp_latency)               \
  X(fp_div_latency)           \
  X(store_buffer_entries)     \
  X(branch_predictor_entries)

// The same of `CacheConfig`.
#define AIMC_EMBEDDED_CACHE(X) \
  X(ways)                      \
  X(line_bytes)                \
  X(hit_latency_cycles)        \
  X(mshrs)                     \
  X(prefetch_degree)

// Times of `MemoryConfig`, whose names end in _ns there.
#define AIMC_EMBEDDED_DRAM_TIMES(X) \
  X(latency)                        \
  X(activate)                       \
  X(precharge)                      \
  X(row_open)                       \
  X(same_bank)                      \
  X(turnaround)                     \
  X(refresh_interval)               \
  X(refresh)

#define AIMC_EMBEDDED_INTEGER(name) int name = 0;
#define AIMC_EMBEDDED_TIME(name) Femtoseconds name##_fs = 0;

struct CoreParams {
  AIMC_EMBEDDED_CORE(AIMC_EMBEDDED_INTEGER)
  Femtoseconds period_fs = 0;
  int address_cycles = 0;   // of loads and stores, before they access the L1D
  int data_hit_cycles = 0;  // from there to the data, of an L1D hit
  int fetch_cycles = 0;     // from asking for a line that is in the L1I to its use
  int branch_delay = 0;     // from the commit of a mispredicted branch to asking for its target
};

struct CacheParams {
  AIMC_EMBEDDED_CACHE(AIMC_EMBEDDED_INTEGER)
  int64_t size_bytes = 0;
};

struct DramParams {
  AIMC_EMBEDDED_DRAM_TIMES(AIMC_EMBEDDED_TIME)
  uint64_t size_bytes = 0;
  Femtoseconds line_fs = 0;  // the channel is busy this long with one line
  int64_t row_lines = 0;
  int banks = 0;
};

#undef AIMC_EMBEDDED_INTEGER
#undef AIMC_EMBEDDED_TIME

// A load from a device, or a store.  `cycles` are those of the core that `time_fs` does not have.
struct AccessParams {
  Femtoseconds time_fs = 0;
  Femtoseconds extra_beat_fs = 0;
  int cycles = 0;
};

struct AttachParams {
  bool through_caches = false;
  AccessParams load;
  AccessParams store;
};

// The way of the tiles' DMA: a crossbar that they share, behind it a small cache that is coherent
// with the core's, as on gem5.
struct DmaPathParams {
  bool beside_l1 = false;  // goes on to the L2, at the core's clock; else to the system crossbar
  Femtoseconds period_fs = 1;  // of crossbar and cache
  CacheParams cache;
};

struct CachesParams {
  CacheParams l1i;
  CacheParams l1d;
  CacheParams l2;
};

struct SystemParams {
  CoreParams core;
  CachesParams caches;
  DramParams dram;
  AttachParams attach;
  DmaPathParams dma;
  size_t tiles = 0;
  TileParams tile;
  uint32_t zero_block_bytes = 64;  // of DC ZVA, as the emulator has it
};

}  // namespace aimc::embedded

#endif
