/* Jobs of the tiles' DMA, and work of the core beside them. */
#ifndef GUEST_DMA_H
#define GUEST_DMA_H

#include "tile.h"

#define LINE 64u
/* Inputs per tile.  Those of different tiles are in different banks of the DRAM. */
#define IN_BYTES 0x3c000u

/* The gaps place the arrays in different sets of the L1D. */
static struct {
  int8_t inputs[1u << 20], gap1[4096], outputs[4][1u << 16], gap2[4096];
  struct aimc_descriptor descriptors[4];
  int8_t large[4u << 20]; /* more than the L2 */
} memory __attribute__((aligned(4096)));
#define inputs memory.inputs
#define outputs memory.outputs
#define descriptors memory.descriptors
#define large memory.large

/* Submits a job of `pixels` multiplications from `channels` inputs to `columns` outputs each. */
static inline void submit(unsigned long tile, uint32_t channels, uint32_t columns,
                          uint32_t pixels) {
  const struct aimc_descriptor descriptor = {
      .in_base = (uint64_t)inputs + tile * IN_BYTES,
      .out_base = (uint64_t)outputs[tile],
      .in_channels = channels,
      .k_len = channels,
      .columns = columns,
      .out_stride = columns,
      .in_height = 1,
      .in_width = pixels,
      .count = pixels,
      .row_count = 1,
      .kernel_h = 1,
      .kernel_w = 1,
      .stride_y = 1,
      .stride_x = 1,
      .dilation_y = 1,
      .dilation_x = 1,
  };
  descriptors[tile] = descriptor;
  submit_descriptor(tile, &descriptors[tile]);
}

static inline void wait(unsigned long tile) {
  while (REG(tile, AIMC_REG_STATUS) & AIMC_STATUS_DMA_BUSY) {
  }
}

static inline void job(unsigned long tile, uint32_t channels, uint32_t columns, uint32_t pixels) {
  submit(tile, channels, columns, pixels);
  wait(tile);
}

/* Reads one byte per line. */
static inline int walk(volatile int8_t* from, uint32_t bytes) {
  int sum = 0;
  for (uint32_t i = 0; i < bytes; i += LINE) sum += from[i];
  return sum;
}

/* The same, of zeros, with each address depending on the load before it. */
static inline uint32_t chase(volatile int8_t* from, uint32_t bytes) {
  uint32_t at = 0;
  while (at < bytes) at += LINE + (uint32_t)from[at];
  return at;
}

static inline void fill(volatile int8_t* at, uint32_t bytes, int value) {
  for (uint32_t i = 0; i < bytes; i++) at[i] = (int8_t)value;
}

#endif
