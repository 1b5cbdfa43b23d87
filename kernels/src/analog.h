/* Finishing of codes, shared by the analog drivers. */
#ifndef AIMC_ANALOG_H
#define AIMC_ANALOG_H

#include <stdint.h>

#include "aimc_ops.h"

/* Bytes of `columns` per column of the layer. */
#define ANALOG_COLUMN_BYTES 12

/* Codes are ordered by range, so that codes that are used together do not conflict in the sets of a
 * cache.  A range has all blocks' codes of one pixel, then of the next.  Returns the bytes from one
 * pixel to the next. */
static inline int64_t pixel_stride(const struct aimc_range* range) {
  return (int64_t)range->blocks * range->step;
}

/* Start of a range's codes in a buffer for `pixels` pixels of all ranges. */
static inline int64_t range_codes(const struct aimc_range* range, int64_t pixels) {
  return range->codes * pixels;
}

/* Adds up the codes of a range's blocks, from `codes` on, and requantizes, for `pixels` pixels.
 * `out` is the first pixel's first column; `next` are the codes that are read afterwards. */
typedef void analog_finish(const struct aimc_analog* op, const struct aimc_range* range,
                           const int8_t* codes, const int8_t* next, int32_t pixels, int8_t* out);

analog_finish analog_finish_ref;
analog_finish analog_finish_neon;

#endif
