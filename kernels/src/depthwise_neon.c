/* Depthwise convolution: 16 channels at a time, four taps to a dot product. */
#include <arm_neon.h>

#include "aimc_ops.h"
#include "requantize_neon.h"

/* Four taps of 16 channels, transposed so that the taps of a channel lie side by side. */
static inline int8x16x4_t interleave(const int8_t* const* taps, int64_t channel) {
  const int8x16_t a = vld1q_s8(taps[0] + channel);
  const int8x16_t b = vld1q_s8(taps[1] + channel);
  const int8x16_t c = vld1q_s8(taps[2] + channel);
  const int8x16_t d = vld1q_s8(taps[3] + channel);
  const int16x8_t ab_low = vreinterpretq_s16_s8(vzip1q_s8(a, b));
  const int16x8_t ab_high = vreinterpretq_s16_s8(vzip2q_s8(a, b));
  const int16x8_t cd_low = vreinterpretq_s16_s8(vzip1q_s8(c, d));
  const int16x8_t cd_high = vreinterpretq_s16_s8(vzip2q_s8(c, d));
  return (int8x16x4_t){{
      vreinterpretq_s8_s16(vzip1q_s16(ab_low, cd_low)),
      vreinterpretq_s8_s16(vzip2q_s16(ab_low, cd_low)),
      vreinterpretq_s8_s16(vzip1q_s16(ab_high, cd_high)),
      vreinterpretq_s8_s16(vzip2q_s16(ab_high, cd_high)),
  }};
}

void aimc_depthwise_neon(const struct aimc_depthwise* op, const int8_t* in, int8_t* out,
                         void* scratch) {
  const struct aimc_window w = op->window;
  const int32_t channels = op->channels;
  const int32_t quads = (w.kernel_h * w.kernel_w + 3) / 4;
  int8_t* zeros = scratch;
  const int64_t zero_bytes = ((int64_t)channels + 32 + AIMC_ALIGN - 1) / AIMC_ALIGN * AIMC_ALIGN;
  const int8_t** taps = (const int8_t**)(zeros + zero_bytes);
  for (int64_t i = 0; i < zero_bytes; i += 16) vst1q_s8(zeros + i, vdupq_n_s8(0));
  for (int32_t i = 0; i < quads * 4; ++i) taps[i] = zeros;

  const int8x16_t low = vdupq_n_s8((int8_t)op->requant.low);
  const int8x16_t high = vdupq_n_s8((int8_t)op->requant.high);
  for (int32_t oy = 0; oy < w.out_h; ++oy) {
    for (int32_t ox = 0; ox < w.out_w; ++ox, out += channels) {
      const int8_t** tap = taps;
      int32_t y = oy * w.stride_y - w.pad_top;
      for (int32_t ky = 0; ky < w.kernel_h; ++ky, y += w.dilation_y) {
        int32_t x = ox * w.stride_x - w.pad_left;
        for (int32_t kx = 0; kx < w.kernel_w; ++kx, x += w.dilation_x) {
          *tap++ = y >= 0 && y < w.in_h && x >= 0 && x < w.in_w
                       ? in + ((int64_t)y * w.in_w + x) * channels
                       : zeros;
        }
      }
      const int8_t* weight = op->weight;
      for (int32_t c = 0; c < channels; c += 16) {
        int32x4_t acc[4];
        for (int i = 0; i < 4; ++i) acc[i] = vld1q_s32(op->bias + c + 4 * i);
        for (int32_t quad = 0; quad < quads; ++quad, weight += 64) {
          const int8x16x4_t x4 = interleave(taps + (int64_t)quad * 4, c);
          for (int i = 0; i < 4; ++i) {
            acc[i] = vdotq_s32(acc[i], vld1q_s8(weight + 16 * i), x4.val[i]);
          }
        }
        for (int i = 0; i < 4; ++i) {
          acc[i] = requant4_apply(acc[i], requant4_load(&op->requant, c + 4 * i));
        }
        store_first(out + c, narrow16(acc[0], acc[1], acc[2], acc[3], low, high), channels - c);
      }
    }
  }
}
