#ifndef AIMC_OPS_CONV_H
#define AIMC_OPS_CONV_H

#include "aimc_kernel.h"
#include "aimc_requant.h"
#include "aimc_window.h"

/* Convolution with `groups` groups; 1 is the dense convolution. */
struct aimc_conv {
  struct aimc_window window;
  int32_t in_channels;  /* of all groups together */
  int32_t out_channels; /* of all groups together */
  int32_t groups;
  const int8_t* weight; /* pack_conv_weight(weight, groups, kernels) */
  const int32_t* bias;  /* pack_channels(bias, out_channels) */
  struct aimc_requant requant;
};

AIMC_OPERATOR(aimc_conv, (const struct aimc_conv* op, const int8_t* in, int8_t* out, void* scratch),
              (op, in, out, scratch))

#endif
