/* fp32 dense layers: two panels at a time, as in dense_neon.c. */
#include "aimc_fp32_ops.h"
#include "fp32.h"
#include "gemm_neon.h"
#include "prefetch.h"

/* One input (lane) of 16 outputs. */
#define ONE(lane, sums)                                                                  \
  do {                                                                                   \
    (sums)[0] = vfmaq_laneq_f32((sums)[0], vld1q_f32(first + 8 * (lane)), x, lane);      \
    (sums)[1] = vfmaq_laneq_f32((sums)[1], vld1q_f32(first + 8 * (lane) + 4), x, lane);  \
    (sums)[2] = vfmaq_laneq_f32((sums)[2], vld1q_f32(second + 8 * (lane)), x, lane);     \
    (sums)[3] = vfmaq_laneq_f32((sums)[3], vld1q_f32(second + 8 * (lane) + 4), x, lane); \
  } while (0)

static inline void prefetch_floats(const float* at) {
  prefetch((const int8_t*)at + PREFETCH_AHEAD);
}

void aimc_dense_fp32(const struct aimc_dense_fp32* op, const float* in, float* out) {
  const int64_t panel = (int64_t)op->in_features * AIMC_PANEL;
  for (int32_t n = 0; n < op->out_features; n += 2 * AIMC_PANEL) {
    const float* first = op->weight + n / AIMC_PANEL * panel;
    /* Without a second panel the first one is read twice, and the copy dropped. */
    const float* second = op->out_features - n > AIMC_PANEL ? first + panel : first;
    float32x4_t even[4];
    float32x4_t odd[4];
    for (int i = 0; i < 4; ++i) {
      even[i] = vld1q_f32(op->bias + n + 4 * i);
      odd[i] = vdupq_n_f32(0);
    }
    int32_t k = 0;
    for (; k + 4 <= op->in_features; k += 4, first += 32, second += 32) {
      const float32x4_t x = vld1q_f32(in + k);
      prefetch_floats(first);
      ONE(0, even);
      prefetch_floats(second);
      ONE(1, odd);
      prefetch_floats(first + 16);
      ONE(2, even);
      prefetch_floats(second + 16);
      ONE(3, odd);
    }
    for (; k < op->in_features; ++k, first += 8, second += 8) {
      const float32x4_t x = vdupq_n_f32(in[k]);
      ONE(0, even);
    }
    for (int i = 0; i < 4 && n + 4 * i < op->out_features; ++i) {
      store_floats(out + n + 4 * i, clamp4(vaddq_f32(even[i], odd[i]), op->low, op->high),
                   op->out_features - n - 4 * i);
    }
  }
}
