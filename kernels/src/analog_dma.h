/* Steps of layers by the tiles' own DMA: descriptors, starts and polls of finished pixels. */
#ifndef AIMC_ANALOG_DMA_H
#define AIMC_ANALOG_DMA_H

#include <stdbool.h>

#include "aimc_runtime.h"
#include "analog_linewise.h"
#include "analog_wait.h"

#define QUAD 4 /* pixels that are finished together */

/* Columns whose parameters are prefetched. */
#define PREFETCHED_COLUMNS (3 * LINE_COLUMNS)

/* A descriptor has 16 bits for sizes of the map and 8 for those of the window. */
static void check_fits(const struct aimc_window* w) {
  const uint32_t sizes = (uint32_t)(w->in_h | w->in_w | w->out_h | w->out_w);
  const uint32_t steps = (uint32_t)(w->kernel_h | w->kernel_w | w->stride_y | w->stride_x |
                                    w->dilation_y | w->dilation_x | w->pad_top | w->pad_left);
  if (sizes > UINT16_MAX || steps > UINT8_MAX) {
    aimc_fatal("an analog layer is too large for a DMA descriptor");
  }
}

/* Fills both bands' descriptors, each for as many rows as fit one. */
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
  op->dma->before = op->dma->pixels;
}

/* Gives `count` of the layer's tiles, from tile `first` on, their descriptors.  With `again`, tells
 * them to run the descriptors that they hold. */
static inline __attribute__((always_inline)) void start(const struct aimc_analog* op,
                                                        const struct aimc_descriptor* descriptor,
                                                        const bool again, int32_t first,
                                                        int32_t count) {
  const uint16_t* tile = op->tile + first;
  const uint16_t* const end = tile + count;
  descriptor += first;
  tile_barrier();
  for (;;) {
    /* The exits are branches not taken, as a core predicts unknown branches. */
    for (int i = 0; i < 4; ++i) {
      if (again) {
        tile_write(*tile++, AIMC_REG_CONTROL, AIMC_CONTROL_AGAIN);
      } else {
        tile_write_address(*tile++, AIMC_REG_DESCRIPTOR, descriptor++);
      }
      if (__builtin_expect(tile == end, 0)) return;
    }
  }
}

/* Prefetches the data that finishing the first pixel reads. */
static void prefetch_parameters(const struct aimc_analog* op, const int8_t* out) {
  const int32_t columns =
      op->out_channels < PREFETCHED_COLUMNS ? op->out_channels : PREFETCHED_COLUMNS;
  prefetch_to_write(out);
  if (op->columns) {
    aimc_prefetch(op->columns, (size_t)columns * ANALOG_COLUMN_BYTES);
    return;
  }
  aimc_prefetch(op->bias, 4 * (size_t)columns);
  aimc_prefetch(op->requant.multiplier, 4 * (size_t)columns);
  aimc_prefetch(op->requant.shift, 4 * (size_t)columns);
}

/* wait_tiles() for a range's and the next pixels. */
static inline __attribute__((always_inline)) int32_t
wait_pixels(const struct aimc_analog* op, const struct aimc_range* range, int32_t least,
            int32_t most, const int8_t* codes, const int prefetches, int64_t apart) {
  return wait_tiles(op, range->first, range->blocks, op->dma->pixels, least, most, codes,
                    range->step, prefetches, apart);
}

/* The same for pixels that are probably finished. */
static int32_t look(const struct aimc_analog* op, const struct aimc_range* range, int32_t least,
                    int32_t most) {
  const int32_t made =
      finished_pixels_of_all(op, range->first, range->blocks, op->dma->pixels, most);
  if (__builtin_expect(made >= least, 1)) return made;
  return wait_pixels(op, range, least, most, 0, 0, 0);
}

/* Waits until the first range's blocks have computed the next `quad` pixels.  Returns how many
 * pixels all of them have computed, up to `most`.  Prefetches the lines of the quad. */
static int32_t wait_first(const struct aimc_analog* op, int32_t quad, int32_t most,
                          const int8_t* codes) {
  const struct aimc_range* range = op->range;
  const int64_t stride = pixel_stride(range);
  if (quad == QUAD) wait_pixels(op, range, QUAD - 1, QUAD, codes, QUAD - 1, stride);
  return wait_pixels(op, range, quad, most, codes + (quad - 1) * stride, 1, 0);
}

#endif
