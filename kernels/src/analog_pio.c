/* Analog layers by programmed I/O: the core carries patches to the tiles and codes back. */
#include <arm_neon.h>
#include <stdbool.h>

#include "analog.h"
#include "patch.h"
#include "tile.h"

static const char kWhat[] = "programmed I/O of an analog layer failed";

/* Pixels whose codes are finished together; PIO_BATCH of harness/codegen/packing.py. */
#define BATCH 8

/* Stores the first multiple of 16 of `bytes` at `from` to a window; returns how much that is. */
static inline int32_t fill_window(uintptr_t window, const int8_t* from, int32_t bytes) {
  int32_t rest = bytes;
  for (; rest >= 64; rest -= 64, from += 64, window += 64) {
    const int8x16_t a = vld1q_s8(from);
    const int8x16_t b = vld1q_s8(from + 16);
    const int8x16_t c = vld1q_s8(from + 32);
    const int8x16_t d = vld1q_s8(from + 48);
    window_store(window, a);
    window_store(window + 16, b);
    window_store(window + 32, c);
    window_store(window + 48, d);
  }
  for (; rest >= 16; rest -= 16, from += 16, window += 16) window_store(window, vld1q_s8(from));
  return bytes - rest;
}

static inline void clear_window(uintptr_t window, int32_t bytes) {
  for (; bytes > 0; bytes -= 16, window += 16) window_store(window, vdupq_n_s8(0));
}

