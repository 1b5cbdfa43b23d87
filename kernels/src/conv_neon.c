/* Convolution as a matrix product over row pointers: no copy of the patches, except where there
 * are too few channels to fill a vector. */
#include <arm_neon.h>
#include <stdbool.h>

#include "aimc_ops.h"
#include "gemm_neon.h"
#include "patch.h"

#define GATHER_BELOW 16 /* gathers_patches of harness/codegen/packing.py */

/* Where the rows of one strip of output pixels are. */
struct strip {
  const int8_t** rows; /* [tile][tap][TILE_ROWS] */
  struct gemm_segment k;
};

/* Of the windows of TILE_ROWS output pixels: their first input's coordinates, and its distance from
 * the map's start in bytes. */
struct corners {
  int32_t y[TILE_ROWS];
  int32_t x[TILE_ROWS];
  int64_t bytes[TILE_ROWS];
};

/* All ones where 0 <= first + step < size. */
static inline uint32x4_t inside(int32x4_t first, int32_t step, uint32x4_t size) {
  return vcltq_u32(vreinterpretq_u32_s32(vaddq_s32(first, vdupq_n_s32(step))), size);
}

/* Points four rows at their pixels in the map where they are inside, else at the zeros. */
static inline void point_four(int64x2_t first, int64x2_t second, int64x2_t zeros, uint32x4_t valid,
                              const int8_t** rows) {
  __asm__("" : "+w"(valid)); /* else the compiler widens the comparison in six steps */
  const uint64x2_t choose_first = vreinterpretq_u64_u32(vzip1q_u32(valid, valid));
  const uint64x2_t choose_second = vreinterpretq_u64_u32(vzip2q_u32(valid, valid));
  vst1q_s64((int64_t*)(void*)rows, vbslq_s64(choose_first, first, zeros));
  vst1q_s64((int64_t*)(void*)(rows + 2), vbslq_s64(choose_second, second, zeros));
}

/* Points every tap of a tile at its input pixel, or at zeros. */
static void point_tile(const struct aimc_window* w, int64_t pixel_bytes,
                       const struct corners* corners, const int8_t* in, const int8_t* zeros,
                       const int8_t** rows) {
  const int32x4_t y_low = vld1q_s32(corners->y);
  const int32x4_t y_high = vld1q_s32(corners->y + 4);
  const int32x4_t x_low = vld1q_s32(corners->x);
  const int32x4_t x_high = vld1q_s32(corners->x + 4);
  const int64x2x4_t bytes = vld1q_s64_x4(corners->bytes);
  const uint32x4_t height = vdupq_n_u32((uint32_t)w->in_h);
  const uint32x4_t width = vdupq_n_u32((uint32_t)w->in_w);
  const int64x2_t none = vdupq_n_s64((int64_t)zeros);
  const int32_t kernel_h = w->kernel_h;
  const int32_t kernel_w = w->kernel_w;
  const int32_t dilation_x = w->dilation_x;
  const int64_t line = w->in_w * pixel_bytes;
  for (int32_t ky = 0; ky < kernel_h; ++ky) {
    const int32_t dy = ky * w->dilation_y;
    const uint32x4_t row_low = inside(y_low, dy, height);
    const uint32x4_t row_high = inside(y_high, dy, height);
    _Pragma("clang loop unroll_count(3)") for (int32_t kx = 0; kx < kernel_w; ++kx) {
      const int32_t dx = kx * dilation_x;
      const int64x2_t map = vdupq_n_s64((int64_t)in + dy * line + dx * pixel_bytes);
      point_four(vaddq_s64(bytes.val[0], map), vaddq_s64(bytes.val[1], map), none,
                 vandq_u32(row_low, inside(x_low, dx, width)), rows);
      point_four(vaddq_s64(bytes.val[2], map), vaddq_s64(bytes.val[3], map), none,
                 vandq_u32(row_high, inside(x_high, dx, width)), rows + 4);
      rows += TILE_ROWS;
    }
  }
}

/* Makes the row pointers of output pixels [first, first + count).  The last tile is filled up with
 * zero rows; one more tap of them follows it. */
