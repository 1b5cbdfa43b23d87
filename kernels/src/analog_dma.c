/* Analog layers by the tiles' own DMA: one descriptor a block for the whole layer, or, where its
 * codes would not stay in the L2, for a band of output rows, two bands at a time.  The core follows
 * the tiles' count of pixels and finishes what they have made while they go on. */
#include <stdbool.h>

#include "aimc_runtime.h"
#include "analog.h"
#include "analog_lines.h"
#include "tile.h"
#include "touch.h"

static const char kWhat[] = "DMA of an analog layer failed";

/* Polls between two looks at a waiting tile's status. */
#define PATIENCE 64

#define QUAD 4 /* pixels that are finished together */

/* Bytes of parameters that are touched before they are used. */
#define TOUCHED (ANALOG_PIXEL_NEAR * ANALOG_COLUMN_BYTES)

/* Output channels, at most, that are finished once before their codes are there. */
#define REHEARSED 128

/* A descriptor has 16 bits for sizes of the map and 8 for those of the window. */
static void check_fits(const struct aimc_window* w) {
  const uint32_t sizes = (uint32_t)(w->in_h | w->in_w | w->out_h | w->out_w);
  const uint32_t steps = (uint32_t)(w->kernel_h | w->kernel_w | w->stride_y | w->stride_x |
                                    w->dilation_y | w->dilation_x | w->pad_top | w->pad_left);
  if (sizes > UINT16_MAX || steps > UINT8_MAX) {
    aimc_fatal("an analog layer is too large for a DMA descriptor");
  }
}

/* Fills both bands' descriptors, for as many rows as fit one. */
static __attribute__((noinline)) void fill_descriptors(const struct aimc_analog* op,
                                                       const int8_t* in, int8_t* codes) {
  const struct aimc_window* w = &op->window;
  check_fits(w);
  struct aimc_descriptor* descriptor = op->dma->descriptor;
  const int64_t pixels = (int64_t)op->dma_rows * w->out_w;
  for (int32_t i = 0; i < 2 * op->range_count; ++i) {
    const bool odd = i >= op->range_count;
    const struct aimc_range* range = &op->range[odd ? i - op->range_count : i];
    int8_t* to = codes + (odd ? pixels * op->pixel_bytes : 0) + range_codes(range, pixels);
    for (int32_t k = 0; k < range->blocks; ++k, to += range->step) {
      const struct aimc_block* block = &op->block[range->first + k];
      *descriptor++ = (struct aimc_descriptor){
          .in_base = (uint64_t)(uintptr_t)in,
          .out_base = (uint64_t)(uintptr_t)to,
          .in_channels = (uint32_t)op->in_channels,
          .k0 = (uint32_t)block->k0,
          .k_len = (uint32_t)block->rows,
          .columns = (uint32_t)block->columns,
          .out_stride = (uint32_t)pixel_stride(range),
          .in_height = (uint16_t)w->in_h,
          .in_width = (uint16_t)w->in_w,
          .count = (uint16_t)w->out_w,
          .row_count = (uint16_t)op->dma_rows,
          .kernel_h = (uint8_t)w->kernel_h,
          .kernel_w = (uint8_t)w->kernel_w,
          .stride_y = (uint8_t)w->stride_y,
          .stride_x = (uint8_t)w->stride_x,
          .dilation_y = (uint8_t)w->dilation_y,
          .dilation_x = (uint8_t)w->dilation_x,
          .pad_top = (uint8_t)w->pad_top,
          .pad_left = (uint8_t)w->pad_left,
      };
    }
  }
  op->dma->in = in;
  op->dma->codes = codes;
}

/* Hands a band to the tiles. */
static inline void start(const struct aimc_analog* op, const struct aimc_descriptor* descriptor) {
  const uint16_t* tile = op->tile;
  const uint16_t* end = tile + op->block_count;
  tile_barrier();
  while (tile < end) tile_write_address(*tile++, AIMC_REG_DESCRIPTOR, descriptor++);
}

