/* The common part of int8 and fp32 convolutions. */
#ifndef AIMC_CONVOLVE_H
#define AIMC_CONVOLVE_H

#include <stdbool.h>
#include <stdint.h>

#include "aimc_layout.h"
#include "aimc_ops.h"
#include "band.h"

struct convolution {
  const struct aimc_window* window;
  int32_t size;        /* bytes of a value */
  int32_t in_channels; /* of all groups together, as the next */
  int32_t out_channels;
  int32_t groups;
  const int8_t* weight;
  const int32_t* bias;                /* or fp32 bits */
  const struct aimc_requant* requant; /* 0 for fp32 */
  float low;                          /* of fp32, as the next */
  float high;
};

/* The inputs of an output pixel are read in taps: runs of bytes that are contiguous in the map.
 * harness/codegen/packing.py packs weights in the order that the next three functions define. */

/* Number of chunks of the channels.  All taps of one chunk precede those of the next, so that a
 * chunk of a deep map fits the L1. */
static inline int32_t chunks_of(const struct convolution* op) {
  const int32_t pixel = op->in_channels * op->size;
  return op->groups == 1 && pixel % AIMC_CHUNK_BYTES == 0 ? pixel / AIMC_CHUNK_BYTES : 1;
}

/* Taps per kernel row and chunk: one, except where groups or dilation split the row.  Long rows are
 * split too, into taps whose weights gemm_multiply() can keep in the L1.  As these taps consist of
 * whole quads, the order of the weights is the same. */
static inline int32_t taps_in_row(const struct convolution* op) {
  const int32_t pixel = op->in_channels * op->size;
  const bool whole = op->groups == 1 && op->window->dilation_x == 1;
  const bool is_long = pixel >= AIMC_LONG_TAP && pixel % 4 == 0;
  return whole && !is_long ? 1 : op->window->kernel_w;
}

/* Whether the rows of a patch, which are shorter than a vector, are gathered into one tap. */
static inline bool gathers_patches(const struct convolution* op) {
  const struct aimc_window* w = op->window;
  return op->groups == 1 && w->dilation_x == 1 && w->kernel_h > 1 &&
         op->in_channels * op->size * w->kernel_w <= AIMC_PATCH_ROW;
}

/* Scratch that convolve() needs, at most, in bytes: pointers to rows, offsets of taps, the band,
 * unfinished sums, gathered patches. */
static inline int64_t convolve_scratch_bytes(const struct convolution* op) {
  const struct aimc_window* w = op->window;
  const int64_t pixel = (int64_t)op->in_channels * op->size;
  const int64_t patch = w->kernel_h * w->kernel_w * pixel;
  const int64_t taps = (int64_t)w->kernel_h * w->kernel_w * chunks_of(op);
  const int64_t pointers = AIMC_STRIP + 2 * AIMC_GEMM_ROWS + (taps + 1 + 7) / 8 * 8;
  const int64_t band = plan_band(w, (int32_t)pixel, 1).bytes;
  const bool may_gather = w->kernel_w * pixel <= AIMC_PATCH_ROW;
  const int64_t patches = may_gather ? AIMC_STRIP * ((patch + 15) / 16 * 16) + AIMC_SLACK : 0;
  return 8 * pointers + (band + AIMC_ALIGN - 1) / AIMC_ALIGN * AIMC_ALIGN + 4 * AIMC_GEMM_SUMS +
         patches;
}

void convolve(const struct convolution* op, const int8_t* in, int8_t* out, void* scratch);

#endif
