/* Copies and clears that write up to 15 bytes beyond their end. They are for data written front to
 * back, where the next write overwrites these bytes. */
#ifndef AIMC_COPY_AHEAD_H
#define AIMC_COPY_AHEAD_H

#include <arm_neon.h>
#include <stdint.h>

#include "prefetch.h"

static inline void copy_ahead(int8_t* to, const int8_t* from, int64_t bytes) {
  int64_t i = 0;
  for (; i + 64 <= bytes; i += 64) {
    prefetch(from + i + 256);
    vst1q_s8_x4(to + i, vld1q_s8_x4(from + i));
  }
  for (; i < bytes; i += 16) vst1q_s8(to + i, vld1q_s8(from + i));
}

static inline void clear_ahead(int8_t* to, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += 16) vst1q_s8(to + i, vdupq_n_s8(0));
}

#endif
