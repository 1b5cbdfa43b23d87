#include "band.h"

#include "copy_ahead.h"

#define BAND_BYTES (128 << 10) /* harness/codegen/packing.py */

/* Input rows or columns that `count` outputs see. */
static int32_t span(int32_t count, int32_t stride, int32_t kernel, int32_t dilation) {
  return (count - 1) * stride + (kernel - 1) * dilation + 1;
}

struct band band_plan(const struct aimc_window* w, int32_t channels) {
  const int32_t width = span(w->out_w, w->stride_x, w->kernel_w, w->dilation_x);
  const int32_t height = span(w->out_h, w->stride_y, w->kernel_h, w->dilation_y);
  struct band band = {w, channels, (int64_t)width * channels, width, w->out_h, false};
  if (w->pad_top == 0 && w->pad_left == 0 && height <= w->in_h && width <= w->in_w) {
    band.in_place = true;
    band.pitch = (int64_t)w->in_w * channels;
  } else if (height * band.pitch > BAND_BYTES) {
    const int64_t fit = BAND_BYTES / band.pitch - span(1, 1, w->kernel_h, w->dilation_y);
    band.rows = fit < 0 ? 1 : (int32_t)(fit / w->stride_y) + 1;
  }
  return band;
}

const int8_t* band_rows(const struct band* band, const int8_t* in, int32_t oy, int32_t count,
                        int8_t* scratch) {
  const struct aimc_window* w = band->window;
  const int32_t first = oy * w->stride_y - w->pad_top;
  if (band->in_place) return in + first * band->pitch;
  const int32_t rows = span(count, w->stride_y, w->kernel_h, w->dilation_y);
  const int64_t left = w->pad_left < band->width ? w->pad_left * band->pixel : band->pitch;
  const int64_t rest = band->pitch - left;
  const int64_t line = w->in_w * band->pixel;
  const int64_t middle = rest < line ? rest : line;
  int8_t* to = scratch;
  for (int32_t y = first; y < first + rows; ++y, to += band->pitch) {
    if (y < 0 || y >= w->in_h) {
      clear_ahead(to, band->pitch);
      continue;
    }
    clear_ahead(to, left);
    copy_ahead(to + left, in + y * line, middle);
    clear_ahead(to + left + middle, rest - middle);
  }
  return scratch;
}
