/* Requantization of vectors of accumulators, and stores of less than a vector. */
#ifndef AIMC_REQUANTIZE_NEON_H
#define AIMC_REQUANTIZE_NEON_H

#include <arm_neon.h>
#include <stdint.h>

#include "aimc_ops.h"

/* Parameters of four channels, ready for SQSHL, SQRDMULH and SRSHL. */
struct requant4 {
  int32x4_t left;
  int32x4_t multiplier;
  int32x4_t right; /* negative: SRSHL shifts right by it */
};

static inline struct requant4 requant4_make(int32x4_t multiplier, int32x4_t shift) {
  const int32x4_t zero = vdupq_n_s32(0);
  return (struct requant4){vmaxq_s32(vnegq_s32(shift), zero), multiplier,
                           vminq_s32(vnegq_s32(shift), zero)};
}

static inline struct requant4 requant4_load(const struct aimc_requant* requant, int32_t channel) {
  return requant4_make(vld1q_s32(requant->multiplier + channel),
                       vld1q_s32(requant->shift + channel));
}

static inline int32x4_t requant4_apply(int32x4_t acc, struct requant4 r) {
  return vrshlq_s32(vqrdmulhq_s32(vqshlq_s32(acc, r.left), r.multiplier), r.right);
}

/* Saturating to int8 first is exact: [low, high] lies within int8. */
static inline int8x16_t narrow16(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d, int8x16_t low,
                                 int8x16_t high) {
  const int16x8_t ab = vqmovn_high_s32(vqmovn_s32(a), b);
  const int16x8_t cd = vqmovn_high_s32(vqmovn_s32(c), d);
  const int8x16_t abcd = vqmovn_high_s16(vqmovn_s16(ab), cd);
  return vminq_s8(vmaxq_s8(abcd, low), high);
}

/* Stores the first `count` (1 to 16) bytes and nothing else. */
static inline void store_first(int8_t* to, int8x16_t value, int32_t count) {
  if (count >= 16) {
    vst1q_s8(to, value);
    return;
  }
  /* Two overlapping stores, not one store per bit of `count`: bits would be mispredicted branches.
   * */
  if (count >= 8) {
    const int8x8_t first = vcreate_s8(0x0706050403020100);
    const int32_t last = count - 8;
    vst1_s8(to, vget_low_s8(value));
    vst1_s8(to + last,
            vqtbl1_s8(value, vreinterpret_u8_s8(vadd_s8(first, vdup_n_s8((int8_t)last)))));
    return;
  }
  const uint64_t bits = vgetq_lane_u64(vreinterpretq_u64_s8(value), 0);
  if (count >= 4) {
    const uint32_t first = (uint32_t)bits;
    const uint32_t last = (uint32_t)(bits >> (8 * count - 32));
    __builtin_memcpy(to, &first, 4);
    __builtin_memcpy(to + count - 4, &last, 4);
    return;
  }
  *to = (int8_t)bits;
  if (count < 2) return;
  to[1] = (int8_t)(bits >> 8);
  to[count - 1] = (int8_t)(bits >> (8 * count - 8));
}

#endif
