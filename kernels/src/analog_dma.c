/* Analog layers by the tiles' own DMA: one descriptor a block for the whole layer, which its tile
 * holds from the first inference on, or, where its codes would not stay in the L2, for a band of
 * output rows, two bands at a time.  The core follows the tiles' count of pixels and finishes what
 * they have made while they go on. */
#include <stdbool.h>

#include "aimc_runtime.h"
#include "analog_lines.h"
#include "analog_pixel.h"
#include "analog_wait.h"

#define QUAD 4 /* pixels that are finished together */

/* Columns whose parameters are touched before they are used. */
#define TOUCHED (3 * LINE_COLUMNS)

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
  op->dma->before = op->dma->pixels;
}

/* Hands `count` tiles from number `first` of the layer's on their descriptors, or tells them to run
 * those that they hold, `again`. */
static inline __attribute__((always_inline)) void start(const struct aimc_analog* op,
                                                        const struct aimc_descriptor* descriptor,
                                                        const bool again, int32_t first,
                                                        int32_t count) {
  const uint16_t* tile = op->tile + first;
  const uint16_t* const end = tile + count;
  descriptor += first;
  tile_barrier();
  for (;;) {
    /* The ways out are branches not taken, which a core expects of those it does not know. */
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

/* The same for a layer whose codes all fit, whether its tiles hold its descriptors yet or not. */
static void start_layer(const struct aimc_analog* op, int32_t first, int32_t count) {
  const struct aimc_dma* dma = op->dma;
  if (dma->pixels == dma->before) {
    start(op, dma->descriptor, false, first, count);
  } else {
    start(op, dma->descriptor, true, first, count);
  }
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
  start(op, descriptor, false, 0, op->block_count);
}

/* Brings what finishing the first pixel reads nearer. */
static void touch_parameters(const struct aimc_analog* op, const int8_t* out) {
  const int32_t columns = op->out_channels < TOUCHED ? op->out_channels : TOUCHED;
  touch_to_write(out);
  if (op->columns) {
    aimc_nearer(op->columns, (size_t)columns * ANALOG_COLUMN_BYTES);
    return;
  }
  aimc_nearer(op->bias, 4 * (size_t)columns);
  aimc_nearer(op->requant.multiplier, 4 * (size_t)columns);
  aimc_nearer(op->requant.shift, 4 * (size_t)columns);
}

/* wait_tiles() for a range's and the next pixels. */
static inline __attribute__((always_inline)) int32_t wait_pixels(const struct aimc_analog* op,
                                                                 const struct aimc_range* range,
                                                                 int32_t least, int32_t most,
                                                                 const int8_t* codes,
                                                                 const int touches, int64_t apart) {
  return wait_tiles(op, range->first, range->blocks, op->dma->pixels, least, most, codes,
                    range->step, touches, apart);
}

/* The same where they have probably been made. */
static int32_t look(const struct aimc_analog* op, const struct aimc_range* range, int32_t least,
                    int32_t most) {
  const int32_t made = made_by_all(op, range->first, range->blocks, op->dma->pixels, most);
  if (__builtin_expect(made >= least, 1)) return made;
  return wait_pixels(op, range, least, most, 0, 0, 0);
}

/* Waits until the first range's blocks have made the next `quad` pixels; returns how many all of
 * them have made, up to `most`.  Brings the lines of the quad nearer. */
static int32_t wait_first(const struct aimc_analog* op, int32_t quad, int32_t most,
                          const int8_t* codes) {
  const struct aimc_range* range = op->range;
  const int64_t stride = pixel_stride(range);
  if (quad == QUAD) wait_pixels(op, range, QUAD - 1, QUAD, codes, QUAD - 1, stride);
  return wait_pixels(op, range, quad, most, codes + (quad - 1) * stride, 1, 0);
}

/* Waits until all blocks have made a quad, or all that is `left`; returns how many pixels can be
 * finished: all, or quads.  Where the first range's lines of the first ones have not come nearer
 * behind the codes before them, since they were not made yet, they do now. */
static int32_t wait_quad(const struct aimc_analog* op, const int8_t* codes, int32_t left) {
  const struct aimc_range* range = op->range;
  const int32_t quad = left < QUAD ? left : QUAD;
  const bool late = made_by(op->tile[range->blocks - 1], op->dma->pixels) < quad;
  int32_t made = late ? wait_first(op, quad, left, codes) : look(op, range, quad, left);
  for (int32_t i = 1; i < op->range_count; ++i) made = look(op, &range[i], quad, made);
  return made == left ? left : made / QUAD * QUAD;
}

/* Finishes `pixels` pixels of a band from number `done` on as all blocks have made them. */
static void follow(const struct aimc_analog* op, const int8_t* codes, int32_t done, int32_t pixels,
                   int8_t* out, analog_finish* finish) {
  struct aimc_dma* dma = op->dma;
  const int64_t room = (int64_t)op->dma_rows * op->window.out_w;
  for (int32_t more; done < pixels; done += more) {
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

/* Finishes the first quad of a layer of which only the first range's tiles have begun: those of the
 * next begin when they have made a pixel, and then each range's when all before have made the quad.
 * Returns how many pixels these are. */
static int32_t follow_first_quad(const struct aimc_analog* op, const int8_t* codes, int8_t* out,
                                 analog_finish* finish) {
  const int32_t pixels = op->window.out_h * op->window.out_w;
  const int32_t quad = pixels < QUAD ? pixels : QUAD;
  const struct aimc_range* range = op->range;
  const struct aimc_range* const last = range + op->range_count - 1;
  wait_pixels(op, range, 1, 1, codes, 0, 0);
  start_layer(op, range[1].first, range[1].blocks);
  wait_first(op, quad, quad, codes);
  const int8_t* at = codes;
  for (; range < last; ++range) {
    const int8_t* next = codes + range_codes(range + 1, pixels);
    finish(op, range, at, next, quad, out);
    at = next;
    look(op, range + 1, quad, quad);
    if (range + 1 < last) start_layer(op, range[2].first, range[2].blocks);
  }
  op->dma->pixels += (uint32_t)quad;
  finish(op, last, at, codes + quad * pixel_stride(op->range), quad, out);
  return quad;
}

/* A layer whose codes all fit, whose first tiles have begun. */
static __attribute__((noinline)) void follow_layer(const struct aimc_analog* op,
                                                   const int8_t* codes, int8_t* out,
                                                   analog_finish* finish) {
  touch_parameters(op, out);
  const bool all = op->dma_first == op->block_count;
  const int32_t done = all ? 0 : follow_first_quad(op, codes, out, finish);
  out += done * (int64_t)op->out_channels;
  follow(op, codes, done, op->window.out_h * op->window.out_w, out, finish);
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
    follow(op, at, 0, height * w->out_w, out, finish);
    out += height * w->out_w * (int64_t)op->out_channels;
    if (w->out_h - oy > 2 * rows) start_band(op, oy + 2 * rows, odd);
  }
}

/* A layer whose codes all fit. */
static inline __attribute__((always_inline)) void run_layer(const struct aimc_analog* op,
                                                            const bool again, int8_t* out,
                                                            int8_t* codes, analog_finish* finish) {
  const struct aimc_window* w = &op->window;
  start(op, op->dma->descriptor, again, 0, op->dma_first);
  if (__builtin_expect(w->out_h * w->out_w == 1 && finish == analog_finish_neon, 1)) {
    analog_follow_pixel(op, codes, out);
  } else {
    follow_layer(op, codes, out, finish);
  }
}

/* Where the map or the codes are not where they were, as in the first inference: what follows has
 * the same place on the stack as in others. */
static __attribute__((noinline)) void run_elsewhere(const struct aimc_analog* op, const int8_t* in,
                                                    int8_t* out, int8_t* codes,
                                                    analog_finish* finish) {
  fill_descriptors(op, in, codes);
  if (op->dma_rows < op->window.out_h) {
    run_bands(op, codes, out, finish);
  } else {
    run_layer(op, false, out, codes, finish);
  }
}

/* The tiles of a layer begin as soon as possible: nothing is saved before, since all that comes
 * afterwards is in the functions that this ends with. */
static inline __attribute__((always_inline)) void run(const struct aimc_analog* op,
                                                      const int8_t* in, int8_t* out, int8_t* codes,
                                                      analog_finish* finish) {
  const struct aimc_dma* dma = op->dma;
  touch((const int8_t*)op->tile);
  if (__builtin_expect(dma->in != in || dma->codes != codes, 0)) {
    run_elsewhere(op, in, out, codes, finish);
  } else if (__builtin_expect(op->dma_rows < op->window.out_h, 0)) {
    run_bands(op, codes, out, finish);
  } else {
    run_layer(op, true, out, codes, finish);
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
