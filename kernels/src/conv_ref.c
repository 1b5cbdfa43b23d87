/* The definitions of convolution, depthwise convolution and fully connected layers. */
#include "aimc_ops.h"
#include "requantize.h"

void aimc_conv_ref(const struct aimc_conv* op, const int8_t* in, int8_t* out, void* scratch) {
  (void)scratch;
  const struct aimc_window* w = &op->window;
  const int32_t in_group = op->in_channels / op->groups;
  const int32_t out_group = op->out_channels / op->groups;
  for (int32_t oy = 0; oy < w->out_h; ++oy) {
    for (int32_t ox = 0; ox < w->out_w; ++ox) {
      for (int32_t n = 0; n < op->out_channels; ++n) {
        const int8_t* weight = op->weight + (int64_t)n * w->kernel_h * w->kernel_w * in_group;
        const int8_t* channels = in + n / out_group * in_group;
        int32_t acc = op->bias[n];
        for (int32_t ky = 0; ky < w->kernel_h; ++ky) {
          const int32_t y = oy * w->stride_y - w->pad_top + ky * w->dilation_y;
          if (y < 0 || y >= w->in_h) continue;
          for (int32_t kx = 0; kx < w->kernel_w; ++kx) {
            const int32_t x = ox * w->stride_x - w->pad_left + kx * w->dilation_x;
            if (x < 0 || x >= w->in_w) continue;
            for (int32_t c = 0; c < in_group; ++c) {
              acc += channels[((int64_t)y * w->in_w + x) * op->in_channels + c] *
                     weight[(ky * w->kernel_w + kx) * in_group + c];
            }
          }
        }
        *out++ = aimc_requantize(acc, op->requant.multiplier[n], op->requant.shift[n],
                                 op->requant.low, op->requant.high);
      }
    }
  }
}

void aimc_depthwise_ref(const struct aimc_depthwise* op, const int8_t* in, int8_t* out,
                        void* scratch) {
  const struct aimc_conv conv = {
      .window = op->window,
      .in_channels = op->channels,
      .out_channels = op->channels,
      .groups = op->channels,
      .weight = op->weight,
      .bias = op->bias,
      .requant = op->requant,
  };
  aimc_conv_ref(&conv, in, out, scratch);
}

void aimc_dense_ref(const struct aimc_dense* op, const int8_t* in, int8_t* out) {
  for (int32_t n = 0; n < op->out_features; ++n) {
    const int8_t* weight = op->weight + (int64_t)n * op->in_features;
    int32_t acc = op->bias[n];
    for (int32_t k = 0; k < op->in_features; ++k) acc += in[k] * weight[k];
    out[n] = aimc_requantize(acc, op->requant.multiplier[n], op->requant.shift[n], op->requant.low,
                             op->requant.high);
  }
}
