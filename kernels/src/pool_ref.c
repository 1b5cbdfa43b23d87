/* The definition of pooling. */
#include "aimc_ops.h"
#include "requantize.h"

void aimc_maxpool_ref(const struct aimc_maxpool* op, const int8_t* in, int8_t* out) {
  const struct aimc_window* w = &op->window;
  for (int32_t oy = 0; oy < w->out_h; ++oy) {
    for (int32_t ox = 0; ox < w->out_w; ++ox) {
      for (int32_t c = 0; c < op->channels; ++c) {
        int32_t best = -128;
        for (int32_t ky = 0; ky < w->kernel_h; ++ky) {
          const int32_t y = oy * w->stride_y - w->pad_top + ky;
          if (y < 0 || y >= w->in_h) continue;
          for (int32_t kx = 0; kx < w->kernel_w; ++kx) {
            const int32_t x = ox * w->stride_x - w->pad_left + kx;
            if (x < 0 || x >= w->in_w) continue;
            const int32_t value = in[((int64_t)y * w->in_w + x) * op->channels + c];
            if (value > best) best = value;
          }
        }
        *out++ = (int8_t)aimc_clamp(best, op->low, op->high);
      }
    }
  }
}

void aimc_avgpool_ref(const struct aimc_avgpool* op, const int8_t* in, int8_t* out) {
  const struct aimc_window* w = &op->window;
  for (int32_t oy = 0; oy < w->out_h; ++oy) {
    for (int32_t ox = 0; ox < w->out_w; ++ox) {
      for (int32_t c = 0; c < op->channels; ++c) {
        int32_t sum = 0;
        int32_t count = 0;
        for (int32_t ky = 0; ky < w->kernel_h; ++ky) {
          const int32_t y = oy * w->stride_y - w->pad_top + ky;
          if (y < 0 || y >= w->in_h) continue;
          for (int32_t kx = 0; kx < w->kernel_w; ++kx) {
            const int32_t x = ox * w->stride_x - w->pad_left + kx;
            if (x < 0 || x >= w->in_w) continue;
            sum += in[((int64_t)y * w->in_w + x) * op->channels + c];
            ++count;
          }
        }
        if (op->count_include_pad) count = w->kernel_h * w->kernel_w;
        *out++ = aimc_requantize(sum, op->multiplier[count], op->shift[count], op->low, op->high);
      }
    }
  }
}
