/* The rows of a map that a range of output rows sees, with their padding.
 *
 * Where a window reaches beyond the map, bands of the map are copied between zeros, so that every
 * tap is at the same distance from an output pixel's first input; else the map is read in place.
 */
#ifndef AIMC_BAND_H
#define AIMC_BAND_H

#include <stdbool.h>
#include <stdint.h>

#include "aimc_ops.h"

struct band {
  const struct aimc_window* window;
  int64_t pixel; /* bytes of a pixel */
  int64_t pitch; /* bytes from one row to the next */
  int32_t width; /* pixels of a row that windows see */
  int32_t rows;  /* output rows a band, at most */
  bool in_place;
};

/* conv_band_rows of harness/codegen/packing.py */
struct band band_plan(const struct aimc_window* window, int32_t channels);

/* The first input of output row `oy`, the first of `count`; a copy is made to `scratch`. */
const int8_t* band_rows(const struct band* band, const int8_t* in, int32_t oy, int32_t count,
                        int8_t* scratch);

#endif