/* Fills the tile's input bank; the tile wants zeros beyond its last row. */
static void fill_input(const struct aimc_block* block, const int8_t* patch) {
  const uintptr_t window = tile_address(block->tile, AIMC_WINDOW_IN);
  const int8_t* from = patch + block->k0;
  const int32_t filled = fill_window(window, from, block->rows);
  const int32_t rest = block->rows - filled;
  if (rest == 0) return;
  static const uint8_t kCount[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const uint8x16_t used = vcltq_u8(vld1q_u8(kCount), vdupq_n_u8((uint8_t)rest));
  window_store(window + (uint32_t)filled,
               vandq_s8(vld1q_s8(from + filled), vreinterpretq_s8_u8(used)));
}

/* A place in a layer's patch: a row of the kernel, and bytes from its first tap on. */
struct place {
  int32_t ky;
  int32_t within;
};

/* Whether vectors can go from the map to the tiles as they are: no tap and no block begins within
 * one. */
static bool whole_vectors(const struct aimc_analog* op) {
  bool whole = op->in_channels % 16 == 0 && op->window.dilation_x == 1;
  for (int32_t i = 0; i < op->block_count; ++i) {
    const struct aimc_block* block = &op->block[i];
    whole = whole && block->k0 % 16 == 0 && /* and each goes on where the one before it ends */
            (block->k0 == 0 || (i > 0 && block->k0 == block[-1].k0 + block[-1].rows));
  }
  return whole;
}

/* Fills a tile's input bank from the map; the patch's first tap is that of row `y`, column `x`.
 * `place` is where the block begins, and then where the next one does. */
static void fill_from_map(const struct aimc_analog* op, const struct aimc_block* block,
                          const int8_t* in, int32_t y, int32_t x, struct place* place) {
  const struct aimc_window* w = &op->window;
  const int32_t channels = op->in_channels;
  const int32_t row_bytes = w->kernel_w * channels;
  const bool inside_x = x >= 0 && x + w->kernel_w <= w->in_w;
  uintptr_t window = tile_address(block->tile, AIMC_WINDOW_IN);
  if (block->k0 == 0) *place = (struct place){0, 0};
  for (int32_t rest = block->rows; rest > 0;) {
    const int32_t line = y + place->ky * w->dilation_y;
    const bool inside_y = line >= 0 && line < w->in_h;
    int32_t bytes = row_bytes - place->within; /* alike: all inside or all outside */
    bool inside = inside_y;
    if (inside_y && !inside_x) {
      const int32_t kx = place->within / channels;
      bytes = (kx + 1) * channels - place->within;
      inside = x + kx >= 0 && x + kx < w->in_w;
    }
    if (bytes > rest) bytes = rest;
    if (inside) {
      fill_window(window, in + ((int64_t)line * w->in_w + x) * channels + place->within, bytes);
    } else {
      clear_window(window, bytes);
    }
    window += (uint32_t)bytes;
    rest -= bytes;
    place->within += bytes;
    if (place->within == row_bytes) *place = (struct place){place->ky + 1, 0};
  }
}

/* Fetches the codes of a pixel of every block and releases the output banks. */
static void collect(const struct aimc_analog* op, int8_t* codes) {
  for (int32_t i = 0; i < op->block_count; ++i) {
    const struct aimc_block* block = &op->block[i];
    const uintptr_t window = tile_address(block->tile, AIMC_WINDOW_OUT);
    const int32_t bytes = block->columns * op->code_bytes;
    tile_wait(block->tile, AIMC_STATUS_OUT_VALID, 0, kWhat);
    for (int32_t at = 0; at < bytes; at += 16) {
      vst1q_s8(codes + at, window_load(window + (uint32_t)at));
    }
    tile_write(block->tile, AIMC_REG_CONTROL, AIMC_CONTROL_POP);
    codes += code_stride(op, block);
  }
}

static void run(const struct aimc_analog* op, const int8_t* in, int8_t* out, void* scratch,
                analog_finish* finish) {
  const struct aimc_window* w = &op->window;
  const int32_t pixels = w->out_h * w->out_w;
  const int32_t rows = w->kernel_h * w->kernel_w * op->in_channels;
  const bool in_place = pixels == 1 && w->in_h == 1 && w->in_w == 1 && w->kernel_h == 1 &&
                        w->kernel_w == 1 && w->pad_top == 0 && w->pad_left == 0;
  int8_t* patch = scratch;
  int8_t* codes = patch + (rows + 16 + AIMC_ALIGN - 1) / AIMC_ALIGN * AIMC_ALIGN;
  const bool double_buffer =
      tile_read(op->block[0].tile, AIMC_REG_FEATURES) & AIMC_FEATURE_DOUBLE_BUFFER;
  for (int32_t i = 0; i < op->block_count; ++i) {
    const struct aimc_block* block = &op->block[i];
    tile_write(block->tile, AIMC_REG_ACTIVE_ROWS, (uint32_t)block->rows);
    tile_write(block->tile, AIMC_REG_ACTIVE_COLS, (uint32_t)block->columns);
  }
  const bool from_map = !in_place && whole_vectors(op);
  struct place place = {0, 0};
  int32_t y = -w->pad_top;
  int32_t x = -w->pad_left;
  const int32_t end_x = x + w->out_w * w->stride_x;
  /* While the tiles convert one pixel, the core fetches and finishes those before it. */
  for (int32_t pixel = 0; pixel <= pixels; ++pixel) {
    if (pixel < pixels) {
      if (!in_place && !from_map) {
        gather_patches(w, op->in_channels, op->in_channels, in, pixel, 1, patch, 0);
      }
      for (int32_t i = 0; i < op->block_count; ++i) {
        const struct aimc_block* block = &op->block[i];
        /* The only input bank is free again when its conversion is over. */
        if (!double_buffer && pixel > 0) tile_wait(block->tile, AIMC_STATUS_OUT_VALID, 0, kWhat);
        if (from_map) {
          fill_from_map(op, block, in, y, x, &place);
        } else {
          fill_input(block, in_place ? in : patch);
        }
        tile_write(block->tile, AIMC_REG_CONTROL, AIMC_CONTROL_START);
      }
      if (from_map) {
        x += w->stride_x;
        if (x == end_x) {
          x = -w->pad_left;
          y += w->stride_y;
        }
      }
    }
    if (pixel == 0) continue;
    const int32_t slot = (pixel - 1) % BATCH;
    const int32_t first = pixel - 1 - slot;
    const int32_t batch = pixels - first < BATCH ? pixels - first : BATCH;
    collect(op, codes + slot * (int64_t)op->pixel_bytes);
    if (slot == batch - 1) finish(op, codes, batch, out + (int64_t)first * op->out_channels);
  }
  for (int32_t i = 0; i < op->block_count; ++i) tile_check(op->block[i].tile, kWhat);
}

void aimc_analog_pio_ref(const struct aimc_analog* op, const int8_t* in, int8_t* out,
                         void* scratch) {
  run(op, in, out, scratch, analog_finish_ref);
}

void aimc_analog_pio_neon(const struct aimc_analog* op, const int8_t* in, int8_t* out,
                          void* scratch) {
  run(op, in, out, scratch, analog_finish_neon);
}
