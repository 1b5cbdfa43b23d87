/* Pooling, 16 channels at a time. */
#include <arm_neon.h>

#include "aimc_ops.h"
#include "inside.h"
#include "prefetch.h"
#include "requantize_neon.h"

#define PREFETCH_PIXELS 3 /* output pixels by which inputs are prefetched ahead of their use */

/* The largest of a window's values in `vectors` (a constant) times 16 channels, clamped. */
static inline __attribute__((always_inline)) void max_of(const int vectors, const int8_t* row,
                                                         struct inside valid, int64_t line,
                                                         int64_t pixel, int8x16_t low,
                                                         int8x16_t high, int8x16_t* best) {
  for (int i = 0; i < vectors; ++i) best[i] = low; /* the result is at least low anyway */
  for (int32_t y = valid.y0; y < valid.y1; ++y, row += line) {
    const int8_t* at = row;
    for (int32_t x = valid.x0; x < valid.x1; ++x, at += pixel) {
      for (int i = 0; i < vectors; ++i) best[i] = vmaxq_s8(best[i], vld1q_s8(at + 16 * i));
    }
  }
  for (int i = 0; i < vectors; ++i) best[i] = vminq_s8(best[i], high);
}

void aimc_maxpool_neon(const struct aimc_maxpool* op, const int8_t* in, int8_t* out) {
  const struct aimc_window* w = &op->window;
  const int64_t pixel = op->channels;
  const int64_t line = w->in_w * pixel;
  const int8x16_t low = vdupq_n_s8((int8_t)op->low);
  const int8x16_t high = vdupq_n_s8((int8_t)op->high);
  for (int32_t oy = 0; oy < w->out_h; ++oy) {
    for (int32_t ox = 0; ox < w->out_w; ++ox, out += pixel) {
      const struct inside valid = inside_map(w, oy, ox);
      const int8_t* corner = in + valid.y0 * line + valid.x0 * pixel;
      int32_t c = 0;
      for (; c + 64 <= op->channels; c += 64) {
        int8x16_t best[4];
        for (int32_t y = valid.y0; y < valid.y1; ++y) {
          for (int32_t x = 0; x < w->stride_x; ++x) {
            prefetch(corner + c + (y - valid.y0) * line +
                     (PREFETCH_PIXELS * w->stride_x + x) * pixel);
          }
        }
        max_of(4, corner + c, valid, line, pixel, low, high, best);
        prefetch_to_write(out + c + PREFETCH_PIXELS * pixel);
        for (int i = 0; i < 4; ++i) vst1q_s8(out + c + 16 * i, best[i]);
      }
      for (; c < op->channels; c += 16) {
        int8x16_t best;
        max_of(1, corner + c, valid, line, pixel, low, high, &best);
        store_first(out + c, best, op->channels - c);
      }
    }
  }
}

void aimc_avgpool_neon(const struct aimc_avgpool* op, const int8_t* in, int8_t* out) {
  const struct aimc_window* w = &op->window;
  const int64_t pixel = op->channels;
  const int64_t line = w->in_w * pixel;
  const int8x16_t low = vdupq_n_s8((int8_t)op->low);
  const int8x16_t high = vdupq_n_s8((int8_t)op->high);
  for (int32_t oy = 0; oy < w->out_h; ++oy) {
    for (int32_t ox = 0; ox < w->out_w; ++ox, out += pixel) {
      const struct inside valid = inside_map(w, oy, ox);
      const int32_t count = op->count_include_pad ? w->kernel_h * w->kernel_w
                                                  : (valid.y1 - valid.y0) * (valid.x1 - valid.x0);
      const struct requant4 requant =
          requant4_make(vdupq_n_s32(op->multiplier[count]), vdupq_n_s32(op->shift[count]));
      const int8_t* corner = in + valid.y0 * line + valid.x0 * pixel;
      for (int32_t c = 0; c < op->channels; c += 16) {
        int32x4_t sum[4] = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
        const int8_t* row = corner + c;
        for (int32_t y = valid.y0; y < valid.y1; ++y, row += line) {
          const int8_t* at = row;
          for (int32_t x = valid.x0; x < valid.x1; ++x, at += pixel) {
            const int8x16_t value = vld1q_s8(at);
            const int16x8_t first = vmovl_s8(vget_low_s8(value));
            const int16x8_t second = vmovl_high_s8(value);
            sum[0] = vaddw_s16(sum[0], vget_low_s16(first));
            sum[1] = vaddw_high_s16(sum[1], first);
            sum[2] = vaddw_s16(sum[2], vget_low_s16(second));
            sum[3] = vaddw_high_s16(sum[3], second);
          }
        }
        const int8x16_t mean =
            narrow16(requant4_apply(sum[0], requant), requant4_apply(sum[1], requant),
                     requant4_apply(sum[2], requant), requant4_apply(sum[3], requant), low, high);
        store_first(out + c, mean, op->channels - c);
      }
    }
  }
}
