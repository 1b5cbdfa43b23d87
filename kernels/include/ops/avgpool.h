#ifndef AIMC_OPS_AVGPOOL_H
#define AIMC_OPS_AVGPOOL_H

#include "aimc_kernel.h"
#include "aimc_window.h"

/* The sum over the valid elements is requantized with entry `count` of the tables, where count is
 * the number of valid elements, or kernel_h * kernel_w if count_include_pad; entry 0 is unused.
 * Dilation is 1.  A global pool is a window as large as the map. */
struct aimc_avgpool {
  struct aimc_window window;
  int32_t channels;
  int32_t count_include_pad;
  const int32_t* multiplier; /* [kernel_h * kernel_w + 1] */
  const int32_t* shift;      /* [kernel_h * kernel_w + 1] */
  int32_t low;
  int32_t high;
};

AIMC_OPERATOR(aimc_avgpool, (const struct aimc_avgpool* op, const int8_t* in, int8_t* out),
              (op, in, out))

#endif
