/* Operators without weights, 16 elements at a time. */
#include <arm_neon.h>

#include "aimc_ops.h"
#include "requantize_neon.h"

void aimc_add_neon(const struct aimc_add* op, const int8_t* a, const int8_t* b, int8_t* out) {
  const int16x8_t by_a = vdupq_n_s16((int16_t)op->multiplier_a);
  const int16x8_t by_b = vdupq_n_s16((int16_t)op->multiplier_b);
  const int32x4_t right = vdupq_n_s32(-op->shift);
  const int8x16_t low = vdupq_n_s8((int8_t)op->low);
  const int8x16_t high = vdupq_n_s8((int8_t)op->high);
  for (int32_t i = 0; i < op->count; i += 16) {
    const int8x16_t x = vld1q_s8(a + i);
    const int8x16_t y = vld1q_s8(b + i);
    int32x4_t sum[4];
    for (int half = 0; half < 2; ++half) {
      const int16x8_t x8 = half ? vmovl_high_s8(x) : vmovl_s8(vget_low_s8(x));
      const int16x8_t y8 = half ? vmovl_high_s8(y) : vmovl_s8(vget_low_s8(y));
      const int32x4_t first = vmull_s16(vget_low_s16(x8), vget_low_s16(by_a));
      const int32x4_t second = vmull_high_s16(x8, by_a);
      sum[2 * half] = vrshlq_s32(vmlal_s16(first, vget_low_s16(y8), vget_low_s16(by_b)), right);
      sum[2 * half + 1] = vrshlq_s32(vmlal_high_s16(second, y8, by_b), right);
    }
    store_first(out + i, narrow16(sum[0], sum[1], sum[2], sum[3], low, high), op->count - i);
  }
}

/* One input's channels of all pixels, to their place in the output. */
static void concat_input(const struct aimc_concat_input* input, int32_t pixels, const int8_t* in,
                         int8_t* out, int64_t out_stride) {
  const struct requant4 requant =
      requant4_make(vdupq_n_s32(input->multiplier), vdupq_n_s32(input->shift));
  const int8x16_t low = vdupq_n_s8((int8_t)input->low);
  const int8x16_t high = vdupq_n_s8((int8_t)input->high);
  for (int32_t pixel = 0; pixel < pixels; ++pixel, in += input->channels, out += out_stride) {
    for (int32_t c = 0; c < input->channels; c += 16) {
      int8x16_t value = vld1q_s8(in + c);
      if (input->multiplier) {
        const int16x8_t first = vmovl_s8(vget_low_s8(value));
        const int16x8_t second = vmovl_high_s8(value);
        value = narrow16(requant4_apply(vmovl_s16(vget_low_s16(first)), requant),
                         requant4_apply(vmovl_high_s16(first), requant),
                         requant4_apply(vmovl_s16(vget_low_s16(second)), requant),
                         requant4_apply(vmovl_high_s16(second), requant), low, high);
      }
      store_first(out + c, value, input->channels - c);
    }
  }
}

void aimc_concat_neon(const struct aimc_concat* op, const int8_t* const* in, int8_t* out) {
  int64_t out_stride = 0;
  for (int32_t i = 0; i < op->inputs; ++i) out_stride += op->input[i].channels;
  for (int32_t i = 0; i < op->inputs; ++i) {
    concat_input(&op->input[i], op->pixels, in[i], out, out_stride);
    out += op->input[i].channels;
  }
}

void aimc_clip_neon(const struct aimc_clip* op, const int8_t* in, int8_t* out) {
  const int8x16_t low = vdupq_n_s8((int8_t)op->low);
  const int8x16_t high = vdupq_n_s8((int8_t)op->high);
  for (int32_t i = 0; i < op->count; i += 16) {
    store_first(out + i, vminq_s8(vmaxq_s8(vld1q_s8(in + i), low), high), op->count - i);
  }
}

void aimc_softmax_neon(const struct aimc_softmax* op, const int8_t* in, int8_t* out) {
  int8x16_t best = vdupq_n_s8(-128);
  int32_t i = 0;
  for (; i + 16 <= op->count; i += 16) best = vmaxq_s8(best, vld1q_s8(in + i));
  int32_t largest = vmaxvq_s8(best);
  for (; i < op->count; ++i) {
    if (in[i] > largest) largest = in[i];
  }
  uint32_t sum = 0;
  for (i = 0; i < op->count; ++i) sum += op->table[largest - in[i]];
  for (i = 0; i < op->count; ++i) {
    const uint64_t scaled = 256u * (uint64_t)op->table[largest - in[i]] + sum;
    const uint64_t y = scaled / (2 * (uint64_t)sum);
    out[i] = (int8_t)(y > 127 ? 127 : y);
  }
}
