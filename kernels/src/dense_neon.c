/* Fully connected layers: one input vector, so every weight is used once. Two panels at a time keep
 * eight sums in flight, as many as the dot product's latency requires. */
#include <arm_neon.h>

#include "aimc_ops.h"
#include "gemm_neon.h"
#include "prefetch.h"
#include "requantize_neon.h"

/* Four inputs (lane) of 16 outputs; lanes must be literals. */
#define QUAD(lane, sums)                                                                  \
  do {                                                                                    \
    (sums)[0] = vdotq_laneq_s32((sums)[0], vld1q_s8(first + 32 * (lane)), x, lane);       \
    (sums)[1] = vdotq_laneq_s32((sums)[1], vld1q_s8(first + 32 * (lane) + 16), x, lane);  \
    (sums)[2] = vdotq_laneq_s32((sums)[2], vld1q_s8(second + 32 * (lane)), x, lane);      \
    (sums)[3] = vdotq_laneq_s32((sums)[3], vld1q_s8(second + 32 * (lane) + 16), x, lane); \
  } while (0)

void aimc_dense_neon(const struct aimc_dense* op, const int8_t* in, int8_t* out) {
  const int64_t bytes = gemm_panel_bytes(1, op->in_features);
  const int32_t steps = op->in_features / 16;
  const int32_t rest = (op->in_features % 16 + 3) / 4;
  const int8x16_t low = vdupq_n_s8((int8_t)op->requant.low);
  const int8x16_t high = vdupq_n_s8((int8_t)op->requant.high);
  for (int32_t n = 0; n < op->out_features; n += 2 * AIMC_PANEL) {
    const int8_t* first = op->weight + n / AIMC_PANEL * bytes;
    /* Without a second panel the first one is read twice, and the copy dropped. */
    const int8_t* second = op->out_features - n > AIMC_PANEL ? first + bytes : first;
    int32x4_t even[4];
    int32x4_t odd[4];
    for (int i = 0; i < 4; ++i) {
      even[i] = vld1q_s32(op->bias + n + 4 * i);
      odd[i] = vdupq_n_s32(0);
    }
    const int8_t* from = in;
    for (int32_t step = 0; step < steps; ++step, from += 16, first += 128, second += 128) {
      const int8x16_t x = vld1q_s8(from);
      /* Spread out, since the core stalls when all MSHRs of the L1 are in use. */
      prefetch(first + PREFETCH_AHEAD);
      QUAD(0, even);
      prefetch(second + PREFETCH_AHEAD);
      QUAD(1, odd);
      prefetch(first + PREFETCH_AHEAD + 64);
      QUAD(2, even);
      prefetch(second + PREFETCH_AHEAD + 64);
      QUAD(3, odd);
    }
    const int8x16_t x = vld1q_s8(from);
    if (rest > 0) QUAD(0, even);
    if (rest > 1) QUAD(1, odd);
    if (rest > 2) QUAD(2, even);
    if (rest > 3) QUAD(3, odd);
    for (int i = 0; i < 4; ++i) {
      even[i] = requant4_apply(vaddq_s32(even[i], odd[i]), requant4_load(&op->requant, n + 4 * i));
    }
    store_first(out + n, narrow16(even[0], even[1], even[2], even[3], low, high),
                op->out_features - n);
  }
}
