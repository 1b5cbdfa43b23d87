#ifndef AIMC_OPS_DENSE_H
#define AIMC_OPS_DENSE_H

#include "aimc_kernel.h"
#include "aimc_requant.h"

struct aimc_dense {
  int32_t in_features;
  int32_t out_features;
  const int8_t* weight; /* pack_dense_weight(weight, kernels) */
  const int32_t* bias;  /* pack_channels(bias, out_features) */
  struct aimc_requant requant;
};

AIMC_OPERATOR(aimc_dense, (const struct aimc_dense* op, const int8_t* in, int8_t* out),
              (op, in, out))

#endif
