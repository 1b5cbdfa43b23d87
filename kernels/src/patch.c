#include "patch.h"

#include "copy_ahead.h"

void gather_patches(const struct aimc_window* window, int32_t in_channels, int32_t channels,
                    const int8_t* in, int64_t first, int32_t count, int8_t* patches,
                    int64_t stride) {
  const struct aimc_window w = *window;
  const int32_t row_bytes = w.kernel_w * channels;
  const int32_t span = (w.kernel_w - 1) * w.dilation_x;
  /* Taps of one kernel row lie side by side in memory. */
  const int adjacent = w.dilation_x == 1 && channels == in_channels;
  int32_t oy = (int32_t)(first / w.out_w);
  int32_t ox = (int32_t)(first % w.out_w);
  for (int32_t i = 0; i < count; ++i, patches += stride) {
    const int32_t left = ox * w.stride_x - w.pad_left;
    int32_t y = oy * w.stride_y - w.pad_top;
    int8_t* to = patches;
    for (int32_t ky = 0; ky < w.kernel_h; ++ky, y += w.dilation_y) {
      const int8_t* line = in + (int64_t)y * w.in_w * in_channels;
      if (y < 0 || y >= w.in_h) {
        clear_ahead(to, row_bytes);
        to += row_bytes;
      } else if (adjacent && left >= 0 && left + span < w.in_w) {
        copy_ahead(to, line + (int64_t)left * in_channels, row_bytes);
        to += row_bytes;
      } else {
        int32_t x = left;
        for (int32_t kx = 0; kx < w.kernel_w; ++kx, x += w.dilation_x, to += channels) {
          if (x < 0 || x >= w.in_w) {
            clear_ahead(to, channels);
          } else {
            copy_ahead(to, line + (int64_t)x * in_channels, channels);
          }
        }
      }
    }
    if (++ox == w.out_w) {
      ox = 0;
      ++oy;
    }
  }
}
