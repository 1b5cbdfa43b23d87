/* Analog layers by programmed I/O: the core carries patches to the tiles and codes back. */
#include <arm_neon.h>
#include <stdbool.h>

#include "analog.h"
#include "patch.h"
#include "tile.h"

static const char kWhat[] = "programmed I/O of an analog layer failed";

/* Pixels whose codes are finished together; PIO_BATCH of harness/codegen/packing.py. */
#define BATCH 8

/* Fills the tile's input bank; the tile wants zeros beyond its last row. */
static void fill_input(const struct aimc_block* block, const int8_t* patch) {
  uintptr_t window = tile_address(block->tile, AIMC_WINDOW_IN);
  const int8_t* from = patch + block->k0;
  int32_t rest = block->rows;
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
  if (rest == 0) return;
  static const uint8_t kCount[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const uint8x16_t used = vcltq_u8(vld1q_u8(kCount), vdupq_n_u8((uint8_t)rest));
  window_store(window, vandq_s8(vld1q_s8(from), vreinterpretq_s8_u8(used)));
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
  /* While the tiles convert one pixel, the core fetches and finishes those before it. */
  for (int32_t pixel = 0; pixel <= pixels; ++pixel) {
    if (pixel < pixels) {
      if (!in_place) gather_patches(w, op->in_channels, op->in_channels, in, pixel, 1, patch, 0);
      for (int32_t i = 0; i < op->block_count; ++i) {
        const struct aimc_block* block = &op->block[i];
        /* The only input bank is free again when its conversion is over. */
        if (!double_buffer && pixel > 0) tile_wait(block->tile, AIMC_STATUS_OUT_VALID, 0, kWhat);
        fill_input(block, in_place ? in : patch);
        tile_write(block->tile, AIMC_REG_CONTROL, AIMC_CONTROL_START);
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
