/* Steps of layers by programmed I/O: patches, codes, and their transfer through windows. */
#ifndef AIMC_ANALOG_PIO_H
#define AIMC_ANALOG_PIO_H

#include <arm_neon.h>
#include <stdbool.h>

#include "analog.h"
#include "analog_linewise.h"
#include "band.h"
#include "copy_ahead.h"
#include "tile.h"
#include "tile_windows.h"

static const char kWhat[] = "programmed I/O of an analog layer failed";

/* Patches ------------------------------------------------------------------------------------- */

/* Inputs that are adjacent in both source and destination. */
struct piece {
  uintptr_t to; /* of a window; or from the start of a patch */
  int64_t from; /* from a pixel's first input in the band; or from the start of a patch */
  int32_t bytes;
  int32_t last; /* of a block's pieces */
};
_Static_assert(sizeof(struct piece) == AIMC_PIECE_BYTES, "aimc_layout.h");

/* Appends the pieces of `rows` rows of the layer's matrix from row `k0` on; returns the end. */
static struct piece* add_pieces(const struct band* band, int32_t k0, int32_t rows, uintptr_t to,
                                struct piece* piece) {
  const struct aimc_window* w = band->window;
  const int32_t in_row = w->dilation_x == 1 ? 1 : w->kernel_w; /* runs of inputs in a kernel row */
  const int32_t run_bytes = (int32_t)band->source_pixel * (w->kernel_w / in_row);
  int32_t run = k0 / run_bytes;
  for (int32_t within = k0 % run_bytes, bytes; rows > 0; rows -= bytes, to += (uint32_t)bytes) {
    bytes = run_bytes - within < rows ? run_bytes - within : rows;
    *piece++ = (struct piece){.to = to,
                              .from = run / in_row * w->dilation_y * band->pitch +
                                      run % in_row * w->dilation_x * band->pixel + within,
                              .bytes = bytes};
    within = 0;
    ++run;
  }
  piece[-1].last = 1;
  return piece;
}

/* Whether vectors can be stored to the tiles from the band: no piece ends within one. */
static bool whole_vectors(const struct aimc_analog* op) {
  const struct aimc_window* w = &op->window;
  if (op->in_channels * (w->dilation_x == 1 ? w->kernel_w : 1) % 16 != 0) return false;
  for (int32_t i = 0; i < op->block_count; ++i) {
    if (op->block[i].k0 % 16 != 0) return false;
  }
  return true;
}

/* The pixels of a layer in raster order. */
struct walk {
  const struct band* band;
  const int8_t* in;
  int8_t* copy; /* of the band */
  int32_t oy;
  int32_t ox;
  int32_t end;        /* the next band's first output row */
  const int8_t* line; /* first input of the row */
};

/* The first input of the next pixel. */
static inline const int8_t* next_pixel(struct walk* walk) {
  const struct band* band = walk->band;
  const struct aimc_window* w = band->window;
  if (walk->ox == w->out_w) {
    walk->ox = 0;
    ++walk->oy;
    walk->line += w->stride_y * band->pitch;
  }
  if (walk->oy == walk->end) {
    const int32_t left = w->out_h - walk->oy;
    const int32_t rows = left < band->rows ? left : band->rows;
    walk->line = band_rows(band, walk->in, walk->oy, rows, walk->copy);
    walk->end += rows;
  }
  return walk->line + walk->ox++ * w->stride_x * band->pixel;
}

/* Gathers the next `count` pixels' inputs at `patch`, `stride` bytes each; overwrites up to 15
 * bytes beyond. */
static void gather(struct walk* walk, const struct piece* pieces, int32_t count, int8_t* patch,
                   int64_t stride) {
  for (int32_t i = 0; i < count; ++i, patch += stride) {
    const int8_t* from = next_pixel(walk);
    const struct piece* piece = pieces;
    do {
      int8_t* to = patch + piece->to;
      vst1q_s8(to, vld1q_s8(from + piece->from));
      if (piece->bytes > 16) copy_ahead(to + 16, from + piece->from + 16, piece->bytes - 16);
    } while (!piece++->last);
  }
}

/* Codes --------------------------------------------------------------------------------------- */

static inline void release(const struct aimc_block* block) {
  tile_write(block->tile, AIMC_REG_CONTROL, AIMC_CONTROL_POP);
}

/* Fetches the codes of a pixel of every block, to its place in a batch, and releases the output
 * banks. */
static void collect(const struct aimc_analog* op, int32_t pixel, int8_t* batch) {
  for (const struct aimc_range* range = op->range; range < op->range + op->range_count; ++range) {
    const int32_t bytes = range->columns * op->code_bytes;
    int8_t* codes = batch + range_codes(range, AIMC_PIO_BATCH) + pixel * pixel_stride(range);
    for (int32_t i = 0; i < range->blocks; ++i, codes += range->step) {
      const struct aimc_block* block = &op->block[range->first + i];
      const uintptr_t window = tile_address(block->tile, AIMC_WINDOW_OUT);
      tile_wait(block->tile, AIMC_STATUS_OUT_VALID, 0, kWhat);
      int32_t at = 0;
      for (; at + 64 <= bytes; at += 64)
        copy_line((uintptr_t)codes + (uint32_t)at, window + (uint32_t)at);
      for (; at < bytes; at += 16) vst1q_s8(codes + at, window_load(window + (uint32_t)at));
      release(block);
    }
  }
}

/* Whether finish_lines() can finish every block.  With a single row block, several pixels at once
 * are faster. */
static bool fits_lines(const struct aimc_analog* op) {
  if (!op->pixel_columns || op->code_bytes != 1 || op->block_count > AIMC_LINES_MAX_BLOCKS)
    return false;
  for (const struct aimc_range* range = op->range; range < op->range + op->range_count; ++range) {
    if (range->blocks < 2 || range->columns % LINE_COLUMNS != 0) return false;
    const struct aimc_block* block = &op->block[range->first];
    for (int32_t i = 1; i < range->blocks; ++i) {
      if (block[i].tile != block->tile + i) return false;
    }
  }
  return true;
}

/* Adds up and requantizes a pixel's codes while reading them from the windows. */
static void finish_lines(const struct aimc_analog* op, struct analog_linewise* lines, int8_t* out) {
  for (const struct aimc_range* range = op->range; range < op->range + op->range_count; ++range) {
    const struct aimc_block* block = &op->block[range->first];
    for (int32_t i = 0; i < range->blocks; ++i) {
      tile_wait(block[i].tile, AIMC_STATUS_OUT_VALID, 0, kWhat);
    }
    lines->columns = op->pixel_columns + range->n0 * ANALOG_PIXEL_COLUMN_BYTES;
    lines->blocks = (uint64_t)range->blocks;
    lines->groups = (uint64_t)(range->columns / LINE_COLUMNS);
    lines->range_groups = lines->groups;
    analog_window_pixel(lines, tile_address(block->tile, AIMC_WINDOW_OUT), out + range->n0);
    for (int32_t i = 0; i < range->blocks; ++i) release(&block[i]);
  }
}

/* Layers -------------------------------------------------------------------------------------- */

static inline int8_t* align(void* at) {
  return (int8_t*)(((uintptr_t)at + AIMC_ALIGN - 1) / AIMC_ALIGN * AIMC_ALIGN);
}

#endif
