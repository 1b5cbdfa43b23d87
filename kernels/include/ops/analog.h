#ifndef AIMC_OPS_ANALOG_H
#define AIMC_OPS_ANALOG_H

#include "aimc_kernel.h"
#include "aimc_requant.h"
#include "aimc_window.h"

/* Rows [k0, k0 + rows) and columns [n0, n0 + columns) of an analog layer's matrix. */
struct aimc_block {
  int32_t tile;
  int32_t k0;
  int32_t rows;
  int32_t n0;
  int32_t columns;
  const void* image; /* pack_tile_image(block), for aimc_tiles_program */
};

/* Row blocks that have the same columns: analog_ranges(blocks, adc_bits). */
struct aimc_range {
  int32_t first; /* block */
  int32_t blocks;
  int32_t n0;
  int32_t columns;
  int32_t codes; /* bytes of a pixel's codes of the ranges before */
  int32_t step;  /* bytes from one block's codes of a pixel to the next one's */
};

struct aimc_descriptor;

/* What aimc_analog_dma keeps from one call to the next: zeros before the first, but for
 * `descriptor`. */
struct aimc_dma {
  const int8_t* in;                   /* that the descriptors read */
  int8_t* codes;                      /* that they write */
  uint32_t pixels;                    /* that each tile has made since aimc_tiles_probe, */
  uint32_t before;                    /* and had before it was handed its descriptor */
  struct aimc_descriptor* descriptor; /* [2 * block_count], on a multiple of AIMC_ALIGN */
};

/* A convolution (groups 1) or dense layer (a 1 x 1 map with a 1 x 1 kernel) on tiles:
 *   acc[n] = ((sum over row blocks of code[n]) << 8) + bias[n];  y[n] = requantize(acc[n])
 * Each block's tile makes one MVM an output pixel, in raster order. */
struct aimc_analog {
  /* Of aimc_analog_dma only, which begins with them: */
  struct aimc_dma* dma;
  const uint16_t* tile; /* [block_count], the blocks' */
  int32_t dma_rows;     /* output rows a descriptor: rows_of_a_descriptor(...) */
  int32_t dma_first;    /* blocks that begin with the layer: first_blocks(...) */

  int32_t block_count;
  struct aimc_window window;
  int32_t in_channels;
  int32_t out_channels;
  int32_t code_bytes;             /* 1 if the ADC has 8 bits or fewer, else 2 */
  const struct aimc_block* block; /* [block_count], by column range, then by row range */
  int32_t range_count;
  const struct aimc_range* range; /* [range_count] */
  const int32_t* bias;            /* pack_channels(bias, out_channels) */
  struct aimc_requant requant;
  const int32_t* columns;      /* pack_analog_columns(bias, requant, blocks), or 0 */
  const int8_t* pixel_columns; /* pack_pixel_columns(...) if pixels are finished one by one, or 0 */
  int32_t pixel_bytes;         /* code_bytes_of_a_pixel(block_columns, adc_bits) */
};

/* By programmed I/O and by the tiles' own DMA; _ref and _neon differ in the digital part.  A tile's
 * error ends the program with a message. */
AIMC_OPERATOR(aimc_analog_pio,
              (const struct aimc_analog* op, const int8_t* in, int8_t* out, void* scratch),
              (op, in, out, scratch))

AIMC_OPERATOR(aimc_analog_dma,
              (const struct aimc_analog* op, const int8_t* in, int8_t* out, void* scratch),
              (op, in, out, scratch))

/* By programmed I/O, for a dense layer of one range of columns, int8 codes and `columns`: faster
 * than aimc_analog_pio. */
AIMC_OPERATOR(aimc_analog_small_dense,
              (const struct aimc_analog* op, const int8_t* in, int8_t* out, void* scratch),
              (op, in, out, scratch))

#endif
