/* A tile's registers, and how to program it. */
#ifndef GUEST_TILE_H
#define GUEST_TILE_H

#include <stdint.h>

#include "aimc_tile/core/registers.h"
#include "platform.h"
#include "region.h"

/* The 32-bit register of tile `tile` at `offset`. */
#define REG(tile, offset) \
  (*(volatile uint32_t*)(PLATFORM_TILE_BASE + (tile) * AIMC_TILE_WINDOW + (offset)))

/* Programs 4 rows and columns such that an output is `level` / 4 of its input, in ADC steps. */
static inline void program(unsigned long tile, int16_t level) {
  for (uint32_t row = 0; row < 4; row++) {
    REG(tile, AIMC_REG_PROGRAM_ROW) = row;
    for (uint32_t column = 0; column < 4; column++) {
      *(volatile int16_t*)&REG(tile, AIMC_WINDOW_PROGRAM + 2 * column) = row == column ? level : 0;
    }
  }
  REG(tile, AIMC_REG_PROGRAM_ROW) = AIMC_PROGRAM_ADC;
  for (uint32_t column = 0; column < 4; column++) {
    REG(tile, AIMC_WINDOW_PROGRAM + 4 * column) = 0x8000u | (17u << 16); /* multiplier, shift */
  }
}

/* Starts a multiplication of the tile's 4 inputs: 1, 2, -3 and 4. */
static inline void start_mvm(unsigned long tile) {
  REG(tile, AIMC_WINDOW_IN) = 0x04fd0201u;
  REG(tile, AIMC_REG_CONTROL) = AIMC_CONTROL_START;
}

static inline int mvm_done(unsigned long tile) {
  return (REG(tile, AIMC_REG_STATUS) & AIMC_STATUS_OUT_VALID) != 0;
}

static inline void pop_output(unsigned long tile) {
  REG(tile, AIMC_REG_CONTROL) = AIMC_CONTROL_POP;
}

static inline void submit_descriptor(unsigned long tile, const struct aimc_descriptor* descriptor) {
  __asm__ volatile("dsb sy" ::: "memory"); /* the descriptor is in memory */
  *(volatile uint64_t*)&REG(tile, AIMC_REG_DESCRIPTOR) = (uint64_t)descriptor;
}

#endif
