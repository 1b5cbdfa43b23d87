/* The digital part of an analog layer, 16 columns at a time. */
#include <arm_neon.h>

#include "analog.h"
#include "requantize_neon.h"

#define INT16_SUMMANDS 256 /* int8 codes that add up in int16 for certain */

/* The sum of `count` vectors of 16 int8 codes, `step` bytes apart. */
static inline int32x4x4_t sum_int8(const int8_t* codes, int64_t step, int32_t count) {
  int32x4x4_t sum = {{vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)}};
  while (count > 0) {
    const int32_t some = count < INT16_SUMMANDS ? count : INT16_SUMMANDS;
    int16x8_t low = vdupq_n_s16(0);
    int16x8_t high = vdupq_n_s16(0);
    for (int32_t i = 0; i < some; ++i, codes += step) {
      const int8x16_t code = vld1q_s8(codes);
      low = vaddw_s8(low, vget_low_s8(code));
      high = vaddw_high_s8(high, code);
    }
    sum.val[0] = vaddw_s16(sum.val[0], vget_low_s16(low));
    sum.val[1] = vaddw_high_s16(sum.val[1], low);
    sum.val[2] = vaddw_s16(sum.val[2], vget_low_s16(high));
    sum.val[3] = vaddw_high_s16(sum.val[3], high);
    count -= some;
  }
  return sum;
}

static inline int32x4x4_t sum_int16(const int8_t* codes, int64_t step, int32_t count) {
  int32x4x4_t sum = {{vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)}};
  for (int32_t i = 0; i < count; ++i, codes += step) {
    const int16x8_t low = vreinterpretq_s16_s8(vld1q_s8(codes));
    const int16x8_t high = vreinterpretq_s16_s8(vld1q_s8(codes + 16));
    sum.val[0] = vaddw_s16(sum.val[0], vget_low_s16(low));
    sum.val[1] = vaddw_high_s16(sum.val[1], low);
    sum.val[2] = vaddw_s16(sum.val[2], vget_low_s16(high));
    sum.val[3] = vaddw_high_s16(sum.val[3], high);
  }
  return sum;
}

void analog_finish_neon(const struct aimc_analog* op, const int8_t* codes, int32_t pixels,
                        int8_t* out) {
  const int8x16_t low = vdupq_n_s8((int8_t)op->requant.low);
  const int8x16_t high = vdupq_n_s8((int8_t)op->requant.high);
  for (int32_t first = 0; first < op->block_count;) {
    const struct aimc_block* range = &op->block[first];
    const int64_t stride = code_stride(op, range);
    const int64_t step = pixels * stride; /* from one row block to the next */
    int32_t count = 0;
    while (first + count < op->block_count && op->block[first + count].n0 == range->n0) ++count;
    for (int32_t c = 0; c < range->columns; c += 16) {
      const int32_t n = range->n0 + c;
      int32x4_t bias[4];
      struct requant4 requant[4];
      for (int i = 0; i < 4; ++i) {
        bias[i] = vld1q_s32(op->bias + n + 4 * i);
        requant[i] = requant4_load(&op->requant, n + 4 * i);
      }
      const int8_t* at = codes + (int64_t)c * op->code_bytes;
      int8_t* to = out + n;
      for (int32_t pixel = 0; pixel < pixels; ++pixel, at += stride, to += op->out_channels) {
        int32x4x4_t sum =
            op->code_bytes == 1 ? sum_int8(at, step, count) : sum_int16(at, step, count);
        for (int i = 0; i < 4; ++i) {
          const int32x4_t acc = vaddq_s32(vshlq_n_s32(sum.val[i], 8), bias[i]);
          sum.val[i] = requant4_apply(acc, requant[i]);
        }
        store_first(to, narrow16(sum.val[0], sum.val[1], sum.val[2], sum.val[3], low, high),
                    range->columns - c);
      }
    }
    codes += count * step;
    first += count;
  }
}
