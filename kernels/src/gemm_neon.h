/* The register-tiled int8 matrix kernel under convolutions and dense layers.
 *
 * A tile is up to 8 rows (output pixels) by PANEL columns (output channels).  Row r's vector is
 * made of `taps` segments of `depth` int8 values; segment t starts at
 * rows[t * TILE_ROWS + r].  Weights are one panel of pack_conv_weight
 * (harness/codegen/packing.py).
 */
#ifndef AIMC_GEMM_NEON_H
#define AIMC_GEMM_NEON_H

#include <stdint.h>

#include "aimc_ops.h"

#define PANEL 8
#define STRIP 64 /* output pixels whose row pointers are made at once */
#define TILE_ROWS 8

struct gemm_segment {
  int32_t taps;
  int32_t depth;
};

static inline int64_t panel_bytes(struct gemm_segment k) {
  return (int64_t)k.taps * ((k.depth + 3) / 4 * 4) * PANEL;
}

/* Computes `row_count` (at most TILE_ROWS) rows of `columns` (at most PANEL) outputs, to
 * out + r * out_stride.  One entry of TILE_ROWS pointers after the last tap is read, and one
 * vector from each. */
void gemm_tile(const int8_t* const* rows, struct gemm_segment k, const int8_t* weight,
               const int32_t* bias, const struct aimc_requant* requant, int32_t channel,
               int8_t* out, int64_t out_stride, int32_t row_count, int32_t columns);

#endif
