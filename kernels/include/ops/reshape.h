#ifndef AIMC_OPS_RESHAPE_H
#define AIMC_OPS_RESHAPE_H

#include "aimc_kernel.h"

/* (h, w, c) read in NCHW order becomes (h, w, c) written in NCHW order. */
struct aimc_reshape {
  int32_t in_pixels; /* h * w */
  int32_t in_channels;
  int32_t out_pixels;
  int32_t out_channels;
};

AIMC_OPERATOR(aimc_reshape,
              (const struct aimc_reshape* op, const int8_t* in, int8_t* out, void* scratch),
              (op, in, out, scratch))

#endif
