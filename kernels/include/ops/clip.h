#ifndef AIMC_OPS_CLIP_H
#define AIMC_OPS_CLIP_H

#include "aimc_kernel.h"

/* clamp(x, low, high) */
struct aimc_clip {
  int32_t count; /* elements */
  int32_t low;
  int32_t high;
};

AIMC_OPERATOR(aimc_clip, (const struct aimc_clip* op, const int8_t* in, int8_t* out), (op, in, out))

#endif
