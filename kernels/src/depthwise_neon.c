/* Depthwise convolution: 16 channels at a time, four taps to a dot product. */
#include <arm_neon.h>

#include "aimc_ops.h"
#include "band.h"
#include "requantize_neon.h"

#define FEW_QUADS 3 /* as a 3 x 3 kernel has: unrolled */

/* Four taps of 16 channels, transposed so that the taps of a channel lie side by side. */
static inline int8x16x4_t interleave(const int8_t* at, const int64_t* tap) {
  const int8x16_t a = vld1q_s8(at + tap[0]);
  const int8x16_t b = vld1q_s8(at + tap[1]);
  const int8x16_t c = vld1q_s8(at + tap[2]);
  const int8x16_t d = vld1q_s8(at + tap[3]);
  const int16x8_t ab_low = vreinterpretq_s16_s8(vzip1q_s8(a, b));
  const int16x8_t ab_high = vreinterpretq_s16_s8(vzip2q_s8(a, b));
  const int16x8_t cd_low = vreinterpretq_s16_s8(vzip1q_s8(c, d));
  const int16x8_t cd_high = vreinterpretq_s16_s8(vzip2q_s8(c, d));
  return (int8x16x4_t){{
      vreinterpretq_s8_s16(vzip1q_s16(ab_low, cd_low)),
      vreinterpretq_s8_s16(vzip2q_s16(ab_low, cd_low)),
      vreinterpretq_s8_s16(vzip1q_s16(ab_high, cd_high)),
      vreinterpretq_s8_s16(vzip2q_s16(ab_high, cd_high)),
  }};
}

/* 16 channels from `c` on of one output row, whose first input is at `at`. */
static inline __attribute__((always_inline)) void row16(const struct aimc_depthwise* op,
                                                        const int32_t quads, const int64_t* tap,
                                                        int32_t c, const int8_t* at, int64_t step,
                                                        int8_t* out) {
  const int8_t* weight = op->weight + (int64_t)c * quads * 4;
  const int8x16_t low = vdupq_n_s8((int8_t)op->requant.low);
  const int8x16_t high = vdupq_n_s8((int8_t)op->requant.high);
  const int32_t width = op->window.out_w;
  const int32_t channels = op->channels;
  int32x4_t bias[4];
  struct requant4 requant[4];
  for (int i = 0; i < 4; ++i) {
    bias[i] = vld1q_s32(op->bias + c + 4 * i);
    requant[i] = requant4_load(&op->requant, c + 4 * i);
  }
  for (int32_t ox = 0; ox < width; ++ox, at += step, out += channels) {
    int32x4_t acc[4] = {bias[0], bias[1], bias[2], bias[3]};
    for (int32_t quad = 0; quad < quads; ++quad) {
      const int8x16x4_t x = interleave(at, tap + (int64_t)quad * 4);
      for (int i = 0; i < 4; ++i) {
        acc[i] = vdotq_s32(acc[i], vld1q_s8(weight + 64 * quad + 16 * i), x.val[i]);
      }
    }
    for (int i = 0; i < 4; ++i) acc[i] = requant4_apply(acc[i], requant[i]);
    store_first(out + c, narrow16(acc[0], acc[1], acc[2], acc[3], low, high), channels - c);
  }
}

/* Fills tap[quads * 4] with the distances of taps from a pixel's first input; those that fill up
 * the last quad have weight 0 and stay where the first is. */
static void fill_taps(const struct band* band, int32_t quads, int64_t* tap) {
  const struct aimc_window* w = band->window;
  int64_t* at = tap;
  for (int32_t ky = 0; ky < w->kernel_h; ++ky) {
    for (int32_t kx = 0; kx < w->kernel_w; ++kx) {
      *at++ = ky * w->dilation_y * band->pitch + kx * w->dilation_x * band->pixel;
    }
  }
  while (at < tap + quads * (int64_t)4) *at++ = 0;
}

void aimc_depthwise_neon(const struct aimc_depthwise* op, const int8_t* in, int8_t* out,
                         void* scratch) {
  const struct aimc_window* w = &op->window;
  const struct band band = band_plan(w, op->channels, 1);
  const int32_t quads = (w->kernel_h * w->kernel_w + 3) / 4;
  int64_t* tap = scratch;
  int8_t* copy = (int8_t*)(tap + (quads + 1) / 2 * 8);
  fill_taps(&band, quads, tap);
  for (int32_t oy = 0; oy < w->out_h; oy += band.rows) {
    const int32_t rows = w->out_h - oy < band.rows ? w->out_h - oy : band.rows;
    const int8_t* top = band_rows(&band, in, oy, rows, copy);
    for (int32_t row = 0; row < rows; ++row, out += (int64_t)w->out_w * op->channels) {
      const int8_t* at = top + row * w->stride_y * band.pitch;
      const int64_t step = w->stride_x * band.pixel;
      for (int32_t c = 0; c < op->channels; c += 16) {
        if (quads == FEW_QUADS) {
          row16(op, FEW_QUADS, tap, c, at + c, step, out);
        } else {
          row16(op, quads, tap, c, at + c, step, out);
        }
      }
    }
  }
}
