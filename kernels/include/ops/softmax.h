#ifndef AIMC_OPS_SOFTMAX_H
#define AIMC_OPS_SOFTMAX_H

#include "aimc_kernel.h"

/* y[i] = min(127, (256 * e[i] + sum) / (2 * sum)), e[i] = table[max(x) - x[i]] */
struct aimc_softmax {
  int32_t count;
  const uint16_t* table; /* [256] */
};

AIMC_OPERATOR(aimc_softmax, (const struct aimc_softmax* op, const int8_t* in, int8_t* out),
              (op, in, out))

#endif
