/* Depthwise convolution: 16 channels at a time, four taps of a kernel row per dot product.
 *
 * Four pixels of a row are transposed so that the values of a channel are adjacent. They hold the
 * taps of an output pixel and, shifted by one, of its right neighbour, so both are computed from
 * one transposition.
 */
#include <arm_neon.h>
#include <stdbool.h>

#include "aimc_ops.h"
#include "band.h"
#include "requantize_neon.h"

#define QUAD 4        /* taps of a dot product */
#define QUAD_BYTES 64 /* their weights of 16 channels */

/* The constants of all pixels. */
struct plan {
  int32_t kernel_h;
  int32_t kernel_w;
  int32_t quads;    /* of a kernel's row */
  int64_t next_tap; /* bytes */
  int64_t next_row;
  bool paired;
};

/* Parameters of 16 channels, which the loop reads from memory: with the sums, they do not fit the
 * registers. */
struct channels16 {
  int32x4_t bias[4];
  struct requant4 requant[4];
  int8x16_t low;
  int8x16_t high;
};

static inline void channels16_load(const struct aimc_depthwise* op, int32_t c,
                                   struct channels16* params) {
  for (int i = 0; i < 4; ++i) {
    params->bias[i] = vld1q_s32(op->bias + c + 4 * i);
    params->requant[i] = requant4_load(&op->requant, c + 4 * i);
  }
  params->low = vdupq_n_s8((int8_t)op->requant.low);
  params->high = vdupq_n_s8((int8_t)op->requant.high);
}

/* Returns `at`, hidden from the compiler. So it keeps neither the values read there nor a pointer
 * for each access of a loop on its stack. */
#define OPAQUE(pointer) __asm__("" : "+r"(pointer))

/* Pixels `first` to `first + 3` of a row; those from `pixels` on have weight 0 and are not read. */
static inline int8x16x4_t interleave(const int8_t* row, int64_t next_tap, int32_t first,
                                     int32_t pixels) {
  int8x16_t x[QUAD];
  for (int i = 0; i < QUAD; ++i) {
    x[i] = first + i < pixels ? vld1q_s8(row + (first + i) * next_tap) : x[0];
  }
  const int16x8_t ab_low = vreinterpretq_s16_s8(vzip1q_s8(x[0], x[1]));
  const int16x8_t ab_high = vreinterpretq_s16_s8(vzip2q_s8(x[0], x[1]));
  const int16x8_t cd_low = vreinterpretq_s16_s8(vzip1q_s8(x[2], x[3]));
  const int16x8_t cd_high = vreinterpretq_s16_s8(vzip2q_s8(x[2], x[3]));
  return (int8x16x4_t){{
      vreinterpretq_s8_s16(vzip1q_s16(ab_low, cd_low)),
      vreinterpretq_s8_s16(vzip2q_s16(ab_low, cd_low)),
      vreinterpretq_s8_s16(vzip1q_s16(ab_high, cd_high)),
      vreinterpretq_s8_s16(vzip2q_s16(ab_high, cd_high)),
  }};
}

/* `count` (a constant, 1 or 2) neighbours of 16 channels; stores `valid` channels. */
static inline __attribute__((always_inline)) void finish(const int count, const struct plan* plan,
                                                         const struct channels16* params,
                                                         const int8_t* weight, const int8_t* at,
                                                         int8_t* out, int64_t next_out,
                                                         int32_t valid) {
  OPAQUE(params);
  int32x4_t acc[2][4];
  for (int p = 0; p < count; ++p) {
    for (int i = 0; i < 4; ++i) acc[p][i] = params->bias[i];
  }
  const int32_t pixels = plan->kernel_w + count - 1;
  const int64_t neighbour = (int64_t)plan->kernel_h * plan->quads * QUAD_BYTES;
  OPAQUE(weight);
  OPAQUE(at);
  for (int32_t ky = 0; ky < plan->kernel_h; ++ky, at += plan->next_row) {
    for (int32_t quad = 0; quad < plan->quads; ++quad, weight += QUAD_BYTES) {
      const int8x16x4_t x = interleave(at, plan->next_tap, quad * QUAD, pixels);
      for (int p = 0; p < count; ++p) {
        for (int i = 0; i < 4; ++i) {
          acc[p][i] = vdotq_s32(acc[p][i], vld1q_s8(weight + p * neighbour + 16 * i), x.val[i]);
        }
      }
    }
  }
  int8x16_t result[2];
  for (int p = 0; p < count; ++p) {
    for (int i = 0; i < 4; ++i) acc[p][i] = requant4_apply(acc[p][i], params->requant[i]);
    result[p] = narrow16(acc[p][0], acc[p][1], acc[p][2], acc[p][3], params->low, params->high);
  }
  if (valid >= 16) { /* both at once, since they are independent */
    for (int p = 0; p < count; ++p) vst1q_s8(out + p * next_out, result[p]);
  } else {
    for (int p = 0; p < count; ++p) store_first(out + p * next_out, result[p], valid);
  }
}

