/* A guest that does everything to its tiles that a driver must not do, and some of what it may.
 *
 * Built with TILES, ROWS and COLUMNS, and with BEYOND, a statement to begin with, if there is one.
 * Prints what differs and exits with the number of differences.
 */
#include "aimc_runtime.h"
#include "tile_registers.h"

static uint32_t failures;

#define TIMES 6

static void expect(const char* what, uint64_t actual, uint64_t expected) {
  if (actual == expected) return;
  aimc_print(what);
  aimc_print(": ");
  aimc_print_hex(actual);
  aimc_print(", expected ");
  aimc_print_hex(expected);
  aimc_print("\n");
  ++failures;
}

static uint32_t counted[TILES]; /* errors of each tile */

/* The error that has come since the last call, one of its kind. */
static void expect_error(const char* what, uint32_t tile, uint32_t error) {
  const uint32_t count = reg(tile, AIMC_REG_ERROR_COUNT);
  expect(what, reg(tile, AIMC_REG_ERROR), error);
  expect(what, count - counted[tile], error != 0);
  counted[tile] = count;
  set(tile, AIMC_REG_ERROR, error);
}

static void wait(uint32_t tile, uint32_t bits, uint32_t value) {
  while ((reg(tile, AIMC_REG_STATUS) & bits) != value) {
  }
}

static uint32_t exclusive_store(uint32_t tile, uint32_t offset) {
  uint32_t value, failed;
  __asm__ volatile("ldxr %w0, [%2]\n\tstxr %w1, %w0, [%2]"
                   : "=&r"(value), "=&r"(failed)
                   : "r"(at(tile, offset))
                   : "memory");
  return failed;
}

static void bad_accesses(void) {
  expect("identity", reg(0, AIMC_REG_ID), AIMC_TILE_ID);
  expect_error("nothing yet", 0, 0);
  expect("reserved register", reg(0, 0x3f8), 0);
  expect_error("reserved register", 0, AIMC_ERROR_ADDRESS);
  expect("narrow read", ACCESS(uint8_t, 0, AIMC_REG_ID), 0);
  expect_error("narrow read", 0, AIMC_ERROR_SIZE);
  expect("wide read of two registers", ACCESS(uint64_t, 0, AIMC_REG_ROWS), 0);
  expect_error("wide read of two registers", 0, AIMC_ERROR_SIZE);
  set(0, AIMC_REG_ID, 1);
  expect_error("write of a read-only register", 0, AIMC_ERROR_READ_ONLY);
  expect("read of a write-only register", reg(0, AIMC_REG_CONTROL), 0);
  expect_error("read of a write-only register", 0, AIMC_ERROR_READ_ONLY);
  set(0, AIMC_REG_CONTROL, 1u << 20);
  expect_error("unknown command", 0, AIMC_ERROR_VALUE);
  set(0, AIMC_REG_CONTROL, AIMC_CONTROL_POP);
  expect_error("nothing to pop", 0, AIMC_ERROR_EMPTY);
  expect("nothing to read", ACCESS(uint64_t, 0, AIMC_WINDOW_OUT), 0);
  expect_error("nothing to read", 0, AIMC_ERROR_EMPTY);
  ACCESS(uint64_t, 0, AIMC_WINDOW_IN + ((ROWS + 15) / 16 * 16)) = 1;
  expect_error("input beyond the last row", 0, AIMC_ERROR_SIZE);
  set(0, AIMC_REG_ACTIVE_ROWS, ROWS + 1);
  set(0, AIMC_REG_CONTROL, AIMC_CONTROL_START);
  expect_error("too many rows", 0, AIMC_ERROR_GEOMETRY);
  set(0, AIMC_REG_ACTIVE_ROWS, ROWS);
  exclusive_store(0, AIMC_REG_ACTIVE_COLS);
  expect("exclusive store", reg(0, AIMC_REG_ACTIVE_COLS), COLUMNS);
  set(0, AIMC_REG_CONTROL, AIMC_CONTROL_RESET);
  counted[0] = 0;
  expect("status after the reset", reg(0, AIMC_REG_STATUS) & AIMC_STATUS_ERROR, 0);
}

/* Cell (row, column) alone is 1000, and the ADC takes 1000 for one step. */
static void program(uint32_t tile, uint32_t row, uint32_t column) {
  set(tile, AIMC_REG_PROGRAM_ROW, row);
  ACCESS(int16_t, tile, AIMC_WINDOW_PROGRAM + 2 * column) = 1000;
  set(tile, AIMC_REG_PROGRAM_ROW, AIMC_PROGRAM_ADC);
  /* 1 / 1000 = 33554 / 2^25, nearly */
  ACCESS(uint16_t, tile, AIMC_WINDOW_PROGRAM + 4 * column) = 33554;
  ACCESS(uint16_t, tile, AIMC_WINDOW_PROGRAM + 4 * column + 2) = 25;
}

/* The last row and the last column of every tile count, and tiles do not see each other. */
static void full_tiles(void) {
  for (uint32_t tile = 0; tile < TILES; ++tile) program(tile, ROWS - 1, COLUMNS - 1);
  for (uint32_t tile = 0; tile < TILES; ++tile) {
    ACCESS(int8_t, tile, AIMC_WINDOW_IN + ROWS - 1) = (int8_t)(10 + tile);
    set(tile, AIMC_REG_ACTIVE_ROWS, ROWS);
    set(tile, AIMC_REG_ACTIVE_COLS, COLUMNS);
    set(tile, AIMC_REG_CONTROL, AIMC_CONTROL_START);
  }
  for (uint32_t tile = 0; tile < TILES; ++tile) {
    wait(tile, AIMC_STATUS_OUT_VALID, AIMC_STATUS_OUT_VALID);
    for (uint32_t column = 0; column + 1 < COLUMNS; ++column)
      expect("other column", ACCESS(uint8_t, tile, AIMC_WINDOW_OUT + column), 0);
    expect("last column", ACCESS(uint8_t, tile, AIMC_WINDOW_OUT + COLUMNS - 1), 10 + tile);
    set(tile, AIMC_REG_CONTROL, AIMC_CONTROL_POP);
    expect("errors", reg(tile, AIMC_REG_ERROR), 0);
  }
}

