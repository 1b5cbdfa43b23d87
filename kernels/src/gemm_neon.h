/* The register-tiled int8 matrix kernel under convolutions and dense layers.
 *
 * A tile is TILE_ROWS rows (output pixels) by PANEL columns (output channels).  A row's vector is
 * made of `taps` segments of `depth` int8 values; segment t of a tile's row r starts at
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

/* One panel's part of a product. */
struct gemm_panel {
  struct gemm_segment k;
  const int8_t* weight;
  const int32_t* bias; /* of the panel's first channel, as are the next two */
  const int32_t* multiplier;
  const int32_t* shift;
  int32_t low;
  int32_t high;
  int64_t out_stride; /* from one row of the output to the next */
  int32_t columns;    /* at most PANEL */
};

/* Computes `row_count` rows of the panel's outputs.  The row pointers of each TILE_ROWS rows stand
 * together; those of the last tile are padded to TILE_ROWS.  One more tap of pointers is read, and
 * one vector from each. */
void gemm_panel(const struct gemm_panel* panel, const int8_t* const* rows, int8_t* out,
                int32_t row_count);

#endif
