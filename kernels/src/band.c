#include "band.h"

#include "copy_ahead.h"

#define BAND_BYTES (128 << 10) /* harness/codegen/packing.py */

/* Input rows or columns that `count` outputs see. */
static int32_t span(int32_t count, int32_t stride, int32_t kernel, int32_t dilation) {
  return (count - 1) * stride + (kernel - 1) * dilation + 1;
}

static int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }

struct band band_plan(const struct aimc_window* w, int32_t pixel_bytes, int32_t chunks) {
  const int32_t width = span(w->out_w, w->stride_x, w->kernel_w, w->dilation_x);
  const int32_t height = span(w->out_h, w->stride_y, w->kernel_h, w->dilation_y);
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
  if (height * band.pitch * chunks > BAND_BYTES) {
    const int64_t spare =
        BAND_BYTES / (band.pitch * chunks) - span(1, 1, w->kernel_h, w->dilation_y);
    band.rows = spare < 0 ? 1 : (int32_t)(spare / w->stride_y) + 1;
    copied = span(band.rows, w->stride_y, w->kernel_h, w->dilation_y);
  }
  band.next_chunk = copied * band.pitch + band.left * band.pixel;
  band.bytes = chunks * band.next_chunk;
  return band;
}

/* One chunk of the rows [y, end) of the map. */
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
  const int32_t end = first + span(count, w->stride_y, w->kernel_h, w->dilation_y);
  for (int32_t i = 0; i < band->chunks; ++i) {
    copy_rows(band, in + i * band->chunk, first, end, scratch + i * band->next_chunk);
  }
  return scratch;
}
