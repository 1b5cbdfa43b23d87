/* Analog layers by the tiles' own DMA: one descriptor a block for the whole layer, or, where its
 * codes would not stay in the L2, for a band of output rows, two bands at a time.  The core follows
 * the tiles' count of pixels and finishes what they have made while they go on. */
#include <stdbool.h>

#include "aimc_runtime.h"
#include "analog.h"
#include "tile.h"
#include "touch.h"

static const char kWhat[] = "DMA of an analog layer failed";

/* Polls between two looks at a waiting tile's status. */
#define PATIENCE 64

#define QUAD 4 /* pixels that are finished together */

/* Bytes of parameters, and blocks, that are touched before they are used. */
#define TOUCHED 8192
#define BLOCKS_AHEAD 8

/* Fills both bands' descriptors, but for the rows. */
static void fill_descriptors(const struct aimc_analog* op, const int8_t* in, int8_t* codes) {
  const struct aimc_window* w = &op->window;
  struct aimc_descriptor* descriptor = op->dma->descriptor;
  const int64_t band = (int64_t)op->dma_rows * w->out_w * op->pixel_bytes;
  for (int32_t odd = 0; odd < 2; ++odd) {
    int8_t* to = codes + odd * band;
    for (int32_t i = 0; i < op->block_count; ++i) {
      const struct aimc_block* block = &op->block[i];
      *descriptor++ = (struct aimc_descriptor){
          .in_base = (uint64_t)(uintptr_t)in,
          .out_base = (uint64_t)(uintptr_t)to,
          .in_channels = (uint32_t)op->in_channels,
          .k0 = (uint32_t)block->k0,
          .k_len = (uint32_t)block->rows,
          .columns = (uint32_t)block->columns,
          .out_stride = (uint32_t)op->pixel_bytes,
          .in_height = (uint16_t)w->in_h,
          .in_width = (uint16_t)w->in_w,
          .count = (uint16_t)w->out_w,
          .kernel_h = (uint8_t)w->kernel_h,
          .kernel_w = (uint8_t)w->kernel_w,
          .stride_y = (uint8_t)w->stride_y,
          .stride_x = (uint8_t)w->stride_x,
          .dilation_y = (uint8_t)w->dilation_y,
          .dilation_x = (uint8_t)w->dilation_x,
          .pad_top = (uint8_t)w->pad_top,
          .pad_left = (uint8_t)w->pad_left,
      };
      to += code_stride(op, block);
    }
  }
}

/* Hands output rows from `oy` on, a band or what is left, to the tiles. */
static void start_band(const struct aimc_analog* op, int32_t oy, bool odd) {
  struct aimc_descriptor* descriptor = op->dma->descriptor + (odd ? op->block_count : 0);
  const int32_t rest = op->window.out_h - oy;
  const uint16_t rows = (uint16_t)(rest < op->dma_rows ? rest : op->dma_rows);
  if (descriptor->oy != oy || descriptor->row_count != rows) {
    for (int32_t i = 0; i < op->block_count; ++i) {
      descriptor[i].oy = (uint16_t)oy;
      descriptor[i].row_count = rows;
    }
  }
  tile_barrier();
  for (int32_t i = 0; i < op->block_count; ++i) {
    touch((const int8_t*)&op->block[i + BLOCKS_AHEAD]);
    tile_write_address(op->block[i].tile, AIMC_REG_DESCRIPTOR, &descriptor[i]);
  }
}

/* Brings what finishing the first pixel reads nearer. */
static void touch_parameters(const struct aimc_analog* op, const int8_t* out) {
  touch_to_write(out);
  if (op->columns) {
    const int32_t bytes = op->out_channels * ANALOG_COLUMN_BYTES;
    for (int32_t at = 0; at < bytes && at < TOUCHED; at += AIMC_ALIGN) {
      touch((const int8_t*)op->columns + at);
    }
    return;
  }
  for (int32_t at = 0; at < 4 * op->out_channels && 4 * at < TOUCHED; at += AIMC_ALIGN) {
    touch((const int8_t*)op->bias + at);
    touch((const int8_t*)op->requant.multiplier + at);
    touch((const int8_t*)op->requant.shift + at);
  }
}

/* Waits until every block has made a quad of pixels, or all `most` that are left, beyond the first
 * `before`; their codes lie at `codes`.  Returns how many can be finished: all, or quads. */
static int32_t wait_pixels(const struct aimc_analog* op, uint32_t before, int32_t most,
                           const int8_t* codes) {
  const int32_t least = most < QUAD ? most : QUAD;
  const int32_t all = most;
  for (int32_t i = 0; i < op->block_count; ++i) {
    const struct aimc_block* block = &op->block[i];
    uint32_t polls = 0;
    int32_t made;
    while ((made = (int32_t)(tile_read(block->tile, AIMC_REG_DMA_PIXELS) - before)) < least) {
      if (++polls % PATIENCE == 0) tile_check(block->tile, kWhat);
    }
    if (made < most) most = made;
    if (block->n0 == 0) {
      for (int32_t pixel = 0; pixel < least; ++pixel) touch(codes + pixel * op->pixel_bytes);
    }
    codes += code_stride(op, block);
  }
  tile_barrier();
  return most == all ? all : most / QUAD * QUAD;
}

/* A descriptor has 16 bits for sizes of the map and 8 for those of the window. */
static void check_fits(const struct aimc_window* w) {
  const uint32_t sizes = (uint32_t)(w->in_h | w->in_w | w->out_h | w->out_w);
  const uint32_t steps = (uint32_t)(w->kernel_h | w->kernel_w | w->stride_y | w->stride_x |
                                    w->dilation_y | w->dilation_x | w->pad_top | w->pad_left);
  if (sizes > UINT16_MAX || steps > UINT8_MAX) {
    aimc_fatal("an analog layer is too large for a DMA descriptor");
  }
}

static void run(const struct aimc_analog* op, const int8_t* in, int8_t* out, int8_t* codes,
                analog_finish* finish) {
  const struct aimc_window* w = &op->window;
  struct aimc_dma* dma = op->dma;
  check_fits(w);
  if (dma->in != in || dma->codes != codes) {
    fill_descriptors(op, in, codes);
    dma->in = in;
    dma->codes = codes;
  }
  const int32_t rows = op->dma_rows;
  start_band(op, 0, false);
  if (rows < w->out_h) start_band(op, rows, true);
  touch_parameters(op, out);
  bool odd = false;
  for (int32_t oy = 0; oy < w->out_h; oy += rows, odd = !odd) {
    const int32_t pixels = (w->out_h - oy < rows ? w->out_h - oy : rows) * w->out_w;
    const int8_t* at = codes + (odd ? (int64_t)rows * w->out_w * op->pixel_bytes : 0);
    for (int32_t done = 0; done < pixels;) {
      const int32_t more = wait_pixels(op, dma->pixels, pixels - done, at);
      finish(op, at, more, out);
      at += more * (int64_t)op->pixel_bytes;
      out += more * (int64_t)op->out_channels;
      done += more;
      dma->pixels += (uint32_t)more;
    }
    if (w->out_h - oy > 2 * rows) start_band(op, oy + 2 * rows, odd);
  }
}

void aimc_analog_dma_ref(const struct aimc_analog* op, const int8_t* in, int8_t* out,
                         void* scratch) {
  run(op, in, out, scratch, analog_finish_ref);
}

void aimc_analog_dma_neon(const struct aimc_analog* op, const int8_t* in, int8_t* out,
                          void* scratch) {
  run(op, in, out, scratch, analog_finish_neon);
}
