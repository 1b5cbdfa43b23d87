/* A guest's bare access to its tiles: no driver, no checks. */
#ifndef AIMC_TEST_TILE_REGISTERS_H
#define AIMC_TEST_TILE_REGISTERS_H

#include <stdint.h>

#include "platform.h"
#include "registers.h"

static inline uintptr_t at(uint32_t tile, uint32_t offset) {
  return PLATFORM_TILE_BASE + (uintptr_t)tile * AIMC_TILE_WINDOW + offset;
}

#define ACCESS(type, tile, offset) (*(volatile type*)at(tile, offset))

static inline uint32_t reg(uint32_t tile, uint32_t offset) {
  return ACCESS(uint32_t, tile, offset);
}

static inline void set(uint32_t tile, uint32_t offset, uint32_t value) {
  ACCESS(uint32_t, tile, offset) = value;
}

static inline void barrier(void) { __asm__ volatile("dmb osh" : : : "memory"); }

/* One product of `rows` bytes at `in` to `columns` codes at `out`. */
static inline struct aimc_descriptor one_product(uint64_t in, uint64_t out, uint32_t rows,
                                                 uint32_t columns) {
  return (struct aimc_descriptor){
      .in_base = in,
      .out_base = out,
      .in_channels = rows,
      .k_len = rows,
      .columns = columns,
      .out_stride = columns,
      .in_height = 1,
      .in_width = 1,
      .count = 1,
      .row_count = 1,
      .kernel_h = 1,
      .kernel_w = 1,
      .stride_y = 1,
      .stride_x = 1,
      .dilation_y = 1,
      .dilation_x = 1,
  };
}

#endif
