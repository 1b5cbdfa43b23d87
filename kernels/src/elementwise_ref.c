/* The definitions of operators without weights. */
#include "aimc_ops.h"
#include "requantize.h"

void aimc_add_ref(const struct aimc_add* op, const int8_t* a, const int8_t* b, int8_t* out) {
  for (int32_t i = 0; i < op->count; ++i) {
    const int32_t sum = a[i] * op->multiplier_a + b[i] * op->multiplier_b;
    out[i] = (int8_t)aimc_clamp((sum + (1 << (op->shift - 1))) >> op->shift, op->low, op->high);
  }
}

void aimc_concat_ref(const struct aimc_concat* op, const int8_t* const* in, int8_t* out) {
  for (int32_t pixel = 0; pixel < op->pixels; ++pixel) {
    for (int32_t i = 0; i < op->inputs; ++i) {
      const struct aimc_concat_input* input = &op->input[i];
      for (int32_t c = 0; c < input->channels; ++c) {
        const int8_t value = in[i][(int64_t)pixel * input->channels + c];
        *out++ = input->multiplier ? aimc_requantize(value, input->multiplier, input->shift,
                                                     input->low, input->high)
                                   : value;
      }
    }
  }
}

void aimc_clip_ref(const struct aimc_clip* op, const int8_t* in, int8_t* out) {
  for (int32_t i = 0; i < op->count; ++i) out[i] = (int8_t)aimc_clamp(in[i], op->low, op->high);
}

void aimc_lookup_ref(const struct aimc_lookup* op, const int8_t* in, int8_t* out) {
  for (int32_t i = 0; i < op->count; ++i) out[i] = op->table[in[i] + 128];
}

void aimc_reshape_ref(const struct aimc_reshape* op, const int8_t* in, int8_t* out, void* scratch) {
  (void)scratch;
  const int32_t count = op->in_pixels * op->in_channels;
  for (int32_t i = 0; i < count; ++i) {
    const int32_t from = i % op->in_pixels * op->in_channels + i / op->in_pixels;
    const int32_t to = i % op->out_pixels * op->out_channels + i / op->out_pixels;
    out[to] = in[from];
  }
}

void aimc_softmax_ref(const struct aimc_softmax* op, const int8_t* in, int8_t* out) {
  int32_t largest = -128;
  for (int32_t i = 0; i < op->count; ++i) {
    if (in[i] > largest) largest = in[i];
  }
  uint32_t sum = 0;
  for (int32_t i = 0; i < op->count; ++i) sum += op->table[largest - in[i]];
  for (int32_t i = 0; i < op->count; ++i) {
    const uint64_t scaled = 256u * (uint64_t)op->table[largest - in[i]] + sum;
    const uint64_t y = scaled / (2 * (uint64_t)sum);
    out[i] = (int8_t)(y > 127 ? 127 : y);
  }
}
