/* What the analog drivers share: what becomes of codes. */
#ifndef AIMC_ANALOG_H
#define AIMC_ANALOG_H

#include <stdint.h>

#include "aimc_ops.h"

/* Of `columns` of the layer, a column. */
#define ANALOG_COLUMN_BYTES 12

/* Codes lie range by range, so that what is worked on at once does not fall into the same sets of a
 * cache: of each range first all blocks' codes of a pixel, then those of the next.  This is the way
 * from one pixel to the next. */
static inline int64_t pixel_stride(const struct aimc_range* range) {
  return (int64_t)range->blocks * range->step;
}

/* Of room for `pixels` pixels of all ranges, where a range's begins. */
static inline int64_t range_codes(const struct aimc_range* range, int64_t pixels) {
  return range->codes * pixels;
}

/* Adds up the codes of a range's blocks, from `codes` on, and requantizes, for `pixels` pixels.
 * `out` is the first pixel's, of all columns; `next` are the codes that are read afterwards. */
typedef void analog_finish(const struct aimc_analog* op, const struct aimc_range* range,
                           const int8_t* codes, const int8_t* next, int32_t pixels, int8_t* out);

analog_finish analog_finish_ref;
analog_finish analog_finish_neon;

#endif
