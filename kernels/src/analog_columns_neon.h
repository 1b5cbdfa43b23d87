/* The digital part of an analog layer, 16 columns at a time. */
#ifndef AIMC_ANALOG_COLUMNS_NEON_H
#define AIMC_ANALOG_COLUMNS_NEON_H

#include <arm_neon.h>
#include <stdbool.h>
#include <stdint.h>

#include "analog.h"
#include "analog_linewise.h"
#include "prefetch.h"
#include "requantize_neon.h"

#define PIXELS 4 /* finished together */

/* Parameters of 16 columns. */
struct columns16 {
  int32x4_t bias[4];
  struct requant4 requant[4];
  int8x16_t low;
  int8x16_t high;
};

static inline struct columns16 columns16_packed(const struct aimc_analog* op, int32_t n) {
  const int32_t* at = op->columns + n * (ANALOG_COLUMN_BYTES / 4);
  struct columns16 c = {.low = vdupq_n_s8((int8_t)op->requant.low),
                        .high = vdupq_n_s8((int8_t)op->requant.high)};
  for (int i = 0; i < 4; ++i) {
    c.bias[i] = vld1q_s32(at + 4 * i);
    c.requant[i] =
        (struct requant4){vdupq_n_s32(0), vld1q_s32(at + 16 + 4 * i), vld1q_s32(at + 32 + 4 * i)};
  }
  return c;
}

static inline int32x4_t requant4_right(int32x4_t acc, struct requant4 r) {
  return vrshlq_s32(vqrdmulhq_s32(acc, r.multiplier), r.right);
}

/* Addresses of the codes of 16 columns. */
struct codes16 {
  const int8_t* first;
  int64_t stride; /* from one pixel to the next */
  int64_t step;   /* from one row block to the next */
  int32_t blocks;
};

/* Addresses of the results. */
struct results {
  int8_t* out;
  int64_t stride;  /* from one pixel to the next */
  int32_t columns; /* left to store; may be more than 16 */
};

/* Requantizes and stores the sums of `count` (a constant) pixels of up to 16 columns without left
 * shifts.  The pixels' chains of operations are independent of each other. */
static inline __attribute__((always_inline)) void finish_sums(const int count,
                                                              const struct columns16* c,
                                                              const int16x8_t* low,
                                                              const int16x8_t* high,
                                                              struct results* to) {
  int16x8_t first[PIXELS];
  int16x8_t second[PIXELS];
  int8x16_t result[PIXELS];
  for (int p = 0; p < count; ++p) {
    const int32x4_t a = vmlal_n_s16(c->bias[0], vget_low_s16(low[p]), 256);
    const int32x4_t b = vmlal_high_n_s16(c->bias[1], low[p], 256);
    const int32x4_t d = vmlal_n_s16(c->bias[2], vget_low_s16(high[p]), 256);
    const int32x4_t e = vmlal_high_n_s16(c->bias[3], high[p], 256);
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

/* The same from int8 codes.  Prefetches the codes `ahead` bytes after each. */
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
      if (ahead) prefetch(at + p * codes->stride + ahead);
      low[p] = vaddw_s8(low[p], vget_low_s8(code));
      high[p] = vaddw_high_s8(high[p], code);
    }
  }
  finish_sums(count, c, low, high, to);
}

/* Whether sums of int8 codes always fit int16. */
static inline bool narrow_sums(const struct aimc_analog* op, const struct aimc_range* range) {
  return op->code_bytes == 1 && range->blocks <= AIMC_LINES_MAX_BLOCKS;
}

/* Sets the fields that both analog_linewise() and analog_pixelwise() read. */
static inline void begin_lines(struct analog_linewise* lines, const struct aimc_analog* op,
                               const struct aimc_range* range) {
  lines->step = range->step;
  lines->blocks = (uint64_t)range->blocks;
  lines->low = vdupq_n_s8((int8_t)op->requant.low);
  lines->high = vdupq_n_s8((int8_t)op->requant.high);
}

/* Sets the strides for analog_linewise() over `pixels` pixels: between the pixels' codes of a
 * block, and between their outputs. */
static inline void set_steps(struct analog_linewise* lines, int64_t stride, int64_t out_stride,
                             int32_t pixels) {
  const int32_t quads = (pixels + PIXELS - 1) / PIXELS;
  const int32_t rest = pixels - (quads - 1) * PIXELS; /* of them the last quad brings */
  const int32_t far = (pixels < PIXELS ? pixels : PIXELS) - 1;
  const int32_t others[3] = {far < 1 ? far : 1, far < 2 ? far : 2, far};
  const int32_t before = pixels > PIXELS ? pixels - PIXELS : 0; /* the last quad */
  for (int32_t i = 0; i < 3; ++i) {
    lines->pixel[i] = others[i] * stride;
    lines->out[i] = others[i] * out_stride;
  }
  lines->step_to[0] =
      (struct analog_step){16 - before * stride, LINE_COLUMNS - before * out_stride,
                           LINE_COLUMNS * ANALOG_COLUMN_BYTES, LINE_COLUMNS - before * stride};
  lines->step_to[1] = (struct analog_step){rest * stride - 48, rest * out_stride, 0, rest * stride};
  lines->step_to[2] =
      (struct analog_step){PIXELS * stride - 48, PIXELS * out_stride, 0, PIXELS * stride};
  lines->pixel_stride = stride;
  lines->quads = (uint64_t)quads;
}

/* Sets the fields of analog_pixelwise() for one range alone. */
static inline void begin_pixel(struct analog_linewise* lines, const struct aimc_analog* op,
                               const struct aimc_range* range) {
  begin_lines(lines, op, range);
  lines->columns = op->pixel_columns + range->n0 * ANALOG_PIXEL_COLUMN_BYTES;
  lines->groups = (uint64_t)(range->columns / LINE_COLUMNS);
  lines->range_groups = lines->groups;
  lines->range_step = LINE_COLUMNS;
}

/* Finishes a pixel's last columns of a range, which fill no whole line of codes.  A line of results
 * is computed in a buffer, of which only these columns are stored. */
static inline void finish_pixel_rest(const struct aimc_analog* op, const struct aimc_range* range,
                                     const int8_t* codes, int8_t* out) {
  const int32_t whole = range->columns / LINE_COLUMNS * LINE_COLUMNS;
  const int32_t rest = range->columns - whole;
  if (rest == 0) return;
  _Alignas(16) int8_t line[LINE_COLUMNS];
  struct analog_linewise lines;
  begin_pixel(&lines, op, range);
  lines.columns = (const int8_t*)lines.columns + whole * ANALOG_PIXEL_COLUMN_BYTES;
  lines.groups = 1;
  lines.range_groups = 1;
  analog_pixelwise(&lines, codes + whole, line);
  for (int32_t i = 0; i < rest; i += 16) {
    store_first(out + whole + i, vld1q_s8(line + i), rest - i);
  }
}

#endif
