/* Fully connected layers of few outputs by programmed I/O.  Nothing overlaps the work after the
 * MVM.  It is therefore done once before, on whatever the scratch holds, so that its code and data
 * are in the caches. */
#include "analog_columns_neon.h"
#include "tile.h"
#include "tile_windows.h"

static const char kWhat[] = "an analog layer failed";

void aimc_analog_small_dense_ref(const struct aimc_analog* op, const int8_t* in, int8_t* out,
                                 void* scratch) {
  aimc_analog_pio_ref(op, in, out, scratch);
}

/* `there`: the codes are in the windows; otherwise scratch stands in for them. */
static inline __attribute__((always_inline)) void finish(const struct aimc_analog* op,
                                                         const int8_t* scratch, int8_t* out,
                                                         int32_t there) {
  const struct aimc_block* const end = op->block + op->block_count;
  if (there) {
    for (const struct aimc_block* block = op->block; block < end; ++block) {
      tile_wait(block->tile, AIMC_STATUS_OUT_VALID, 0, kWhat);
    }
  }
  for (int32_t n = 0; n < op->out_channels; n += 16) {
    const struct columns16 c = columns16_packed(op, n);
    int16x8_t low = vdupq_n_s16(0);
    int16x8_t high = vdupq_n_s16(0);
    for (const struct aimc_block* block = op->block; block < end; ++block) {
      const uintptr_t window = tile_address(block->tile, AIMC_WINDOW_OUT) + (uint32_t)n;
      const int8x16_t code = window_load(there ? window : (uintptr_t)scratch);
      low = vaddw_s8(low, vget_low_s8(code));
      high = vaddw_high_s8(high, code);
    }
    finish_sums(1, &c, &low, &high, &(struct results){out + n, 0, op->out_channels - n});
  }
}

void aimc_analog_small_dense_neon(const struct aimc_analog* op, const int8_t* in, int8_t* out,
                                  void* scratch) {
  const struct aimc_block* const end = op->block + op->block_count;
  aimc_prefetch(op->columns, (size_t)(op->out_channels * ANALOG_COLUMN_BYTES));
  prefetch_to_write(out);
  for (const struct aimc_block* block = op->block; block < end; ++block) {
    fill_window(tile_address(block->tile, AIMC_WINDOW_IN), in + block->k0, block->rows);
    tile_write(block->tile, AIMC_REG_CONTROL, AIMC_CONTROL_START);
  }
  int32_t there = 0;
  do {
    finish(op, scratch, out, there);
  } while (__builtin_expect(there++ == 0, 0));
  for (const struct aimc_block* block = op->block; block < end; ++block) {
    tile_write(block->tile, AIMC_REG_CONTROL, AIMC_CONTROL_POP);
  }
}