static void point_strip(const struct aimc_conv* op, const int8_t* in, const int8_t* zeros,
                        int64_t first, int32_t count, const int8_t** rows) {
  const struct aimc_window* w = &op->window;
  const int32_t taps = w->kernel_h * w->kernel_w;
  struct corners corners;
  int32_t oy = (int32_t)(first / w->out_w);
  int32_t ox = (int32_t)(first % w->out_w);
  for (int32_t i = 0; i < count; i += TILE_ROWS, rows += (int64_t)taps * TILE_ROWS) {
    for (int32_t r = 0; r < TILE_ROWS; ++r) {
      const int32_t y = oy * w->stride_y - w->pad_top;
      const int32_t x = ox * w->stride_x - w->pad_left;
      corners.y[r] = i + r < count ? y : INT32_MIN; /* outside with every tap */
      corners.x[r] = x;
      corners.bytes[r] = ((int64_t)y * w->in_w + x) * op->in_channels;
      if (++ox == w->out_w) {
        ox = 0;
        ++oy;
      }
    }
    point_tile(w, op->in_channels, &corners, in, zeros, rows);
  }
  for (int32_t r = 0; r < TILE_ROWS; ++r) rows[r] = zeros;
}

/* All output channels of one group for one strip. */
static void multiply_strip(const struct aimc_conv* op, const struct strip* strip, int32_t group,
                           int8_t* out, int32_t count) {
  const int32_t channels = op->out_channels / op->groups;
  const int32_t panels = (channels + PANEL - 1) / PANEL;
  const int64_t bytes = panel_bytes(strip->k);
  const int8_t* weight = op->weight + group * panels * bytes;
  for (int32_t n = 0; n < channels; n += PANEL, weight += bytes) {
    const int32_t channel = group * channels + n;
    const struct gemm_panel panel = {
        .k = strip->k,
        .weight = weight,
        .bias = op->bias + channel,
        .multiplier = op->requant.multiplier + channel,
        .shift = op->requant.shift + channel,
        .low = op->requant.low,
        .high = op->requant.high,
        .out_stride = op->out_channels,
        .columns = channels - n < PANEL ? channels - n : PANEL,
    };
    gemm_panel(&panel, (const int8_t* const*)strip->rows, out + channel, count);
  }
}

void aimc_conv_neon(const struct aimc_conv* op, const int8_t* in, int8_t* out, void* scratch) {
  const struct aimc_window* w = &op->window;
  const int64_t pixels = (int64_t)w->out_h * w->out_w;
  const int32_t taps = w->kernel_h * w->kernel_w;
  const int32_t channels = op->in_channels / op->groups;
  const bool gather = channels < GATHER_BELOW && taps > 1;

  struct strip strip;
  int8_t* bytes; /* zeros, or the gathered patches */
  if (gather) {
    strip.k = (struct gemm_segment){1, taps * channels};
    strip.rows = scratch;
    bytes = (int8_t*)scratch + (STRIP + TILE_ROWS) * sizeof(int8_t*);
    const int32_t stride = (strip.k.depth + 15) & ~15;
    for (int32_t i = 0; i < STRIP + TILE_ROWS; ++i) {
      strip.rows[i] = bytes + (i < STRIP ? (int64_t)i * stride : 0);
    }
    for (int64_t first = 0; first < pixels; first += STRIP) {
      const int32_t count = pixels - first < STRIP ? (int32_t)(pixels - first) : STRIP;
      for (int32_t group = 0; group < op->groups; ++group) {
        gather_patches(w, op->in_channels, channels, in + group * channels, first, count, bytes,
                       stride);
        multiply_strip(op, &strip, group, out + first * op->out_channels, count);
      }
    }
    return;
  }
  strip.k = (struct gemm_segment){taps, channels};
  bytes = scratch;
  const int64_t zeros = ((int64_t)op->in_channels + 32 + AIMC_ALIGN - 1) / AIMC_ALIGN * AIMC_ALIGN;
  strip.rows = (const int8_t**)(bytes + zeros);
  for (int64_t i = 0; i < zeros; i += 16) vst1q_s8(bytes + i, vdupq_n_s8(0));
  for (int64_t first = 0; first < pixels; first += STRIP) {
    const int32_t count = pixels - first < STRIP ? (int32_t)(pixels - first) : STRIP;
    for (int32_t group = 0; group < op->groups; ++group) {
      point_strip(op, in + group * channels, bytes, first, count, strip.rows);
      multiply_strip(op, &strip, group, out + first * op->out_channels, count);
    }
  }
}