/* One multiplication, waited for, TIMES times; caches and predictors get warm. */
static void timed_conversion(void) {
  for (int round = 0; round < TIMES; ++round) {
    aimc_region_begin(3);
    set(0, AIMC_REG_CONTROL, AIMC_CONTROL_START);
    wait(0, AIMC_STATUS_OUT_VALID, AIMC_STATUS_OUT_VALID);
    set(0, AIMC_REG_CONTROL, AIMC_CONTROL_POP);
    aimc_region_end(3);
  }
}

#define GICD_BASE 0x2c000000ul
#define TILE_INTERRUPT 320u
#define GICD(offset) (*(volatile uint32_t*)(GICD_BASE + (offset)))

/* The interrupt controller holds the edge of a finished multiplication. */
static void interrupt(void) {
  const uint32_t pending = 4 * (TILE_INTERRUPT / 32), bit = 1u << (TILE_INTERRUPT % 32);
  GICD(0xc00 + 4 * (TILE_INTERRUPT / 16)) = 2u << (2 * (TILE_INTERRUPT % 16)); /* edge */
  GICD(0x280 + pending) = bit;                                                 /* not pending */
  expect("pending before", GICD(0x200 + pending) & bit, 0);
  set(0, AIMC_REG_CONTROL, AIMC_CONTROL_START);
  wait(0, AIMC_STATUS_OUT_VALID, AIMC_STATUS_OUT_VALID);
  expect("pending after", GICD(0x200 + pending) & bit, bit);
  set(0, AIMC_REG_CONTROL, AIMC_CONTROL_POP);
}

static AIMC_BUFFER int8_t input[ROWS];
static AIMC_BUFFER int8_t output[(COLUMNS + 15) / 16 * 16 + 16];
static AIMC_BUFFER struct aimc_descriptor descriptor;

static void convert(uint32_t tile, uint64_t in, uint64_t out) {
  const uint32_t before = reg(tile, AIMC_REG_DMA_DONE);
  descriptor = one_product(in, out, ROWS, COLUMNS);
  barrier();
  ACCESS(uint64_t, tile, AIMC_REG_DESCRIPTOR) = (uintptr_t)&descriptor;
  wait(tile, AIMC_STATUS_DMA_BUSY, 0);
  barrier();
  expect("descriptors done", reg(tile, AIMC_REG_DMA_DONE) - before, 1);
}

/* DMA sees what the core has in its caches and the core what DMA has written; what is not memory,
 * devices included, is refused. */
static void dma(void) {
  set(0, AIMC_REG_CONTROL, AIMC_CONTROL_AGAIN);
  expect_error("no descriptor yet", 0, AIMC_ERROR_DESCRIPTOR);
  const uint64_t in = (uintptr_t)input, out = (uintptr_t)output;
  for (int8_t round = 1; round <= 3; ++round) {
    for (uint32_t i = 0; i < ROWS; ++i) input[i] = 0;
    for (uint32_t i = 0; i < sizeof output; ++i) output[i] = 77;
    input[ROWS - 1] = round;
    convert(0, in, out);
    for (uint32_t column = 0; column + 1 < COLUMNS; ++column)
      expect("other column by DMA", (uint8_t)output[column], 0);
    expect("last column by DMA", (uint8_t)output[COLUMNS - 1], (uint8_t)round);
    expect("beyond the last column", (uint8_t)output[COLUMNS], 77);
  }
  const uint32_t before = reg(0, AIMC_REG_DMA_PIXELS);
  input[ROWS - 1] = 4;
  barrier();
  set(0, AIMC_REG_CONTROL, AIMC_CONTROL_AGAIN);
  while (reg(0, AIMC_REG_DMA_PIXELS) == before) {
  }
  barrier();
  expect("the descriptor again", (uint8_t)output[COLUMNS - 1], 4);
  expect_error("DMA of memory", 0, 0);
  convert(0, PLATFORM_UART_BASE, out);
  expect_error("DMA from a device", 0, AIMC_ERROR_BUS);
  convert(0, in, 0x7ffffff0);
  expect_error("DMA to below memory", 0, AIMC_ERROR_BUS);
  convert(0, UINT64_MAX - 3, out);
  expect_error("DMA beyond the last address", 0, AIMC_ERROR_DESCRIPTOR);
  convert(0, 1ull << 60, out);
  expect_error("DMA from far outside memory", 0, AIMC_ERROR_BUS);
  ACCESS(uint64_t, 0, AIMC_REG_DESCRIPTOR) = 0x1000;
  wait(0, AIMC_STATUS_DMA_BUSY, 0);
  expect_error("descriptor outside memory", 0, AIMC_ERROR_BUS);
  convert(0, in, out);
  expect_error("DMA after errors", 0, 0);
}

int main(void) {
#ifdef BEYOND
  BEYOND; /* nobody is there */
#endif
  aimc_region_begin(1);
  bad_accesses();
  full_tiles();
  aimc_region_end(1);
  aimc_region_begin(2);
  if (reg(0, AIMC_REG_FEATURES) & AIMC_FEATURE_DMA) dma();
  aimc_region_end(2);
  timed_conversion();
  interrupt();
  aimc_print("done\n");
  return (int)failures;
}
