/* Finding, programming and watching the tiles. */
#include "tile.h"

#include "aimc_ops.h"
#include "aimc_runtime.h"

_Noreturn void tile_fail(int32_t tile, const char* what) {
  aimc_print("tile ");
  aimc_print_decimal(tile);
  aimc_print(": error register ");
  aimc_print_hex(tile_read(tile, AIMC_REG_ERROR));
  aimc_print(", status ");
  aimc_print_hex(tile_read(tile, AIMC_REG_STATUS));
  aimc_print("\n");
  aimc_fatal(what);
}

static void expect(int32_t tile, const char* property, uint32_t actual, uint32_t expected) {
  if (actual == expected) return;
  aimc_print("tile ");
  aimc_print_decimal(tile);
  aimc_print(": ");
  aimc_print(property);
  aimc_print(" ");
  aimc_print_decimal(actual);
  aimc_print(", expected ");
  aimc_print_decimal(expected);
  aimc_print("\n");
  aimc_fatal("a tile is not the one that the program was made for");
}

void aimc_tiles_probe(int32_t count, int32_t rows, int32_t columns, int32_t adc_bits,
                      uint32_t features) {
  for (int32_t tile = 0; tile < count; ++tile) {
    expect(tile, "identity", tile_read(tile, AIMC_REG_ID), AIMC_TILE_ID);
    expect(tile, "version", tile_read(tile, AIMC_REG_VERSION), AIMC_TILE_VERSION);
    expect(tile, "rows", tile_read(tile, AIMC_REG_ROWS), (uint32_t)rows);
    expect(tile, "columns", tile_read(tile, AIMC_REG_COLS), (uint32_t)columns);
    const uint32_t have = tile_read(tile, AIMC_REG_FEATURES);
    expect(tile, "ADC bits", have & 0xff, (uint32_t)adc_bits);
    expect(tile, "features", have & features, features);
    tile_write(tile, AIMC_REG_CONTROL, AIMC_CONTROL_RESET);
  }
}

void aimc_tiles_set_epoch(uint32_t epoch, int32_t count) {
  for (int32_t tile = 0; tile < count; ++tile) tile_write(tile, AIMC_REG_NOISE_EPOCH, epoch);
}

/* Writes exactly `bytes` (an even number) to the programming window as row `row`. */
static void program_row(int32_t tile, uint32_t row, const int8_t* from, int32_t bytes) {
  const uintptr_t window = tile_address(tile, AIMC_WINDOW_PROGRAM);
  tile_write(tile, AIMC_REG_PROGRAM_ROW, row);
  int32_t i = 0;
  for (; i + 16 <= bytes; i += 16) window_store(window + (uint32_t)i, vld1q_s8(from + i));
  for (; i < bytes; i += 2) {
    uint16_t half;
    __builtin_memcpy(&half, from + i, 2);
    *(volatile uint16_t*)(window + (uint32_t)i) = half;
  }
}

void aimc_tiles_program(const struct aimc_analog* op) {
  static const char what[] = "programming failed";
  tile_barrier();
  for (int32_t i = 0; i < op->block_count; ++i) {
    const struct aimc_block* block = &op->block[i];
    const int32_t tile = block->tile;
    tile_write(tile, AIMC_REG_ACTIVE_ROWS, (uint32_t)block->rows);
    tile_write(tile, AIMC_REG_ACTIVE_COLS, (uint32_t)block->columns);
    if (tile_read(tile, AIMC_REG_FEATURES) & AIMC_FEATURE_DMA) {
      tile_write_address(tile, AIMC_REG_PROGRAM_ADDR, block->image);
      tile_write(tile, AIMC_REG_PROGRAM_ROWS, (uint32_t)block->rows);
      tile_write(tile, AIMC_REG_PROGRAM_COLS, (uint32_t)block->columns);
      tile_write(tile, AIMC_REG_CONTROL, AIMC_CONTROL_PROGRAM);
      continue;
    }
    const int8_t* image = block->image;
    for (int32_t row = 0; row < block->rows; ++row) {
      program_row(tile, (uint32_t)row, image, 2 * block->columns);
      image += 2 * (int64_t)block->columns;
    }
    program_row(tile, AIMC_PROGRAM_ADC, image, 4 * block->columns);
  }
  for (int32_t i = 0; i < op->block_count; ++i) {
    tile_wait(op->block[i].tile, 0, AIMC_STATUS_DMA_BUSY, what);
  }
}
