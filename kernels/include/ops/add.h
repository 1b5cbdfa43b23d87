#ifndef AIMC_OPS_ADD_H
#define AIMC_OPS_ADD_H

#include "aimc_kernel.h"

/* clamp((a * multiplier_a + b * multiplier_b + (1 << (shift - 1))) >> shift, low, high) */
struct aimc_add {
  int32_t count; /* elements */
  int32_t multiplier_a;
  int32_t multiplier_b;
  int32_t shift;
  int32_t low;
  int32_t high;
};

AIMC_OPERATOR(aimc_add, (const struct aimc_add* op, const int8_t* a, const int8_t* b, int8_t* out),
              (op, a, b, out))

#endif