/* 16 channels from `c` on of one output row, whose first input is at `at`. */
static inline __attribute__((always_inline)) void row16(const struct aimc_depthwise* op,
                                                        const struct plan* plan, int32_t c,
                                                        const int8_t* at, int64_t step,
                                                        int8_t* out) {
  struct channels16 params;
  channels16_load(op, c, &params);
  const int32_t width = op->window.out_w;
  const int32_t channels = op->channels;
  const int8_t* weight = op->weight + (int64_t)c / 16 * (plan->paired ? 2 : 1) * plan->kernel_h *
                                          plan->quads * QUAD_BYTES;
  int32_t ox = 0;
  out += c;
  if (plan->paired) {
    for (; ox + 2 <= width; ox += 2, at += 2 * step, out += 2 * (int64_t)channels) {
      finish(2, plan, &params, weight, at, out, channels, channels - c);
    }
  }
  for (; ox < width; ++ox, at += step, out += channels) {
    finish(1, plan, &params, weight, at, out, channels, channels - c);
  }
}

/* As row16, for a kernel whose size is a constant. */
static inline __attribute__((always_inline)) void row16_sized(const struct aimc_depthwise* op,
                                                              const struct plan* plan,
                                                              const int32_t size, int32_t c,
                                                              const int8_t* at, int64_t step,
                                                              int8_t* out) {
  struct plan sized = *plan;
  sized.kernel_h = size;
  sized.kernel_w = size;
  if (sized.paired) {
    sized.quads = (size + 1 + QUAD - 1) / QUAD;
    row16(op, &sized, c, at, step, out);
  } else {
    sized.quads = (size + QUAD - 1) / QUAD;
    row16(op, &sized, c, at, step, out);
  }
}

void aimc_depthwise_neon(const struct aimc_depthwise* op, const int8_t* in, int8_t* out,
                         void* scratch) {
  const struct aimc_window* w = &op->window;
  const struct band band = band_plan(w, op->channels, 1);
  const bool paired = w->stride_x == 1 && w->dilation_x == 1; /* as in pack_depthwise_weight() */
  const int32_t size = w->kernel_h == w->kernel_w ? w->kernel_h : 0;
  const struct plan plan = {
      .kernel_h = w->kernel_h,
      .kernel_w = w->kernel_w,
      .quads = (w->kernel_w + (paired ? 1 : 0) + QUAD - 1) / QUAD,
      .next_tap = w->dilation_x * band.pixel,
      .next_row = w->dilation_y * band.pitch,
      .paired = paired,
  };
  for (int32_t oy = 0; oy < w->out_h; oy += band.rows) {
    const int32_t rows = w->out_h - oy < band.rows ? w->out_h - oy : band.rows;
    const int8_t* top = band_rows(&band, in, oy, rows, scratch);
    for (int32_t row = 0; row < rows; ++row, out += (int64_t)w->out_w * op->channels) {
      const int8_t* at = top + row * w->stride_y * band.pitch;
      const int64_t step = w->stride_x * band.pixel;
      for (int32_t c = 0; c < op->channels; c += 16) {
        if (size == 3) {
          row16_sized(op, &plan, 3, c, at + c, step, out);
        } else if (size == 5) {
          row16_sized(op, &plan, 5, c, at + c, step, out);
        } else {
          row16(op, &plan, c, at + c, step, out);
        }
      }
    }
  }
}
