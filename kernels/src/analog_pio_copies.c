/* Copies of an analog layer by programmed I/O. The copies get pixels in turn, and the core fetches
 * a pixel's codes when its copy is next in turn. So all copies convert at the same time. */
#include "analog_pio.h"

/* Appends at `end` the pieces of a pixel's inputs of all blocks, for the first copy's windows. */
static struct piece* add_fills(const struct aimc_analog* op, const struct band* band, bool whole,
                               struct piece* end) {
  for (int32_t i = 0; i < op->block_count; ++i) {
    const struct aimc_block* block = &op->block[i];
    const uintptr_t window = tile_address(block->tile, AIMC_WINDOW_IN);
    if (whole) {
      end = add_pieces(band, block->k0, block->rows, window, end);
    } else {
      *end++ = (struct piece){.to = window, .from = block->k0, .bytes = block->rows, .last = 1};
    }
  }
  return end;
}

/* Stores a patch to a copy's tiles, which are `apart` from the tiles that the pieces name, and
 * starts them. With `wait`, waits for the previous conversion first. */
static void convert(const struct aimc_analog* copy, const struct piece* piece, uintptr_t apart,
                    const int8_t* from, bool wait) {
  for (int32_t i = 0; i < copy->block_count; ++i) {
    const int32_t tile = copy->block[i].tile;
    if (wait) tile_wait(tile, AIMC_STATUS_OUT_VALID, 0, kWhat);
    do {
      fill_window(piece->to + apart, from + piece->from, piece->bytes);
    } while (!piece++->last);
    tile_write(tile, AIMC_REG_CONTROL, AIMC_CONTROL_START);
  }
}

static void run(const struct aimc_copies* op, const int8_t* in, int8_t* out, void* scratch,
                analog_finish* finish, bool by_lines) {
  const struct aimc_analog* first = op->copy;
  const struct aimc_window* w = &first->window;
  const int32_t pixels = w->out_h * w->out_w;
  const int32_t rows = w->kernel_h * w->kernel_w * first->in_channels;
  const struct band band = band_plan(w, first->in_channels, 1);
  const bool whole = whole_vectors(first);
  /* analog_scratch_bytes of harness/codegen/packing.py */
  struct piece* pieces = scratch;
  struct piece* fills = whole ? pieces : add_pieces(&band, 0, rows, 0, pieces);
  struct piece* end = add_fills(first, &band, whole, fills);
  struct walk walk = {.band = &band, .in = in, .copy = align(end)};
  int8_t* patches = align(walk.copy + band.bytes);
  const int64_t patch_bytes = (rows + 15) / 16 * 16;
  int8_t* codes = align(patches + (whole ? 0 : AIMC_PIO_BATCH * patch_bytes + 16));
  struct analog_linewise lines = {.step = AIMC_TILE_WINDOW,
                                  .low = vdupq_n_s8((int8_t)first->requant.low),
                                  .high = vdupq_n_s8((int8_t)first->requant.high)};
  const bool double_buffer =
      tile_read(first->block[0].tile, AIMC_REG_FEATURES) & AIMC_FEATURE_DOUBLE_BUFFER;
  const struct aimc_analog* const last = first + op->count - 1;
  const struct aimc_analog* copy = first;
  /* The codes to fetch are in the copy that has just been given another pixel. */
  for (int32_t pixel = 0; pixel < pixels + op->count; ++pixel) {
    const int32_t made = pixel - op->count;
    if (pixel < pixels) {
      const int8_t* from = patches + pixel % AIMC_PIO_BATCH * patch_bytes;
      if (whole) {
        from = next_pixel(&walk);
      } else if (pixel % AIMC_PIO_BATCH == 0) {
        gather(&walk, pieces, pixels - pixel < AIMC_PIO_BATCH ? pixels - pixel : AIMC_PIO_BATCH,
               patches, patch_bytes);
      }
      const int64_t apart = (copy->block->tile - first->block->tile) * (int64_t)AIMC_TILE_WINDOW;
      convert(copy, fills, (uintptr_t)apart, from, !double_buffer && made >= 0);
    }
    if (made >= 0 && by_lines) {
      finish_lines(copy, &lines, out);
      out += first->out_channels;
    } else if (made >= 0) {
      const int32_t slot = made % AIMC_PIO_BATCH;
      collect(copy, slot, codes);
      if (slot == AIMC_PIO_BATCH - 1 || made == pixels - 1) {
        for (int32_t i = 0; i < first->range_count; ++i) {
          const struct aimc_range* range = &first->range[i];
          finish(first, range, codes + range_codes(range, AIMC_PIO_BATCH), codes, slot + 1, out);
        }
        out += (slot + 1) * (int64_t)first->out_channels;
      }
    }
    copy = copy == last ? first : copy + 1;
  }
  for (copy = first; copy <= last; ++copy) {
    for (int32_t i = 0; i < copy->block_count; ++i) tile_check(copy->block[i].tile, kWhat);
  }
}

void aimc_copies_pio_ref(const struct aimc_copies* op, const int8_t* in, int8_t* out,
                         void* scratch) {
  run(op, in, out, scratch, analog_finish_ref, false);
}

void aimc_copies_pio_neon(const struct aimc_copies* op, const int8_t* in, int8_t* out,
                          void* scratch) {
  run(op, in, out, scratch, analog_finish_neon, fits_lines(op->copy));
}
