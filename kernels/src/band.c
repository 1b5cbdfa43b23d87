#include "band.h"

#include "copy_ahead.h"

#define BAND_BYTES (128 << 10) /* harness/codegen/packing.py */

/* Input rows or columns that `count` outputs see. */
static int32_t span(int32_t count, int32_t stride, int32_t kernel, int32_t dilation) {
  return (count - 1) * stride + (kernel - 1) * dilation + 1;
}

static int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }

struct band band_plan(const struct aimc_window* w, int32_t pixel_bytes) {
  const int32_t width = span(w->out_w, w->stride_x, w->kernel_w, w->dilation_x);
  const int32_t height = span(w->out_h, w->stride_y, w->kernel_h, w->dilation_y);
  struct band band = {.window = w, .pixel = pixel_bytes, .rows = w->out_h};
  if (w->pad_top == 0 && w->pad_left == 0 && height <= w->in_h && width <= w->in_w) {
    band.pitch = (int64_t)w->in_w * pixel_bytes;
    return band;
  }
  const int32_t left = smaller(w->pad_left, width);
  const int32_t middle = smaller(width - left, w->in_w);
  const int32_t right = width - left - middle;
  band.left = (int64_t)left * pixel_bytes;
  band.row = (int64_t)middle * pixel_bytes;
  band.pitch = (int64_t)(width - smaller(left, right)) * pixel_bytes;
  int32_t copied = height;
  if (height * band.pitch > BAND_BYTES) {
    const int64_t spare = BAND_BYTES / band.pitch - span(1, 1, w->kernel_h, w->dilation_y);
    band.rows = spare < 0 ? 1 : (int32_t)(spare / w->stride_y) + 1;
    copied = span(band.rows, w->stride_y, w->kernel_h, w->dilation_y);
  }
  band.bytes = copied * band.pitch + band.left;
  return band;
}

const int8_t* band_rows(const struct band* band, const int8_t* in, int32_t oy, int32_t count,
                        int8_t* scratch) {
  const struct aimc_window* w = band->window;
  const int32_t first = oy * w->stride_y - w->pad_top;
  const int64_t line = w->in_w * band->pixel;
  if (band->bytes == 0) return in + first * line;
  const int32_t end = first + span(count, w->stride_y, w->kernel_h, w->dilation_y);
  int8_t* to = scratch;
  for (int32_t y = first; y < end; ++y, to += band->pitch) {
    if (y < 0 || y >= w->in_h) {
      clear_ahead(to, band->pitch);
      continue;
    }
    clear_ahead(to, band->left);
    copy_ahead(to + band->left, in + y * line, band->row);
    clear_ahead(to + band->left + band->row, band->pitch - band->left - band->row);
  }
  clear_ahead(to, band->left); /* right of the last row */
  return scratch;
}
