/* What the analog drivers share: where codes lie, and what becomes of them. */
#ifndef AIMC_ANALOG_H
#define AIMC_ANALOG_H

#include <stdint.h>

#include "aimc_ops.h"

/* Codes of an output pixel, `pixel_bytes` of the layer: each block's in order, padded to
 * code_stride() bytes: an odd number of cache lines, so that blocks do not fall into the same sets
 * of a cache. */
static inline int32_t code_stride(const struct aimc_analog* op, const struct aimc_block* block) {
  const int32_t lines = (block->columns * op->code_bytes + AIMC_ALIGN - 1) / AIMC_ALIGN;
  return (lines | 1) * AIMC_ALIGN;
}

/* Of `columns` of the layer, a column. */
#define ANALOG_COLUMN_BYTES 12

/* Adds up the row blocks' codes and requantizes, for `pixels` pixels from `out` on. */
typedef void analog_finish(const struct aimc_analog* op, const int8_t* codes, int32_t pixels,
                           int8_t* out);

analog_finish analog_finish_ref;
analog_finish analog_finish_neon;

#endif
