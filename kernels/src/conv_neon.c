#include "aimc_ops.h"
#include "convolve.h"

void aimc_conv_neon(const struct aimc_conv* op, const int8_t* in, int8_t* out, void* scratch) {
  const struct convolution convolution = {
      .window = &op->window,
      .size = 1,
      .in_channels = op->in_channels,
      .out_channels = op->out_channels,
      .groups = op->groups,
      .weight = op->weight,
      .bias = op->bias,
      .requant = &op->requant,
  };
  convolve(&convolution, in, out, scratch);
}
