/* The rows of a map that a range of output rows reads, with their padding.
 *
 * Where a window reaches beyond the map, bands of the map are copied between zeros, so that every
 * tap is at a fixed distance from an output pixel's first input.  Otherwise the map is read in
 * place.  The zeros right of a row are also the zeros left of the next.  A copy has one chunk of
 * channels after the other, so that data used together are adjacent.
 */
#ifndef AIMC_BAND_H
#define AIMC_BAND_H

#include <stdint.h>

#include "aimc_layout.h"
#include "aimc_window.h"

struct band {
  const struct aimc_window* window;
  int64_t source_pixel; /* bytes of a pixel of the map */
  int64_t chunk;        /* bytes of one chunk of a pixel */
  int64_t pixel;        /* bytes from one pixel to the next */
  int64_t pitch;        /* bytes from one row to the next */
  int64_t next_chunk;   /* bytes from one chunk to the next */
  int64_t bytes;        /* of the copy, at most; 0: in place */
  int32_t chunks;
  int32_t left;  /* pixels of zeros left of a row */
  int32_t width; /* pixels of a row that are copied */
  int32_t rows;  /* output rows per band, at most */
};

/* Input rows or columns that `count` outputs read. */
static inline int32_t band_span(int32_t count, int32_t stride, int32_t kernel, int32_t dilation) {
  return (count - 1) * stride + (kernel - 1) * dilation + 1;
}

static inline int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }

/* The band of a map of `pixel_bytes` per pixel, whose channels are read in `chunks` chunks. */
static inline __attribute__((always_inline)) struct band plan_band(const struct aimc_window* w,
                                                                   int32_t pixel_bytes,
                                                                   int32_t chunks) {
  const int32_t width = band_span(w->out_w, w->stride_x, w->kernel_w, w->dilation_x);
  const int32_t height = band_span(w->out_h, w->stride_y, w->kernel_h, w->dilation_y);
  struct band band = {
      .window = w,
      .source_pixel = pixel_bytes,
      .chunk = pixel_bytes / chunks,
      .chunks = chunks,
      .rows = w->out_h,
  };
  if (w->pad_top == 0 && w->pad_left == 0 && height <= w->in_h && width <= w->in_w) {
    band.pixel = pixel_bytes;
    band.pitch = (int64_t)w->in_w * pixel_bytes;
    band.next_chunk = band.chunk;
    return band;
  }
  band.left = smaller(w->pad_left, width);
  band.width = smaller(width - band.left, w->in_w);
  band.pixel = band.chunk;
  const int32_t right = width - band.left - band.width;
  band.pitch = (width - smaller(band.left, right)) * band.pixel;
  int32_t copied = height;
  if (height * band.pitch * chunks > AIMC_BAND_BYTES) {
    const int64_t spare =
        AIMC_BAND_BYTES / (band.pitch * chunks) - band_span(1, 1, w->kernel_h, w->dilation_y);
    band.rows = spare < 0 ? 1 : (int32_t)(spare / w->stride_y) + 1;
    copied = band_span(band.rows, w->stride_y, w->kernel_h, w->dilation_y);
  }
  band.next_chunk = copied * band.pitch + band.left * band.pixel;
  band.bytes = chunks * band.next_chunk;
  return band;
}

/* plan_band(), once in a program. */
struct band band_plan(const struct aimc_window* window, int32_t pixel_bytes, int32_t chunks);

/* Returns the first input of output row `oy`, for `count` rows from there on.  Copies the band to
 * `scratch` where the window reaches beyond the map. */
const int8_t* band_rows(const struct band* band, const int8_t* in, int32_t oy, int32_t count,
                        int8_t* scratch);

#endif
