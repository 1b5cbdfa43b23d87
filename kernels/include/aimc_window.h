/* Sliding windows over a map. */
#ifndef AIMC_WINDOW_H
#define AIMC_WINDOW_H

#include <stdint.h>

/* Geometry of a sliding window.  Output pixel (oy, ox) sees input rows
 * oy * stride_y - pad_top + ky * dilation_y, ky in [0, kernel_h), and columns likewise; what lies
 * outside the map is padding.  Padding at the bottom and right follows from out_h and out_w. */
struct aimc_window {
  int32_t in_h;
  int32_t in_w;
  int32_t out_h;
  int32_t out_w;
  int32_t kernel_h;
  int32_t kernel_w;
  int32_t stride_y;
  int32_t stride_x;
  int32_t pad_top;
  int32_t pad_left;
  int32_t dilation_y;
  int32_t dilation_x;
};

#endif
