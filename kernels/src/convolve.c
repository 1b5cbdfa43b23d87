#include "convolve.h"

#include <arm_neon.h>

#include "gemm_neon.h"

/* Copies the patches at rows[count] to `to`, `stride` bytes each, and sets `rows` to the copies.  A
 * copy writes whole vectors, beyond the end of its row; the next copy overwrites what is too much.
 */
static void gather_rows(const struct convolution* op, const struct band* band, const int8_t** rows,
                        int32_t count, int8_t* to, int64_t stride) {
  const struct aimc_window* w = op->window;
  const int64_t row_bytes = w->kernel_w * band->pixel;
  const int64_t down = w->dilation_y * band->pitch;
  for (int32_t i = 0; i < count; ++i, to += stride) {
    const int8_t* from = rows[i];
    for (int32_t ky = 0; ky < w->kernel_h; ++ky) {
      vst1q_s8(to + ky * row_bytes, vld1q_s8(from + ky * down));
    }
    rows[i] = to;
  }
}

/* Fills tap[taps + 1] with the distances of a group's taps from a pixel's first input. */
static void fill_taps(const struct convolution* op, const struct band* band, int32_t group,
                      int64_t* tap) {
  const struct aimc_window* w = op->window;
  int64_t first = group * (op->in_channels / op->groups) * op->size;
  const int32_t in_row = taps_in_row(op);
  int64_t* at = tap;
  for (int32_t chunk = 0; chunk < band->chunks; ++chunk, first += band->next_chunk) {
    for (int32_t ky = 0; ky < w->kernel_h; ++ky) {
      for (int32_t kx = 0; kx < in_row; ++kx) {
        *at++ = first + ky * w->dilation_y * band->pitch + kx * w->dilation_x * band->pixel;
      }
    }
  }
  *at = *tap;
}

/* Sets pointers to the first inputs of `count` pixels from the band's pixel `first` on. */
static void point_rows(const struct band* band, const int8_t* top, int32_t first, int32_t count,
                       const int8_t** rows) {
  const struct aimc_window* w = band->window;
  const int64_t right = w->stride_x * band->pixel;
  const int64_t down = w->stride_y * band->pitch;
  const int8_t* line = top + first / w->out_w * down;
  int32_t ox = first % w->out_w;
  const int8_t* at = line + ox * right;
  for (int32_t i = 0; i < count; ++i) {
    rows[i] = at;
    at += right;
    if (++ox == w->out_w) {
      ox = 0;
      line += down;
      at = line;
    }
  }
}

/* Appends the pointers that gemm_multiply needs beyond `count`. */
static void pad_rows(const int8_t** rows, int32_t count) {
  int32_t i = count;
  for (; i % AIMC_GEMM_ROWS != 0; ++i) rows[i] = rows[0];
  for (int32_t r = 0; r < AIMC_GEMM_ROWS; ++r) rows[i + r] = rows[r];
}

void convolve(const struct convolution* op, const int8_t* in, int8_t* out, void* scratch) {
  const struct aimc_window* w = op->window;
  const struct band band = band_plan(w, op->in_channels * op->size, chunks_of(op));
  const int32_t in_channels = op->in_channels / op->groups;
  const int32_t out_channels = op->out_channels / op->groups;
  const int32_t in_row = taps_in_row(op);
  struct gemm gemm = {
      .taps = band.chunks * w->kernel_h * in_row,
      .depth = in_channels * op->size / band.chunks * (w->kernel_w / in_row),
      .requant = op->requant,
      .low = op->low,
      .high = op->high,
      .columns = out_channels,
      .out_stride = (int64_t)op->out_channels * op->size,
  };
  const bool gathers = gathers_patches(op);
  if (gathers) {
    gemm.taps = 1;
    gemm.depth *= w->kernel_h;
  }
  const int64_t patch = (gemm.depth + 15) / 16 * 16;
  const int64_t group_bytes =
      (out_channels + AIMC_PANEL - 1) / AIMC_PANEL * gemm_panel_bytes(gemm.taps, gemm.depth);
  /* convolve_scratch_bytes() reserves this. */
  const int8_t** rows = scratch;
  int64_t* tap = (int64_t*)(void*)(rows + AIMC_STRIP + 2 * AIMC_GEMM_ROWS);
  int8_t* copy = (int8_t*)(tap + (gemm.taps + 1 + 7) / 8 * 8);
  gemm.tap = tap;
  gemm.sums = (int32_t*)(void*)(copy + (band.bytes + AIMC_ALIGN - 1) / AIMC_ALIGN * AIMC_ALIGN);
  int8_t* patches = (int8_t*)(gemm.sums + AIMC_GEMM_SUMS);
  for (int32_t oy = 0; oy < w->out_h; oy += band.rows) {
    const int32_t height = w->out_h - oy < band.rows ? w->out_h - oy : band.rows;
    const int32_t pixels = height * w->out_w;
    const int8_t* top = band_rows(&band, in, oy, height, copy);
    for (int32_t first = 0; first < pixels; first += AIMC_STRIP) {
      const int32_t count = pixels - first < AIMC_STRIP ? pixels - first : AIMC_STRIP;
      point_rows(&band, top, first, count, rows);
      if (gathers) gather_rows(op, &band, rows, count, patches, patch);
      pad_rows(rows, count);
      for (int32_t group = 0; group < op->groups; ++group) {
        const int32_t channel = group * out_channels;
        if (gathers) {
          tap[0] = tap[1] = 0;
        } else {
          fill_taps(op, &band, group, tap);
        }
        gemm.weight = op->weight + group * group_bytes;
        gemm.bias = op->bias + channel;
        gemm.first_column = channel;
        gemm_multiply(&gemm, rows, count, out + first * gemm.out_stride + channel * op->size);
      }
    }
    out += pixels * gemm.out_stride;
  }
}
