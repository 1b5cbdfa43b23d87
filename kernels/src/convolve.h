/* The common part of int8 and fp32 convolutions. */
#ifndef AIMC_CONVOLVE_H
#define AIMC_CONVOLVE_H

#include <stdint.h>

#include "aimc_ops.h"

struct convolution {
  const struct aimc_window* window;
  int32_t size;        /* bytes of a value */
  int32_t in_channels; /* of all groups together, as the next */
  int32_t out_channels;
  int32_t groups;
  const int8_t* weight;
  const int32_t* bias;                /* or fp32 bits */
  const struct aimc_requant* requant; /* 0 for fp32 */
  float low;                          /* of fp32, as the next */
  float high;
};

void convolve(const struct convolution* op, const int8_t* in, int8_t* out, void* scratch);

#endif
