/* The rows of a map that a range of output rows sees, with their padding.
 *
 * Where a window reaches beyond the map, bands of the map are copied between zeros, so that every
 * tap is at a fixed distance from an output pixel's first input.  Otherwise the map is read in
 * place.  The zeros right of a row are also the zeros left of the next.  A copy has one chunk of
 * channels after the other, so that data used together are adjacent.
 */
#ifndef AIMC_BAND_H
#define AIMC_BAND_H

#include <stdint.h>

#include "aimc_ops.h"

struct band {
  const struct aimc_window* window;
  int64_t source_pixel; /* bytes of a pixel of the map */
  int64_t chunk;        /* bytes of one chunk of it */
  int64_t pixel;        /* bytes from one pixel to the next */
  int64_t pitch;        /* bytes from one row to the next */
  int64_t next_chunk;   /* bytes from one chunk to the next */
  int64_t bytes;        /* of the copy, at most; 0: in place */
  int32_t chunks;
  int32_t left;  /* pixels of zeros left of a row */
  int32_t width; /* pixels of a row that are copied */
  int32_t rows;  /* output rows per band, at most */
};

/* band_bytes of harness/codegen/packing.py */
struct band band_plan(const struct aimc_window* window, int32_t pixel_bytes, int32_t chunks);

/* Returns the first input of output row `oy`, the first of `count`; may copy to `scratch`. */
const int8_t* band_rows(const struct band* band, const int8_t* in, int32_t oy, int32_t count,
                        int8_t* scratch);

#endif
