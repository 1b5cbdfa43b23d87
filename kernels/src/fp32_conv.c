/* fp32 convolutions: as in int8, and depthwise four channels at a time. */
#include "aimc_fp32_ops.h"
#include "band.h"
#include "convolve.h"
#include "fp32.h"

void aimc_conv_fp32(const struct aimc_conv_fp32* op, const float* in, float* out, void* scratch) {
  const struct convolution convolution = {
      .window = &op->window,
      .size = sizeof(float),
      .in_channels = op->in_channels,
      .out_channels = op->out_channels,
      .groups = op->groups,
      .weight = (const int8_t*)op->weight,
      .bias = (const int32_t*)(const void*)op->bias,
      .low = op->low,
      .high = op->high,
  };
  convolve(&convolution, (const int8_t*)in, (int8_t*)out, scratch);
}

/* One output row of a band; `top` is the row's first input. */
static void depthwise_row(const struct aimc_depthwise_fp32* op, const struct band* band,
                          const int8_t* top, float* out) {
  const struct aimc_window* w = &op->window;
  const int32_t padded = (op->channels + 3) / 4 * 4;
  for (int32_t ox = 0; ox < w->out_w; ++ox, out += op->channels) {
    for (int32_t c = 0; c < op->channels; c += 4) {
      const float* weight = op->weight + c;
      float32x4_t sum = vld1q_f32(op->bias + c);
      const int8_t* line = top + ox * w->stride_x * band->pixel + c * (int64_t)sizeof(float);
      for (int32_t ky = 0; ky < w->kernel_h; ++ky, line += w->dilation_y * band->pitch) {
        const int8_t* at = line;
        for (int32_t kx = 0; kx < w->kernel_w; ++kx, weight += padded) {
          sum = vfmaq_f32(sum, vld1q_f32((const float*)(const void*)at), vld1q_f32(weight));
          at += w->dilation_x * band->pixel;
        }
      }
      store_floats(out + c, clamp4(sum, op->low, op->high), op->channels - c);
    }
  }
}

void aimc_depthwise_fp32(const struct aimc_depthwise_fp32* op, const float* in, float* out,
                         void* scratch) {
  const struct aimc_window* w = &op->window;
  const struct band band = band_plan(w, op->channels * (int32_t)sizeof(float), 1);
  for (int32_t oy = 0; oy < w->out_h; oy += band.rows) {
    const int32_t rows = w->out_h - oy < band.rows ? w->out_h - oy : band.rows;
    const int8_t* top = band_rows(&band, (const int8_t*)in, oy, rows, scratch);
    for (int32_t row = 0; row < rows; ++row) {
      depthwise_row(op, &band, top + row * w->stride_y * band.pitch, out);
      out += (int64_t)w->out_w * op->channels;
    }
  }
}
