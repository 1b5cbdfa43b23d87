#ifndef AIMC_OPS_MAXPOOL_H
#define AIMC_OPS_MAXPOOL_H

#include "aimc_kernel.h"
#include "aimc_window.h"

/* Padding never wins; dilation is 1.  A window wholly in padding gives `low`. */
struct aimc_maxpool {
  struct aimc_window window;
  int32_t channels;
  int32_t low;
  int32_t high;
};

AIMC_OPERATOR(aimc_maxpool, (const struct aimc_maxpool* op, const int8_t* in, int8_t* out),
              (op, in, out))

#endif
