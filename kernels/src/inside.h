/* The part of a pooling window that is inside the map. */
#ifndef AIMC_INSIDE_H
#define AIMC_INSIDE_H

#include <stdint.h>

#include "aimc_ops.h"

struct inside {
  int32_t y0;
  int32_t y1;
  int32_t x0;
  int32_t x1;
};

static inline struct inside inside_map(const struct aimc_window* w, int32_t oy, int32_t ox) {
  const int32_t top = oy * w->stride_y - w->pad_top;
  const int32_t left = ox * w->stride_x - w->pad_left;
  const int32_t bottom = top + w->kernel_h;
  const int32_t right = left + w->kernel_w;
  struct inside valid = {top < 0 ? 0 : top, bottom > w->in_h ? w->in_h : bottom,
                         left < 0 ? 0 : left, right > w->in_w ? w->in_w : right};
  if (valid.y1 < valid.y0) valid.y1 = valid.y0;
  if (valid.x1 < valid.x0) valid.x1 = valid.x0;
  return valid;
}

#endif
