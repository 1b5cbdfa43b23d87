/* Layers of few columns: the codes of neighbouring pixels are side by side, and `together` pixels
 * are finished as one pixel of whole lines of codes. */
#ifndef AIMC_ANALOG_SIDE_BY_SIDE_H
#define AIMC_ANALOG_SIDE_BY_SIDE_H

#include "analog_linewise.h"

/* Bytes from a block's codes to the next block's, where each computes at most `pixels`: an odd
 * number of lines.  At most the size of codes whose pixels start on lines of their own. */
static inline int64_t side_by_side_step(const struct aimc_analog* op, int64_t pixels) {
  return ((pixels * op->out_channels / LINE_COLUMNS) | 1) * LINE_COLUMNS;
}

/* Finishes `pixels`, a multiple of op->together, from `codes` on, whose blocks are `step` apart;
 * `next` are the codes that are read afterwards. */
void analog_finish_side_by_side(const struct aimc_copies* op, const int8_t* codes, int64_t step,
                                const int8_t* next, int32_t pixels, int8_t* out);

#endif
