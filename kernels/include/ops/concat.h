#ifndef AIMC_OPS_CONCAT_H
#define AIMC_OPS_CONCAT_H

#include "aimc_kernel.h"

/* One input of a concatenation; multiplier 0 copies it as it is. */
struct aimc_concat_input {
  int32_t channels;
  int32_t multiplier;
  int32_t shift;
  int32_t low;
  int32_t high;
};

/* Concatenation along the channels. */
struct aimc_concat {
  int32_t pixels; /* h * w, or 1 for vectors */
  int32_t inputs;
  const struct aimc_concat_input* input; /* [inputs] */
};

AIMC_OPERATOR(aimc_concat, (const struct aimc_concat* op, const int8_t* const* in, int8_t* out),
              (op, in, out))

#endif
