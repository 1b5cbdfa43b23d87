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

/* Points every tap of output pixels [first, first + count) at its input pixel, or at zeros.  Tiles
 * are filled up with zero rows; one more tap of them follows the last. */
static void point_at_pixels(const struct aimc_conv* op, const int8_t* in, const int8_t* zeros,
                            int64_t first, int32_t count, const int8_t** rows) {
  const struct aimc_window* w = &op->window;
  const int32_t taps = w->kernel_h * w->kernel_w;
  int32_t oy = (int32_t)(first / w->out_w);
  int32_t ox = (int32_t)(first % w->out_w);
  const int32_t padded = (count + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS;
  for (int32_t i = 0; i < padded; ++i) {
    const int8_t** row = rows + (int64_t)(i / TILE_ROWS) * taps * TILE_ROWS + i % TILE_ROWS;
    if (i >= count) {
      for (int32_t tap = 0; tap < taps; ++tap) row[(int64_t)tap * TILE_ROWS] = zeros;
      continue;
    }
    int32_t y = oy * w->stride_y - w->pad_top;
    const int32_t left = ox * w->stride_x - w->pad_left;
    for (int32_t ky = 0; ky < w->kernel_h; ++ky, y += w->dilation_y) {
      const bool inside = y >= 0 && y < w->in_h;
      const int8_t* line = in + (int64_t)y * w->in_w * op->in_channels;
      int32_t x = left;
      for (int32_t kx = 0; kx < w->kernel_w; ++kx, x += w->dilation_x) {
        *row = inside && x >= 0 && x < w->in_w ? line + (int64_t)x * op->in_channels : zeros;
        row += TILE_ROWS;
      }
    }
    if (++ox == w->out_w) {
      ox = 0;
      ++oy;
    }
  }
  const int8_t** end = rows + (int64_t)padded * taps;
  for (int32_t r = 0; r < TILE_ROWS; ++r) end[r] = zeros;
}

/* All output channels of one group for one strip. */
static void multiply_strip(const struct aimc_conv* op, const struct strip* strip, int32_t group,
                           int64_t offset, int8_t* out, int32_t count) {
  const int32_t channels = op->out_channels / op->groups;
  const int32_t panels = (channels + PANEL - 1) / PANEL;
  const int64_t bytes = panel_bytes(strip->k);
  const int8_t* weight = op->weight + group * panels * bytes;
  for (int32_t n = 0; n < channels; n += PANEL, weight += bytes) {
    const int32_t channel = group * channels + n;
    const int32_t columns = channels - n < PANEL ? channels - n : PANEL;
    const int8_t* const* rows = (const int8_t* const*)strip->rows;
    for (int32_t i = 0; i < count; i += TILE_ROWS) {
      const int32_t tile = count - i < TILE_ROWS ? count - i : TILE_ROWS;
      gemm_tile(rows, offset, strip->k, weight, op->bias, &op->requant, channel,
                out + (int64_t)i * op->out_channels + channel, op->out_channels, tile, columns);
      rows += (int64_t)strip->k.taps * TILE_ROWS;
    }
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
        multiply_strip(op, &strip, group, 0, out + first * op->out_channels, count);
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
    point_at_pixels(op, in, bytes, first, count, strip.rows);
    for (int32_t group = 0; group < op->groups; ++group) {
      multiply_strip(op, &strip, group, group * channels, out + first * op->out_channels, count);
    }
  }
}
