/* Each of two cores drives the tile of its own number, at the same time.
 *
 * Prints what differs and exits with the number of differences.
 */
#include "aimc_runtime.h"
#include "tile_registers.h"

#define ROWS 16
#define COLUMNS 16

struct work {
  uint32_t tile;
  uint32_t rounds;
  uint32_t wrong;
  uint32_t done;
  struct aimc_descriptor descriptor;
  _Alignas(64) int8_t input[ROWS];
  _Alignas(64) int8_t output[COLUMNS];
};

static _Alignas(64) struct work works[2] = {{.tile = 0, .rounds = 5}, {.tile = 1, .rounds = 7}};
static _Alignas(64) uint8_t stack[4096];

/* Column c takes row (c + tile) mod ROWS, and the ADC 1024 for one step. */
static void program(uint32_t tile) {
  for (uint32_t column = 0; column < COLUMNS; ++column) {
    set(tile, AIMC_REG_PROGRAM_ROW, (column + tile) % ROWS);
    ACCESS(int16_t, tile, AIMC_WINDOW_PROGRAM + 2 * column) = 1024;
  }
  set(tile, AIMC_REG_PROGRAM_ROW, AIMC_PROGRAM_ADC);
  for (uint32_t column = 0; column < COLUMNS; ++column) {
    ACCESS(uint16_t, tile, AIMC_WINDOW_PROGRAM + 4 * column) = 32768;
    ACCESS(uint16_t, tile, AIMC_WINDOW_PROGRAM + 4 * column + 2) = 25;
  }
}

static void multiply_by_pio(struct work* work) {
  const uint32_t tile = work->tile;
  for (uint32_t row = 0; row < ROWS; ++row)
    ACCESS(int8_t, tile, AIMC_WINDOW_IN + row) = work->input[row];
  set(tile, AIMC_REG_ACTIVE_ROWS, ROWS);
  set(tile, AIMC_REG_ACTIVE_COLS, COLUMNS);
  set(tile, AIMC_REG_CONTROL, AIMC_CONTROL_START);
  while (!(reg(tile, AIMC_REG_STATUS) & AIMC_STATUS_OUT_VALID)) {
  }
  for (uint32_t column = 0; column < COLUMNS; ++column)
    work->output[column] = ACCESS(int8_t, tile, AIMC_WINDOW_OUT + column);
  set(tile, AIMC_REG_CONTROL, AIMC_CONTROL_POP);
}

static void multiply_by_dma(struct work* work) {
  const uint32_t before = reg(work->tile, AIMC_REG_DMA_DONE);
  work->descriptor = one_product((uintptr_t)work->input, (uintptr_t)work->output, ROWS, COLUMNS);
  barrier();
  ACCESS(uint64_t, work->tile, AIMC_REG_DESCRIPTOR) = (uintptr_t)&work->descriptor;
  while (reg(work->tile, AIMC_REG_DMA_DONE) == before) {
  }
  barrier();
}

static void run(void* argument) {
  struct work* work = argument;
  const uint32_t tile = work->tile;
  program(tile);
  for (uint32_t round = 0; round < work->rounds; ++round) {
    for (uint32_t row = 0; row < ROWS; ++row)
      work->input[row] = (int8_t)(3 * row - 20 + 7 * round + 11 * tile);
    if (reg(tile, AIMC_REG_FEATURES) & AIMC_FEATURE_DMA)
      multiply_by_dma(work);
    else
      multiply_by_pio(work);
    for (uint32_t column = 0; column < COLUMNS; ++column)
      work->wrong += work->output[column] != work->input[(column + tile) % ROWS];
  }
  work->wrong += reg(tile, AIMC_REG_ERROR_COUNT);
  __atomic_store_n(&work->done, 1, __ATOMIC_RELEASE);
}

int main(void) {
  aimc_region_begin(1);
  aimc_start_core(1, run, &works[1], stack + sizeof stack);
  run(&works[0]);
  while (!__atomic_load_n(&works[1].done, __ATOMIC_ACQUIRE)) {
  }
  aimc_region_end(1);
  for (uint32_t core = 0; core < 2; ++core) {
    aimc_print("wrong values of a core: ");
    aimc_print_decimal(works[core].wrong);
    aimc_print("\n");
  }
  return (int)(works[0].wrong + works[1].wrong);
}
