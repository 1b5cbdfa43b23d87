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
    if (op->columns) {
      const int32_t* at = op->columns + n * (ANALOG_COLUMN_BYTES / 4);
      c.bias[i] = vld1q_s32(at + 4 * i);
      c.requant[i] =
          (struct requant4){vdupq_n_s32(0), vld1q_s32(at + 16 + 4 * i), vld1q_s32(at + 32 + 4 * i)};
    } else {
      c.bias[i] = vld1q_s32(op->bias + n + 4 * i);
      c.requant[i] = requant4_load(&op->requant, n + 4 * i);
    }
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

/* Where the codes of 16 columns lie. */
struct codes16 {
  const int8_t* first;
  int64_t stride; /* from one pixel to the next */
  int64_t step;   /* from one row block to the next */
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
                                                                const struct codes16* codes,
                                                                const int8_t* at, int64_t ahead,
                                                                struct results* to) {
  int16x8_t low[PIXELS];
  int16x8_t high[PIXELS];
  for (int p = 0; p < count; ++p) {
    low[p] = vdupq_n_s16(0);
    high[p] = vdupq_n_s16(0);
  }
  for (int32_t i = 0; i < codes->blocks; ++i, at += codes->step) {
    for (int p = 0; p < count; ++p) {
      const int8x16_t code = vld1q_s8(at + p * codes->stride);
      if (ahead) touch(at + p * codes->stride + ahead);
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
static void finish_usual(const struct columns16* c, const struct codes16* codes, int32_t pixels,
                         bool fresh, struct results to) {
  const int8_t* at = codes->first;
  const int64_t group = PIXELS * codes->stride;
  int32_t pixel = 0;
  for (; pixel + PIXELS <= pixels; pixel += PIXELS, at += group) {
    if (fresh && pixel + 2 * PIXELS <= pixels) {
      finish_pixels(PIXELS, c, codes, at, group, &to);
    } else if (fresh) { /* the first pixels' next columns */
      finish_pixels(PIXELS, c, codes, at, codes->first + AIMC_ALIGN - at, &to);
    } else {
      finish_pixels(PIXELS, c, codes, at, 0, &to);
    }
  }
  for (; pixel + 2 <= pixels; pixel += 2, at += 2 * codes->stride) {
    finish_pixels(2, c, codes, at, fresh ? AIMC_ALIGN : 0, &to);
  }
  if (pixel < pixels) finish_pixels(1, c, codes, at, fresh ? AIMC_ALIGN : 0, &to);
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

/* The columns of a range that whole lines of codes hold. */
static __attribute__((noinline)) void finish_lines(const struct aimc_analog* op,
                                                   const struct aimc_range* range,
                                                   const int8_t* codes, const int8_t* next,
                                                   int32_t pixels, int8_t* out) {
  struct analog_lines lines; /* a pixel wants less than all of it */
  lines.columns = op->columns + range->n0 * (ANALOG_COLUMN_BYTES / 4);
  lines.step = range->step;
  lines.blocks = (uint64_t)range->blocks;
  lines.groups = (uint64_t)(range->columns / LINE_COLUMNS);
  lines.low = vdupq_n_s8((int8_t)op->requant.low);
  lines.high = vdupq_n_s8((int8_t)op->requant.high);
  if (pixels == 1) {
    analog_pixel(&lines, codes, out);
    return;
  }
  const int64_t stride = pixel_stride(range);
  const int64_t out_stride = op->out_channels;
  const int32_t quads = (pixels + PIXELS - 1) / PIXELS;
  const int32_t rest = pixels - (quads - 1) * PIXELS; /* of them the last quad brings */
  const int32_t others[3] = {1, pixels > 2 ? 2 : 1, pixels > 3 ? 3 : pixels - 1};
  const int32_t before = pixels > PIXELS ? pixels - PIXELS : 0; /* the last quad */
  for (int32_t i = 0; i < 3; ++i) {
    lines.pixel[i] = others[i] * stride;
    lines.out[i] = others[i] * out_stride;
  }
  lines.step_to[0] =
      (struct analog_step){16 - before * stride, LINE_COLUMNS - before * out_stride,
                           LINE_COLUMNS * ANALOG_COLUMN_BYTES, LINE_COLUMNS - before * stride};
  lines.step_to[1] = (struct analog_step){rest * stride - 48, rest * out_stride, 0, rest * stride};
  lines.step_to[2] =
      (struct analog_step){PIXELS * stride - 48, PIXELS * out_stride, 0, PIXELS * stride};
  lines.pixel_stride = stride;
  lines.quads = (uint64_t)quads;
  lines.beyond = next;
  analog_lines(&lines, codes, out);
}

/* Columns from `n` on of one pixel, int8 codes, with packed parameters. */
static __attribute__((noinline)) void finish_pixel(const struct aimc_analog* op,
                                                   const struct aimc_range* range, int32_t n,
                                                   const int8_t* codes, int8_t* out) {
  const int8x16_t lowest = vdupq_n_s8((int8_t)op->requant.low);
  const int8x16_t highest = vdupq_n_s8((int8_t)op->requant.high);
  const int32_t* column = op->columns + (range->n0 + n) * (ANALOG_COLUMN_BYTES / 4);
  for (; n < range->columns; n += 16, column += 4 * ANALOG_COLUMN_BYTES) {
    int32x4_t bias[4];
    int32x4_t multiplier[4];
    int32x4_t right[4];
    for (int i = 0; i < 4; ++i) {
      bias[i] = vld1q_s32(column + 4 * i);
      multiplier[i] = vld1q_s32(column + 16 + 4 * i);
      right[i] = vld1q_s32(column + 32 + 4 * i);
    }
    const int8_t* at = codes + n;
    int16x8_t low = vdupq_n_s16(0);
    int16x8_t high = vdupq_n_s16(0);
    for (int32_t i = 0; i < range->blocks; ++i, at += range->step) {
      const int8x16_t code = vld1q_s8(at);
      low = vaddw_s8(low, vget_low_s8(code));
      high = vaddw_high_s8(high, code);
    }
    int32x4_t a = vmlal_n_s16(bias[0], vget_low_s16(low), 256);
    int32x4_t b = vmlal_high_n_s16(bias[1], low, 256);
    int32x4_t c = vmlal_n_s16(bias[2], vget_low_s16(high), 256);
    int32x4_t d = vmlal_high_n_s16(bias[3], high, 256);
    a = vrshlq_s32(vqrdmulhq_s32(a, multiplier[0]), right[0]);
    b = vrshlq_s32(vqrdmulhq_s32(b, multiplier[1]), right[1]);
    c = vrshlq_s32(vqrdmulhq_s32(c, multiplier[2]), right[2]);
    d = vrshlq_s32(vqrdmulhq_s32(d, multiplier[3]), right[3]);
    store_first(out + n, narrow16(a, b, c, d, lowest, highest), range->columns - n);
  }
}

/* The columns from `n` on. */
static __attribute__((noinline)) void finish_columns(const struct aimc_analog* op,
                                                     const struct aimc_range* range, int32_t n,
                                                     const int8_t* codes, int32_t pixels,
                                                     int8_t* out) {
  const bool narrow = op->code_bytes == 1;
  const int64_t stride = pixel_stride(range);
  for (; n < range->columns; n += 16) {
    const struct columns16 c = columns16_load(op, range->n0 + n);
    const int8_t* at = codes + (int64_t)n * op->code_bytes;
    int8_t* to = out + n;
    const int32_t columns = range->columns - n;
    if (narrow && range->blocks <= LINES_MAX_BLOCKS && (op->columns || only_right(&c))) {
      finish_usual(&c, &(struct codes16){at, stride, range->step, range->blocks}, pixels,
                   n % AIMC_ALIGN == 0, (struct results){to, op->out_channels, columns});
      continue;
    }
    for (int32_t pixel = 0; pixel < pixels; ++pixel, at += stride, to += op->out_channels) {
      store_first(to, finish16(&c, sum_many(at, range->step, range->blocks, narrow)), columns);
    }
  }
}

static __attribute__((noinline)) void finish_range(const struct aimc_analog* op,
                                                   const struct aimc_range* range, bool packed,
                                                   const int8_t* codes, const int8_t* next,
                                                   int32_t pixels, int8_t* out) {
  int32_t n = 0;
  if (packed && range->columns >= LINE_COLUMNS) {
    finish_lines(op, range, codes, next, pixels, out);
    n = range->columns / LINE_COLUMNS * LINE_COLUMNS;
  }
  if (n == range->columns) return;
  if (packed && pixels == 1) {
    finish_pixel(op, range, n, codes, out);
  } else {
    finish_columns(op, range, n, codes, pixels, out);
  }
}

void analog_finish_neon(const struct aimc_analog* op, const struct aimc_range* range,
                        const int8_t* codes, const int8_t* next, int32_t pixels, int8_t* out) {
  out += range->n0;
  const bool packed = op->columns && op->code_bytes == 1 && range->blocks <= LINES_MAX_BLOCKS;
  if (packed && pixels == 1 && range->columns < LINE_COLUMNS) {
    finish_pixel(op, range, 0, codes, out);
  } else {
    finish_range(op, range, packed, codes, next, pixels, out);
  }
}
