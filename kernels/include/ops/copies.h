#ifndef AIMC_OPS_COPIES_H
#define AIMC_OPS_COPIES_H

#include "aimc_kernel.h"
#include "ops/analog.h"

/* A rectangle of output pixels. */
struct aimc_share {
  int32_t oy;
  int32_t ox;
  int32_t rows;
  int32_t columns;
};

/* An analog layer whose matrix several copies hold, which share its output pixels.  They differ in
 * their tiles, which are as many apart for all blocks of two copies, and in nothing else.
 * By programmed I/O pixels take turns: copy k makes pixels k, k + count, ...  By DMA copy k makes
 * share[k], which has no fewer pixels than share[k + 1]; the copies' windows have the output size
 * of share[0]. */
struct aimc_copies {
  int32_t count;
  int32_t together; /* pixels whose codes lie side by side by DMA: pixels_side_by_side(...) */
  const struct aimc_analog* copy; /* [count] */
  const struct aimc_share* share; /* [count], or 0 */
  const int32_t* columns;         /* pack_analog_columns(...) of `together` pixels, or 0 */
};

AIMC_OPERATOR(aimc_copies_pio,
              (const struct aimc_copies* op, const int8_t* in, int8_t* out, void* scratch),
              (op, in, out, scratch))

AIMC_OPERATOR(aimc_copies_dma,
              (const struct aimc_copies* op, const int8_t* in, int8_t* out, void* scratch),
              (op, in, out, scratch))

#endif
