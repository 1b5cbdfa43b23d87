/* Matrix products in register tiles, under convolutions, in int8 and in fp32.
 *
 * A tile is AIMC_GEMM_ROWS rows (output pixels) by AIMC_PANEL columns (output channels).  A row's
 * inputs are `taps` segments of `depth` bytes; segment t of row r starts tap[t] bytes after
 * rows[r].  Weights are panels of pack_conv_weight (harness/codegen/packing.py).
 */
#ifndef AIMC_GEMM_NEON_H
#define AIMC_GEMM_NEON_H

#include <stdint.h>

#include "aimc_layout.h"
#include "aimc_ops.h"

struct gemm {
  int32_t taps;
  int32_t depth;
  const int64_t* tap; /* [taps + 1]: the last is the first again */
  const int8_t* weight;
  const int32_t* bias;                /* [columns], or fp32 bits */
  const struct aimc_requant* requant; /* of all columns; 0 for fp32 */
  int32_t first_column;               /* of requant's, and only of these */
  float low;                          /* of fp32, as is the next */
  float high;
  int32_t columns;
  int64_t out_stride; /* bytes from one row of the output to the next */
  int32_t* sums;      /* scratch, [AIMC_GEMM_SUMS] */
};

/* Bytes of one panel's weights. */
static inline int64_t gemm_panel_bytes(int32_t taps, int32_t depth) {
  return (int64_t)taps * ((depth + 3) / 4 * 4) * AIMC_PANEL;
}

/* Computes all columns of `row_count` rows, at most AIMC_STRIP.  Pointers follow to a multiple of
 * AIMC_GEMM_ROWS, for padding, and then the first AIMC_GEMM_ROWS again.  At the end of a segment up
 * to 31 bytes more are read. */
void gemm_multiply(const struct gemm* gemm, const int8_t* const* rows, int32_t row_count,
                   int8_t* out);

#endif
