// The simulated system as the timing model takes it: times in integers, fixed at the start.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_PARAMS_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_PARAMS_HH_

#include <cstdint>

namespace aimc::embedded {

using Cycle = int64_t;
using Femtoseconds = int64_t;

struct CoreParams {
  Femtoseconds period_fs = 0;
  int issue_width = 0;
  int int_units = 0;
  int simd_units = 0;
  int load_store_units = 0;
  int int_latency = 0;
  int mul_latency = 0;
  int div_latency = 0;
  int simd_latency = 0;
  int simd_mul_latency = 0;
  int dot_latency = 0;
  int dot_accumulate_latency = 0;
  int fp_latency = 0;
  int fp_div_latency = 0;
  int address_cycles = 0;   // of loads and stores, before they access the L1D
  int data_hit_cycles = 0;  // from there to the data, of an L1D hit
  int fetch_cycles = 0;     // from asking for a line that is in the L1I to its use
  int branch_delay = 0;     // from the commit of a mispredicted branch to asking for its target
  int store_buffer_entries = 0;
  int branch_predictor_entries = 0;
};

struct CacheParams {
  int64_t size_bytes = 0;
  int ways = 0;
  int line_bytes = 0;
  int hit_latency_cycles = 0;
  int mshrs = 0;
  int prefetch_degree = 0;
};

struct DramParams {
  uint64_t size_bytes = 0;
  Femtoseconds latency_fs = 0;  // of a line, in a closed row
  Femtoseconds line_fs = 0;     // the channel is busy this long with one line
  int64_t row_lines = 0;
  int banks = 0;
  Femtoseconds activate_fs = 0;
  Femtoseconds precharge_fs = 0;
  Femtoseconds row_open_fs = 0;    // a row stays open at least so long
  Femtoseconds same_bank_fs = 0;   // between two lines of one bank
  Femtoseconds turnaround_fs = 0;  // from writing to reading
  Femtoseconds refresh_interval_fs = 0;
  Femtoseconds refresh_fs = 0;
};

struct AttachParams {
  Femtoseconds load_fs = 0;  // from sending to the answer
  Femtoseconds store_fs = 0;
  Femtoseconds load_extra_beat_fs = 0;
  Femtoseconds store_extra_beat_fs = 0;
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

}  // namespace aimc::embedded

#endif
