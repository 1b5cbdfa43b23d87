/* The digital part of an analog layer as it is defined. */
#include "analog.h"
#include "requantize.h"

static int32_t code_at(const struct aimc_analog* op, const int8_t* codes, int32_t index) {
  return op->code_bytes == 1 ? codes[index] : ((const int16_t*)(const void*)codes)[index];
}

void analog_finish_ref(const struct aimc_analog* op, const int8_t* codes, int32_t pixels,
                       int8_t* out) {
  for (int32_t first = 0; first < op->block_count;) {
    const struct aimc_block* range = &op->block[first];
    const int64_t stride = code_stride(op, range);
    int32_t end = first;
    while (end < op->block_count && op->block[end].n0 == range->n0) ++end;
    for (int32_t pixel = 0; pixel < pixels; ++pixel) {
      for (int32_t c = 0; c < range->columns; ++c) {
        int32_t sum = 0;
        for (int32_t i = first; i < end; ++i) {
          sum += code_at(op, codes + pixel * (int64_t)op->pixel_bytes + (i - first) * stride, c);
        }
        const int32_t n = range->n0 + c;
        out[(int64_t)pixel * op->out_channels + n] =
            aimc_requantize(sum * 256 + op->bias[n], op->requant.multiplier[n],
                            op->requant.shift[n], op->requant.low, op->requant.high);
      }
    }
    codes += (end - first) * stride;
    first = end;
  }
}
