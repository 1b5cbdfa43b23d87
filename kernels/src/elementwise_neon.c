/* Operators without weights, 16 elements at a time. */
#include <arm_neon.h>

#include "aimc_ops.h"
#include "prefetch.h"
#include "requantize_neon.h"

/* What aimc_add_neon does to 16 elements. */
struct addition {
  int16x8_t by_a;
  int16x8_t by_b;
  int32x4_t right;
  int8x16_t low;
  int8x16_t high;
};

static inline int8x16_t add16(const struct addition* op, int8x16_t x, int8x16_t y) {
  const int16x8_t x_low = vmovl_s8(vget_low_s8(x));
  const int16x8_t x_high = vmovl_high_s8(x);
  const int16x8_t y_low = vmovl_s8(vget_low_s8(y));
  const int16x8_t y_high = vmovl_high_s8(y);
  int32x4_t sum[4] = {
      vmull_s16(vget_low_s16(x_low), vget_low_s16(op->by_a)),
      vmull_high_s16(x_low, op->by_a),
      vmull_s16(vget_low_s16(x_high), vget_low_s16(op->by_a)),
      vmull_high_s16(x_high, op->by_a),
  };
  sum[0] = vmlal_s16(sum[0], vget_low_s16(y_low), vget_low_s16(op->by_b));
  sum[1] = vmlal_high_s16(sum[1], y_low, op->by_b);
  sum[2] = vmlal_s16(sum[2], vget_low_s16(y_high), vget_low_s16(op->by_b));
  sum[3] = vmlal_high_s16(sum[3], y_high, op->by_b);
  for (int i = 0; i < 4; ++i) sum[i] = vrshlq_s32(sum[i], op->right);
  return narrow16(sum[0], sum[1], sum[2], sum[3], op->low, op->high);
}

void aimc_add_neon(const struct aimc_add* op, const int8_t* a, const int8_t* b, int8_t* out) {
  const struct addition addition = {
      vdupq_n_s16((int16_t)op->multiplier_a),
      vdupq_n_s16((int16_t)op->multiplier_b),
      vdupq_n_s32(-op->shift),
      vdupq_n_s8((int8_t)op->low),
      vdupq_n_s8((int8_t)op->high),
  };
  const int32_t count = op->count;
  int32_t i = 0;
  /* A cache line at a time; the results of half a line are independent of each other. */
  for (; i + 64 <= count; i += 64) {
    prefetch(a + i + PREFETCH_AHEAD / 2);
    prefetch(b + i + PREFETCH_AHEAD / 2);
    prefetch_to_write(out + i + PREFETCH_AHEAD / 2);
    for (int32_t j = i; j < i + 64; j += 32) {
      const int8x16_t first = add16(&addition, vld1q_s8(a + j), vld1q_s8(b + j));
      const int8x16_t second = add16(&addition, vld1q_s8(a + j + 16), vld1q_s8(b + j + 16));
      vst1q_s8(out + j, first);
      vst1q_s8(out + j + 16, second);
    }
  }
  for (; i < count; i += 16) {
    store_first(out + i, add16(&addition, vld1q_s8(a + i), vld1q_s8(b + i)), count - i);
  }
}

/* Copies one input's channels of all pixels to their place in the output. */
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

/* TBL gives 0 for an index beyond its 64 bytes, TBX leaves the value as it was. */
void aimc_lookup_neon(const struct aimc_lookup* op, const int8_t* in, int8_t* out) {
  const int8x16x4_t first = vld1q_s8_x4(op->table);
  const int8x16x4_t second = vld1q_s8_x4(op->table + 64);
  const int8x16x4_t third = vld1q_s8_x4(op->table + 128);
  const int8x16x4_t fourth = vld1q_s8_x4(op->table + 192);
  for (int32_t i = 0; i < op->count; i += 16) {
    const uint8x16_t x = veorq_u8(vreinterpretq_u8_s8(vld1q_s8(in + i)), vdupq_n_u8(128));
    int8x16_t y = vqtbl4q_s8(first, x);
    y = vqtbx4q_s8(y, second, vsubq_u8(x, vdupq_n_u8(64)));
    y = vqtbx4q_s8(y, third, vsubq_u8(x, vdupq_n_u8(128)));
    y = vqtbx4q_s8(y, fourth, vsubq_u8(x, vdupq_n_u8(192)));
    store_first(out + i, y, op->count - i);
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
