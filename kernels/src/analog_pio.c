/* Analog layers by programmed I/O: the core stores patches to the tiles and loads codes. */
#include "analog_pio.h"

static void run(const struct aimc_analog* op, const int8_t* in, int8_t* out, void* scratch,
                analog_finish* finish, bool by_lines) {
  const struct aimc_window* w = &op->window;
  const int32_t pixels = w->out_h * w->out_w;
  const int32_t rows = w->kernel_h * w->kernel_w * op->in_channels;
  const struct band band = band_plan(w, op->in_channels, 1);
  const bool whole = whole_vectors(op);
  /* analog_scratch_bytes of harness/codegen/packing.py */
  struct piece* pieces = scratch;
  struct piece* end = pieces;
  if (!whole) end = add_pieces(&band, 0, rows, 0, end);
  struct piece* fills = end;
  for (int32_t i = 0; i < op->block_count; ++i) {
    const struct aimc_block* block = &op->block[i];
    const uintptr_t window = tile_address(block->tile, AIMC_WINDOW_IN);
    if (whole) {
      end = add_pieces(&band, block->k0, block->rows, window, end);
    } else {
      *end++ = (struct piece){.to = window, .from = block->k0, .bytes = block->rows, .last = 1};
    }
  }
  struct walk walk = {.band = &band, .in = in, .copy = align(end)};
  int8_t* patches = align(walk.copy + band.bytes);
  const int64_t patch_bytes = (rows + 15) / 16 * 16;
  int8_t* codes = align(patches + (whole ? 0 : AIMC_PIO_BATCH * patch_bytes + 16));
  struct analog_linewise lines = {.step = AIMC_TILE_WINDOW,
                                  .low = vdupq_n_s8((int8_t)op->requant.low),
                                  .high = vdupq_n_s8((int8_t)op->requant.high)};
  const bool double_buffer =
      tile_read(op->block[0].tile, AIMC_REG_FEATURES) & AIMC_FEATURE_DOUBLE_BUFFER;
  /* While the tiles convert one pixel, the core fetches and finishes those before it. */
  for (int32_t pixel = 0; pixel <= pixels; ++pixel) {
    if (pixel < pixels) {
      const int8_t* from = patches + pixel % AIMC_PIO_BATCH * patch_bytes;
      if (whole) {
        from = next_pixel(&walk);
      } else if (pixel % AIMC_PIO_BATCH == 0) {
        gather(&walk, pieces, pixels - pixel < AIMC_PIO_BATCH ? pixels - pixel : AIMC_PIO_BATCH,
               patches, patch_bytes);
      }
      const struct piece* piece = fills;
      for (int32_t i = 0; i < op->block_count; ++i) {
        const int32_t tile = op->block[i].tile;
        /* The only input bank is free when its conversion is over. */
        if (!double_buffer && pixel > 0) tile_wait(tile, AIMC_STATUS_OUT_VALID, 0, kWhat);
        do {
          fill_window(piece->to, from + piece->from, piece->bytes);
        } while (!piece++->last);
        tile_write(tile, AIMC_REG_CONTROL, AIMC_CONTROL_START);
      }
    }
    if (pixel == 0) continue;
    if (by_lines) {
      finish_lines(op, &lines, out);
      out += op->out_channels;
      continue;
    }
    const int32_t slot = (pixel - 1) % AIMC_PIO_BATCH;
    collect(op, slot, codes);
    if (slot == AIMC_PIO_BATCH - 1 || pixel == pixels) {
      for (int32_t i = 0; i < op->range_count; ++i) {
        const struct aimc_range* range = &op->range[i];
        finish(op, range, codes + range_codes(range, AIMC_PIO_BATCH), codes, slot + 1, out);
      }
      out += (slot + 1) * (int64_t)op->out_channels;
    }
  }
  for (int32_t i = 0; i < op->block_count; ++i) tile_check(op->block[i].tile, kWhat);
}

void aimc_analog_pio_ref(const struct aimc_analog* op, const int8_t* in, int8_t* out,
                         void* scratch) {
  run(op, in, out, scratch, analog_finish_ref, false);
}

void aimc_analog_pio_neon(const struct aimc_analog* op, const int8_t* in, int8_t* out,
                          void* scratch) {
  run(op, in, out, scratch, analog_finish_neon, fits_lines(op));
}
