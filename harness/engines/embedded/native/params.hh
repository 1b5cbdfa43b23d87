// The simulated system as the timing model takes it: times in integers, fixed at the start.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_PARAMS_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_PARAMS_HH_

#include <array>
#include <cstdint>

#include "instruction.hh"

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
  int load_to_use_latency = 0;
  int store_buffer_entries = 0;
  int branch_mispredict_penalty = 0;
  int branch_predictor_entries = 0;

  // Cycles from issue until a consumer may issue; of loads, when they hit the L1D.
  int latency(OpClass op_class) const;
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
  Femtoseconds latency_fs = 0;
  Femtoseconds line_fs = 0;  // the channel is busy this long with one line
};

struct AttachParams {
  bool dma_through_l2 = false;
  Femtoseconds load_fs = 0;
  Femtoseconds store_fs = 0;
  Femtoseconds load_extra_beat_fs = 0;
  Femtoseconds store_extra_beat_fs = 0;
};

struct CachesParams {
  CacheParams l1i;
  CacheParams l1d;
  CacheParams l2;
};

inline int CoreParams::latency(OpClass op_class) const {
  switch (op_class) {
    case OpClass::kIntMul:
      return mul_latency;
    case OpClass::kIntDiv:
      return div_latency;
    case OpClass::kSimd:
      return simd_latency;
    case OpClass::kSimdMul:
      return simd_mul_latency;
    case OpClass::kDot:
      return dot_latency;
    case OpClass::kFp:
      return fp_latency;
    case OpClass::kFpDiv:
      return fp_div_latency;
    case OpClass::kLoad:
    case OpClass::kLoadStore:
      return load_to_use_latency;
    default:
      return int_latency;
  }
}

}  // namespace aimc::embedded

#endif
