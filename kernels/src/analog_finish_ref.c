/* The definition of the digital part of an analog layer. */
#include "analog.h"
#include "requantize.h"

static int32_t code_at(const struct aimc_analog* op, const int8_t* codes, int32_t index) {
  return op->code_bytes == 1 ? codes[index] : ((const int16_t*)(const void*)codes)[index];
}

void analog_finish_ref(const struct aimc_analog* op, const struct aimc_range* range,
                       const int8_t* codes, const int8_t* next, int32_t pixels, int8_t* out) {
  (void)next;
  for (int32_t pixel = 0; pixel < pixels; ++pixel) {
    for (int32_t c = 0; c < range->columns; ++c) {
      int32_t sum = 0;
      for (int32_t i = 0; i < range->blocks; ++i) {
        sum += code_at(op, codes + i * (int64_t)range->step, c);
      }
      const int32_t n = range->n0 + c;
      out[n] = aimc_requantize(sum * 256 + op->bias[n], op->requant.multiplier[n],
                               op->requant.shift[n], op->requant.low, op->requant.high);
    }
    codes += pixel_stride(range);
    out += op->out_channels;
  }
}
