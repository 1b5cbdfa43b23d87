#ifndef AIMC_OPS_DEPTHWISE_H
#define AIMC_OPS_DEPTHWISE_H

#include "aimc_kernel.h"
#include "aimc_requant.h"
#include "aimc_window.h"

/* Convolution with groups == in_channels == out_channels. */
struct aimc_depthwise {
  struct aimc_window window;
  int32_t channels;
  const int8_t* weight; /* pack_depthwise_weight(weight, sliding, kernels) */
  const int32_t* bias;  /* pack_channels(bias, channels) */
  struct aimc_requant requant;
};

AIMC_OPERATOR(aimc_depthwise,
              (const struct aimc_depthwise* op, const int8_t* in, int8_t* out, void* scratch),
              (op, in, out, scratch))

#endif
