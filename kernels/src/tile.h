/* Access to the tiles' registers and windows. */
#ifndef AIMC_TILE_H
#define AIMC_TILE_H

#include <arm_neon.h>
#include <stdint.h>

#include "platform.h"
#include "registers.h"

static inline uintptr_t tile_address(int32_t tile, uint32_t offset) {
  return PLATFORM_TILE_BASE + (uintptr_t)tile * AIMC_TILE_WINDOW + offset;
}

static inline uint32_t tile_read(int32_t tile, uint32_t reg) {
  return *(volatile uint32_t*)tile_address(tile, reg);
}

static inline void tile_write(int32_t tile, uint32_t reg, uint32_t value) {
  *(volatile uint32_t*)tile_address(tile, reg) = value;
}

static inline void tile_write_address(int32_t tile, uint32_t reg, const void* value) {
  *(volatile uint64_t*)tile_address(tile, reg) = (uint64_t)(uintptr_t)value;
}

/* One access of 16 bytes; assembly, so that the compiler neither splits nor pairs it. */
static inline int8x16_t window_load(uintptr_t address) {
  int8x16_t value;
  __asm__ volatile("ldr %q0, [%1]" : "=w"(value) : "r"(address) : "memory");
  return value;
}

/* The same; ST1, because cores split STR of 16 bytes in two (gem5's do), and a core waits for each
 * access to a device. */
static inline void window_store(uintptr_t address, int8x16_t value) {
  __asm__ volatile("st1 {%0.16b}, [%1]" : : "w"(value), "r"(address) : "memory");
}

/* Orders memory accesses with register accesses: memory is written before a tile reads it, and the
 * tile's writes are read after it has made them. */
static inline void tile_barrier(void) { __asm__ volatile("dmb osh" : : : "memory"); }

/* Ends the program with the tile's number, its error register and `what`. */
_Noreturn void tile_fail(int32_t tile, const char* what);

/* Ends the program if the tile has recorded an error.  Inline, so that loops with it call no
 * function that returns, and their functions need not save registers. */
static inline void tile_check(int32_t tile, const char* what) {
  if (tile_read(tile, AIMC_REG_STATUS) & AIMC_STATUS_ERROR) tile_fail(tile, what);
}

/* Waits until all bits of `set` are 1 and all of `clear` are 0 in the tile's status. */
static inline void tile_wait(int32_t tile, uint32_t set, uint32_t clear, const char* what) {
  for (;;) {
    const uint32_t status = tile_read(tile, AIMC_REG_STATUS);
    if (status & AIMC_STATUS_ERROR) tile_fail(tile, what);
    if ((status & set) == set && !(status & clear)) return;
  }
}

#endif
