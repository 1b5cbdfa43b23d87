#ifndef AIMC_OPS_LOOKUP_H
#define AIMC_OPS_LOOKUP_H

#include "aimc_kernel.h"

/* table[x + 128] */
struct aimc_lookup {
  int32_t count;       /* elements */
  const int8_t* table; /* [256] */
};

AIMC_OPERATOR(aimc_lookup, (const struct aimc_lookup* op, const int8_t* in, int8_t* out),
              (op, in, out))

#endif
