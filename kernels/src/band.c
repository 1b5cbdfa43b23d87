#include "band.h"

#include "copy_ahead.h"

struct band band_plan(const struct aimc_window* window, int32_t pixel_bytes, int32_t chunks) {
  return plan_band(window, pixel_bytes, chunks);
}

/* Copies one chunk of the rows [y, end) of the map, with zeros outside the map. */
static void copy_rows(const struct band* band, const int8_t* in, int32_t y, int32_t end,
                      int8_t* to) {
  const int64_t line = band->window->in_w * band->source_pixel;
  const int64_t left = band->left * band->pixel;
  const int64_t middle = band->width * band->pixel;
  for (; y < end; ++y, to += band->pitch) {
    if (y < 0 || y >= band->window->in_h) {
      clear_ahead(to, band->pitch);
      continue;
    }
    const int8_t* from = in + y * line;
    clear_ahead(to, left);
    if (band->chunks == 1) {
      copy_ahead(to + left, from, middle);
    } else {
      for (int32_t x = 0; x < band->width; ++x, from += band->source_pixel) {
        copy_ahead(to + left + x * band->pixel, from, band->pixel);
      }
    }
    clear_ahead(to + left + middle, band->pitch - left - middle);
  }
  clear_ahead(to, left); /* right of the last row */
}

const int8_t* band_rows(const struct band* band, const int8_t* in, int32_t oy, int32_t count,
                        int8_t* scratch) {
  const struct aimc_window* w = band->window;
  const int32_t first = oy * w->stride_y - w->pad_top;
  if (band->bytes == 0) return in + first * band->pitch;
  const int32_t end = first + band_span(count, w->stride_y, w->kernel_h, w->dilation_y);
  for (int32_t i = 0; i < band->chunks; ++i) {
    copy_rows(band, in + i * band->chunk, first, end, scratch + i * band->next_chunk);
  }
  return scratch;
}
