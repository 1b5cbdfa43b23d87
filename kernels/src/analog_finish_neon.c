/* The digital part of an analog layer, 16 columns at a time where analog_lines.S does not take 64.
 */
#include <arm_neon.h>
#include <stdbool.h>
#include <stddef.h>

#include "analog.h"
#include "analog_lines.h"
#include "requantize_neon.h"
#include "touch.h"

#define PIXELS 4 /* finished together */

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
static inline int8x16_t finish16(const struct columns16* c, int32x4x4_t sum) {
  for (int i = 0; i < 4; ++i) {
    sum.val[i] = requant4_apply(vaddq_s32(sum.val[i], c->bias[i]), c->requant[i]);
  }
  return narrow16(sum.val[0], sum.val[1], sum.val[2], sum.val[3], c->low, c->high);
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

/* Where results go. */
struct results {
  int8_t* out;
  int64_t stride;  /* from one pixel to the next */
  int32_t columns; /* of them, more than 16 as well */
};

/* `count` (a constant) pixels of up to 16 columns, int8 codes, only right shifts.  Their chains of
 * operations do not wait for each other.  Codes `ahead` of each are brought nearer. */
static inline __attribute__((always_inline)) void finish_pixels(const int count,
                                                                const struct columns16* c,
                                                                const struct range* range,
                                                                const int8_t* at, int64_t ahead,
                                                                struct results* to) {
  int16x8_t low[PIXELS];
  int16x8_t high[PIXELS];
  for (int p = 0; p < count; ++p) {
    low[p] = vdupq_n_s16(0);
    high[p] = vdupq_n_s16(0);
  }
  for (int32_t i = 0; i < range->blocks; ++i, at += range->step) {
    for (int p = 0; p < count; ++p) {
      const int8x16_t code = vld1q_s8(at + p * range->stride);
      if (ahead) touch(at + p * range->stride + ahead);
      low[p] = vaddw_s8(low[p], vget_low_s8(code));
      high[p] = vaddw_high_s8(high[p], code);
    }
  }
  int16x8_t first[PIXELS];
  int16x8_t second[PIXELS];
  int8x16_t result[PIXELS];
  for (int p = 0; p < count; ++p) {
    const int32x4_t a = vaddq_s32(vshll_n_s16(vget_low_s16(low[p]), 8), c->bias[0]);
    const int32x4_t b = vaddq_s32(vshll_high_n_s16(low[p], 8), c->bias[1]);
    const int32x4_t d = vaddq_s32(vshll_n_s16(vget_low_s16(high[p]), 8), c->bias[2]);
    const int32x4_t e = vaddq_s32(vshll_high_n_s16(high[p], 8), c->bias[3]);
    first[p] = vqmovn_high_s32(vqmovn_s32(requant4_right(a, c->requant[0])),
                               requant4_right(b, c->requant[1]));
    second[p] = vqmovn_high_s32(vqmovn_s32(requant4_right(d, c->requant[2])),
                                requant4_right(e, c->requant[3]));
  }
  for (int p = 0; p < count; ++p) {
    result[p] = vqmovn_high_s16(vqmovn_s16(first[p]), second[p]);
  }
  for (int p = 0; p < count; ++p) result[p] = vminq_s8(vmaxq_s8(result[p], c->low), c->high);
  for (int p = 0; p < count; ++p, to->out += to->stride) {
    store_first(to->out, result[p], to->columns);
  }
}

/* All pixels of up to 16 columns.  `fresh`: the first to touch these lines of codes, which hold 64.
 */
static void finish_usual(const struct columns16* c, const struct range* range, int32_t pixels,
                         bool fresh, struct results to) {
  const int8_t* at = range->codes;
  const int64_t group = PIXELS * range->stride;
  int32_t pixel = 0;
  for (; pixel + PIXELS <= pixels; pixel += PIXELS, at += group) {
    if (fresh && pixel + 2 * PIXELS <= pixels) {
      finish_pixels(PIXELS, c, range, at, group, &to);
    } else if (fresh) { /* the first pixels' next columns */
      finish_pixels(PIXELS, c, range, at, range->codes + AIMC_ALIGN - at, &to);
    } else {
      finish_pixels(PIXELS, c, range, at, 0, &to);
    }
  }
  for (; pixel + 2 <= pixels; pixel += 2, at += 2 * range->stride) {
    finish_pixels(2, c, range, at, fresh ? AIMC_ALIGN : 0, &to);
  }
  if (pixel < pixels) finish_pixels(1, c, range, at, fresh ? AIMC_ALIGN : 0, &to);
}

_Static_assert(offsetof(struct analog_lines, columns) == LINES_COLUMNS, "layout");
_Static_assert(offsetof(struct analog_lines, step) == LINES_STEP, "layout");
_Static_assert(offsetof(struct analog_lines, pixel_stride) == LINES_PIXEL_STRIDE, "layout");
_Static_assert(offsetof(struct analog_lines, pixel) == LINES_PIXEL1, "layout");
_Static_assert(offsetof(struct analog_lines, out) == LINES_OUT1, "layout");
_Static_assert(offsetof(struct analog_lines, blocks) == LINES_BLOCKS, "layout");
_Static_assert(offsetof(struct analog_lines, quads) == LINES_QUADS, "layout");
_Static_assert(offsetof(struct analog_lines, groups) == LINES_GROUPS, "layout");
_Static_assert(offsetof(struct analog_lines, step_to) == LINES_STEPS, "layout");
_Static_assert(offsetof(struct analog_lines, low) == LINES_LOW, "layout");
_Static_assert(offsetof(struct analog_lines, high) == LINES_HIGH, "layout");
_Static_assert(offsetof(struct analog_lines, beyond) == LINES_BEYOND, "layout");

/* As many columns of a range from `n0` on as whole lines of codes hold; returns how many. */
static int32_t finish_lines(const struct aimc_analog* op, const struct range* range, int32_t n0,
                            int32_t columns, int32_t pixels, int8_t* out) {
  const int32_t groups = columns / LINE_COLUMNS;
  if (!op->columns || op->code_bytes != 1 || range->blocks > LINES_MAX_BLOCKS || groups == 0) {
    return 0;
  }
  const int64_t stride = range->stride;
  const int64_t out_stride = op->out_channels;
  const int32_t quads = (pixels + PIXELS - 1) / PIXELS;
  const int32_t rest = pixels - (quads - 1) * PIXELS; /* of them the last quad brings */
  const int32_t others[3] = {pixels > 1, pixels > 2 ? 2 : pixels - 1, pixels > 3 ? 3 : pixels - 1};
  const int32_t before = pixels > PIXELS ? pixels - PIXELS : 0; /* the last quad */
  const struct analog_lines lines = {
      .columns = op->columns + n0 * (ANALOG_COLUMN_BYTES / 4),
      .step = range->step,
      .pixel_stride = stride,
      .pixel = {others[0] * stride, others[1] * stride, others[2] * stride},
      .out = {others[0] * out_stride, others[1] * out_stride, others[2] * out_stride},
      .blocks = (uint64_t)range->blocks,
      .quads = (uint64_t)quads,
      .groups = (uint64_t)groups,
      .step_to = {{16 - before * stride, LINE_COLUMNS - before * out_stride,
                   LINE_COLUMNS * ANALOG_COLUMN_BYTES, LINE_COLUMNS - before * stride},
                  {rest * stride - 48, rest * out_stride, 0, rest * stride},
                  {PIXELS * stride - 48, PIXELS * out_stride, 0, PIXELS * stride}},
      .low = vdupq_n_s8((int8_t)op->requant.low),
      .high = vdupq_n_s8((int8_t)op->requant.high),
      .beyond = range->codes + range->blocks * range->step,
  };
  (pixels == 1 ? analog_pixel : analog_lines)(&lines, range->codes, out + n0);
  return groups * LINE_COLUMNS;
}

void analog_finish_neon(const struct aimc_analog* op, const int8_t* codes, int32_t pixels,
                        int8_t* out) {
  const bool narrow = op->code_bytes == 1;
  for (int32_t first = 0; first < op->block_count;) {
    const struct aimc_block* block = &op->block[first];
    struct range range = {codes, op->pixel_bytes, code_stride(op, block), 0};
    while (first + range.blocks < op->block_count && block[range.blocks].n0 == block->n0) {
      ++range.blocks;
    }
    const int32_t whole = finish_lines(op, &range, block->n0, block->columns, pixels, out);
    for (int32_t n = whole; n < block->columns; n += 16) {
      const struct columns16 c = columns16_load(op, block->n0 + n);
      range.codes = codes + (int64_t)n * op->code_bytes;
      int8_t* to = out + block->n0 + n;
      const int32_t columns = block->columns - n;
      if (narrow && range.blocks <= LINES_MAX_BLOCKS && only_right(&c)) {
        finish_usual(&c, &range, pixels, n % AIMC_ALIGN == 0,
                     (struct results){to, op->out_channels, columns});
        continue;
      }
      for (int32_t pixel = 0; pixel < pixels; ++pixel, to += op->out_channels) {
        const int8_t* at = range.codes + pixel * range.stride;
        store_first(to, finish16(&c, sum_many(at, range.step, range.blocks, narrow)), columns);
      }
    }
    codes += range.blocks * range.step;
    first += range.blocks;
  }
}