/* Hands output rows from `oy` on, a band or what is left, to the tiles. */
static void start_band(const struct aimc_analog* op, int32_t oy, bool odd) {
  struct aimc_descriptor* descriptor = op->dma->descriptor + (odd ? op->block_count : 0);
  const int32_t rest = op->window.out_h - oy;
  const uint16_t rows = (uint16_t)(rest < op->dma_rows ? rest : op->dma_rows);
  for (int32_t i = 0; i < op->block_count; ++i) {
    descriptor[i].oy = (uint16_t)oy;
    descriptor[i].row_count = rows;
  }
  start(op, descriptor);
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

/* Waits until every block of a range has made `least` pixels beyond the first `before`; returns
 * how many all of them have made, up to `most`.  Of each block's codes from `codes` on, `touches`
 * (a constant) pixels, which are `apart`, are touched. */
static inline __attribute__((always_inline)) int32_t wait_pixels(const struct aimc_analog* op,
                                                                 const struct aimc_range* range,
                                                                 uint32_t before, int32_t least,
                                                                 int32_t most, const int8_t* codes,
                                                                 const int touches, int64_t apart) {
  const uint16_t* tile = op->tile + range->first;
  const uint16_t* const end = tile + range->blocks;
  const int64_t step = range->step;
  for (; tile < end; ++tile, codes += step) {
    int32_t made = (int32_t)(tile_read(*tile, AIMC_REG_DMA_PIXELS) - before);
    for (uint32_t polls = 1; made < least; ++polls) {
      if (polls % PATIENCE == 0) tile_check(*tile, kWhat);
      made = (int32_t)(tile_read(*tile, AIMC_REG_DMA_PIXELS) - before);
    }
    if (made < most) most = made;
    for (int i = 0; i < touches; ++i) touch(codes + i * apart);
  }
  tile_barrier();
  return most;
}

/* Waits until all blocks have made a quad, or all that is `left`; returns how many pixels can be
 * finished: all, or quads.  The first range's lines of the first ones come nearer before the last
 * one is made. */
static int32_t wait_quad(const struct aimc_analog* op, const int8_t* codes, int32_t left) {
  const struct aimc_range* range = op->range;
  const uint32_t before = op->dma->pixels;
  const int64_t stride = pixel_stride(range);
  const int32_t least = left < QUAD ? left : QUAD;
  if (least == QUAD) wait_pixels(op, range, before, QUAD - 1, left, codes, QUAD - 1, stride);
  int32_t made = wait_pixels(op, range, before, least, left, codes + (least - 1) * stride, 1, 0);
  for (int32_t i = 1; i < op->range_count; ++i) {
    made = wait_pixels(op, &range[i], before, least, made, codes, 0, 0);
  }
  return made == left ? left : made / QUAD * QUAD;
}

/* Finishes `pixels` pixels of a band as all blocks have made them. */
static void follow(const struct aimc_analog* op, const int8_t* codes, int32_t pixels, int8_t* out,
                   analog_finish* finish) {
  struct aimc_dma* dma = op->dma;
  const int64_t room = (int64_t)op->dma_rows * op->window.out_w;
  for (int32_t done = 0, more; done < pixels; done += more) {
    const struct aimc_range* range = op->range;
    const int8_t* at = codes + done * pixel_stride(range);
    more = wait_quad(op, at, pixels - done);
    const int8_t* next_quads = at + more * pixel_stride(range);
    for (const struct aimc_range* const last = range + op->range_count - 1; range < last; ++range) {
      const int8_t* next = codes + range_codes(range + 1, room) + done * pixel_stride(range + 1);
      finish(op, range, at, next, more, out);
      at = next;
    }
    finish(op, range, at, next_quads, more, out);
    out += more * (int64_t)op->out_channels;
    dma->pixels += (uint32_t)more;
  }
}

/* A layer of one pixel.  While the tiles work on it the core has nothing else to do: a small one is
 * finished once before, with whatever the codes are, so that all that this executes and reads is
 * near. */
static __attribute__((noinline)) void follow_pixel(const struct aimc_analog* op,
                                                   const int8_t* codes, int8_t* out,
                                                   analog_finish* finish) {
  const struct aimc_range* const end = op->range + op->range_count;
  const uint32_t before = op->dma->pixels++;
  touch_parameters(op, out);
  if (op->out_channels <= REHEARSED) {
    for (const struct aimc_range* range = op->range; range < end; ++range) {
      finish(op, range, codes + range->codes, codes, 1, out);
    }
  }
  for (const struct aimc_range* range = op->range; range < end; ++range) {
    wait_pixels(op, range, before, 1, 1, codes + range->codes, 1, 0);
    finish(op, range, codes + range->codes, codes, 1, out);
  }
}

/* A layer whose codes all fit. */
static __attribute__((noinline)) void follow_layer(const struct aimc_analog* op,
                                                   const int8_t* codes, int8_t* out,
                                                   analog_finish* finish) {
  touch_parameters(op, out);
  follow(op, codes, op->window.out_h * op->window.out_w, out, finish);
}

static __attribute__((noinline)) void run_bands(const struct aimc_analog* op, int8_t* codes,
                                                int8_t* out, analog_finish* finish) {
  const struct aimc_window* w = &op->window;
  const int32_t rows = op->dma_rows;
  start_band(op, 0, false);
  start_band(op, rows, true);
  touch_parameters(op, out);
  bool odd = false;
  for (int32_t oy = 0; oy < w->out_h; oy += rows, odd = !odd) {
    const int32_t height = w->out_h - oy < rows ? w->out_h - oy : rows;
    const int8_t* at = codes + (odd ? (int64_t)rows * w->out_w * op->pixel_bytes : 0);
    follow(op, at, height * w->out_w, out, finish);
    out += height * w->out_w * (int64_t)op->out_channels;
    if (w->out_h - oy > 2 * rows) start_band(op, oy + 2 * rows, odd);
  }
}

static inline __attribute__((always_inline)) void run(const struct aimc_analog* op,
                                                      const int8_t* in, int8_t* out, int8_t* codes,
                                                      analog_finish* finish) {
  const struct aimc_dma* dma = op->dma;
  touch((const int8_t*)op->tile);
  if (dma->in != in || dma->codes != codes) fill_descriptors(op, in, codes);
  if (op->dma_rows < op->window.out_h) {
    run_bands(op, codes, out, finish);
    return;
  }
  start(op, dma->descriptor);
  if (op->window.out_h * op->window.out_w == 1) {
    follow_pixel(op, codes, out, finish);
  } else {
    follow_layer(op, codes, out, finish);
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
