/* The digital part of an analog layer; 16 columns at a time where analog_linewise.S cannot do 64.
 */
#include <stddef.h>

#include "analog_columns_neon.h"

static inline struct columns16 columns16_load(const struct aimc_analog* op, int32_t n) {
  if (op->columns) return columns16_packed(op, n);
  struct columns16 c = {.low = vdupq_n_s8((int8_t)op->requant.low),
                        .high = vdupq_n_s8((int8_t)op->requant.high)};
  for (int i = 0; i < 4; ++i) {
    c.bias[i] = vld1q_s32(op->bias + n + 4 * i);
    c.requant[i] = requant4_load(&op->requant, n + 4 * i);
  }
  return c;
}

/* Whether none of the 16 columns has a left shift, as is usual. */
static inline bool only_right(const struct columns16* c) {
  const int32x4_t left = vorrq_s32(vorrq_s32(c->requant[0].left, c->requant[1].left),
                                   vorrq_s32(c->requant[2].left, c->requant[3].left));
  return vmaxvq_s32(left) == 0;
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

/* All pixels of up to 16 columns.  `fresh`: these lines of codes, of 64 columns, are new. */
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

_Static_assert(offsetof(struct analog_linewise, columns) == LINEWISE_COLUMNS, "layout");
_Static_assert(offsetof(struct analog_linewise, step) == LINEWISE_STEP, "layout");
_Static_assert(offsetof(struct analog_linewise, pixel_stride) == LINEWISE_PIXEL_STRIDE, "layout");
_Static_assert(offsetof(struct analog_linewise, pixel) == LINEWISE_PIXEL1, "layout");
_Static_assert(offsetof(struct analog_linewise, out) == LINEWISE_OUT1, "layout");
_Static_assert(offsetof(struct analog_linewise, blocks) == LINEWISE_BLOCKS, "layout");
_Static_assert(offsetof(struct analog_linewise, quads) == LINEWISE_QUADS, "layout");
_Static_assert(offsetof(struct analog_linewise, groups) == LINEWISE_GROUPS, "layout");
_Static_assert(offsetof(struct analog_linewise, step_to) == LINEWISE_STEPS, "layout");
_Static_assert(offsetof(struct analog_linewise, range_groups) == LINEWISE_RANGE_GROUPS, "layout");
_Static_assert(offsetof(struct analog_linewise, range_step) == LINEWISE_RANGE_STEP, "layout");
_Static_assert(offsetof(struct analog_linewise, low) == LINEWISE_LOW, "layout");
_Static_assert(offsetof(struct analog_linewise, high) == LINEWISE_HIGH, "layout");
_Static_assert(offsetof(struct analog_linewise, beyond) == LINEWISE_BEYOND, "layout");

/* The columns of a range in whole lines of codes. */
static __attribute__((noinline)) void finish_lines(const struct aimc_analog* op,
                                                   const struct aimc_range* range,
                                                   const int8_t* codes, const int8_t* next,
                                                   int32_t pixels, int8_t* out) {
  struct analog_linewise lines;
  begin_lines(&lines, op, range);
  lines.columns = op->columns + range->n0 * (ANALOG_COLUMN_BYTES / 4);
  lines.groups = (uint64_t)(range->columns / LINE_COLUMNS);
  set_steps(&lines, pixel_stride(range), op->out_channels, pixels);
  lines.beyond = next;
  analog_linewise(&lines, codes, out);
}

/* All columns of one pixel. */
static __attribute__((noinline)) void finish_pixel(const struct aimc_analog* op,
                                                   const struct aimc_range* range,
                                                   const int8_t* codes, int8_t* out) {
  if (range->columns >= LINE_COLUMNS) {
    struct analog_linewise lines;
    begin_pixel(&lines, op, range);
    analog_pixelwise(&lines, codes, out);
  }
  finish_pixel_rest(op, range, codes, out);
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
    if (narrow_sums(op, range) && (op->columns || only_right(&c))) {
      finish_usual(&c, &(struct codes16){at, stride, range->step, range->blocks}, pixels,
                   n % AIMC_ALIGN == 0, (struct results){to, op->out_channels, columns});
      continue;
    }
    for (int32_t pixel = 0; pixel < pixels; ++pixel, at += stride, to += op->out_channels) {
      store_first(to, finish16(&c, sum_many(at, range->step, range->blocks, narrow)), columns);
    }
  }
}

void analog_finish_neon(const struct aimc_analog* op, const struct aimc_range* range,
                        const int8_t* codes, const int8_t* next, int32_t pixels, int8_t* out) {
  const int32_t columns = range->columns; /* `range` is no longer in the L1 after the lines */
  out += range->n0;
  int32_t n = 0;
  if (op->columns && narrow_sums(op, range)) {
    if (pixels == 1 && op->pixel_columns) {
      finish_pixel(op, range, codes, out);
      return;
    }
    if (columns >= LINE_COLUMNS) {
      finish_lines(op, range, codes, next, pixels, out);
      n = columns / LINE_COLUMNS * LINE_COLUMNS;
    }
  }
  if (n < columns) finish_columns(op, range, n, codes, pixels, out);
}
