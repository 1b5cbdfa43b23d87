/* The digital part of an analog layer, 16 columns at a time. */
#include <arm_neon.h>
#include <stdbool.h>

#include "analog.h"
#include "requantize_neon.h"

#define INT16_SUMMANDS 256 /* int8 codes that add up in int16 for certain */

/* Parameters of 16 columns. */
struct columns16 {
  int32x4_t bias[4];
  struct requant4 requant[4];
  int8x16_t low;
  int8x16_t high;
};

static inline struct columns16 columns16_load(const struct aimc_analog* op, int32_t n) {
  struct columns16 c;
  for (int i = 0; i < 4; ++i) {
    c.bias[i] = vld1q_s32(op->bias + n + 4 * i);
    c.requant[i] = requant4_load(&op->requant, n + 4 * i);
  }
  c.low = vdupq_n_s8((int8_t)op->requant.low);
  c.high = vdupq_n_s8((int8_t)op->requant.high);
  return c;
}

/* No column of the 16 is shifted left, as is usual. */
static inline bool only_right(const struct columns16* c) {
  const int32x4_t left = vorrq_s32(vorrq_s32(c->requant[0].left, c->requant[1].left),
                                   vorrq_s32(c->requant[2].left, c->requant[3].left));
  return vmaxvq_s32(left) == 0;
}

static inline int32x4_t requant4_right(int32x4_t acc, struct requant4 r) {
  return vrshlq_s32(vqrdmulhq_s32(acc, r.multiplier), r.right);
}

/* `sum` is already multiplied by 256. */
static inline int8x16_t finish16(const struct columns16* c, int32x4x4_t sum, const bool right) {
  for (int i = 0; i < 4; ++i) {
    const int32x4_t acc = vaddq_s32(sum.val[i], c->bias[i]);
    sum.val[i] = right ? requant4_right(acc, c->requant[i]) : requant4_apply(acc, c->requant[i]);
  }
  return narrow16(sum.val[0], sum.val[1], sum.val[2], sum.val[3], c->low, c->high);
}

/* 256 times the sum of `count` (at most INT16_SUMMANDS) vectors of 16 int8 codes. */
static inline int32x4x4_t sum_few(const int8_t* codes, int64_t step, int32_t count) {
  int16x8_t low = vmovl_s8(vld1_s8(codes));
  int16x8_t high = vmovl_s8(vld1_s8(codes + 8));
  for (int32_t i = 1; i < count; ++i) {
    codes += step;
    const int8x16_t code = vld1q_s8(codes);
    low = vaddw_s8(low, vget_low_s8(code));
    high = vaddw_high_s8(high, code);
  }
  return (int32x4x4_t){{vshll_n_s16(vget_low_s16(low), 8), vshll_high_n_s16(low, 8),
                        vshll_n_s16(vget_low_s16(high), 8), vshll_high_n_s16(high, 8)}};
}

/* 256 times the sum of any number of vectors of int8 or int16 codes. */
static inline int32x4x4_t sum_many(const int8_t* codes, int64_t step, int32_t count, bool narrow) {
  int32x4x4_t sum = {{vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)}};
  for (int32_t i = 0; i < count; ++i, codes += step) {
    const int8x16_t code = vld1q_s8(codes);
    const int16x8_t low = narrow ? vmovl_s8(vget_low_s8(code)) : vreinterpretq_s16_s8(code);
    const int16x8_t high =
        narrow ? vmovl_high_s8(code) : vreinterpretq_s16_s8(vld1q_s8(codes + 16));
    sum.val[0] = vaddw_s16(sum.val[0], vget_low_s16(low));
    sum.val[1] = vaddw_high_s16(sum.val[1], low);
    sum.val[2] = vaddw_s16(sum.val[2], vget_low_s16(high));
    sum.val[3] = vaddw_high_s16(sum.val[3], high);
  }
  for (int i = 0; i < 4; ++i) sum.val[i] = vshlq_n_s32(sum.val[i], 8);
  return sum;
}

/* Where the codes of a column range lie. */
struct range {
  const int8_t* codes; /* of the first 16 columns */
  int64_t stride;      /* from one pixel to the next */
  int64_t step;        /* from one row block to the next */
  int32_t blocks;
};

/* 16 full columns, int8 codes, only right shifts; two pixels at a time, whose chains of operations
 * do not wait for each other. */
static void finish_usual(const struct columns16* c, const struct range* range, int32_t pixels,
                         int8_t* out, int64_t out_stride) {
  const int8_t* at = range->codes;
  int32_t pixel = 0;
  for (; pixel + 2 <= pixels; pixel += 2, at += 2 * range->stride, out += 2 * out_stride) {
    const int32x4x4_t one = sum_few(at, range->step, range->blocks);
    const int32x4x4_t other = sum_few(at + range->stride, range->step, range->blocks);
    vst1q_s8(out, finish16(c, one, true));
    vst1q_s8(out + out_stride, finish16(c, other, true));
  }
  if (pixel < pixels) vst1q_s8(out, finish16(c, sum_few(at, range->step, range->blocks), true));
}

void analog_finish_neon(const struct aimc_analog* op, const int8_t* codes, int32_t pixels,
                        int8_t* out) {
  const bool narrow = op->code_bytes == 1;
  for (int32_t first = 0; first < op->block_count;) {
    const struct aimc_block* block = &op->block[first];
    struct range range = {.stride = code_stride(op, block)};
    range.step = pixels * range.stride;
    while (first + range.blocks < op->block_count && block[range.blocks].n0 == block->n0) {
      ++range.blocks;
    }
    for (int32_t n = 0; n < block->columns; n += 16) {
      const struct columns16 c = columns16_load(op, block->n0 + n);
      range.codes = codes + (int64_t)n * op->code_bytes;
      int8_t* to = out + block->n0 + n;
      const int32_t columns = block->columns - n;
      if (narrow && columns >= 16 && range.blocks <= INT16_SUMMANDS && only_right(&c)) {
        finish_usual(&c, &range, pixels, to, op->out_channels);
        continue;
      }
      for (int32_t pixel = 0; pixel < pixels; ++pixel, to += op->out_channels) {
        const int8_t* at = range.codes + pixel * range.stride;
        store_first(to, finish16(&c, sum_many(at, range.step, range.blocks, narrow), false),
                    columns);
      }
    }
    codes += range.blocks * range.step;
    first += range.blocks;
  }
}
