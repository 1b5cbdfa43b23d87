/* The arithmetic of harness/operators/integer_node.py, one value at a time. */
#ifndef AIMC_REQUANTIZE_H
#define AIMC_REQUANTIZE_H

#include <stdint.h>

static inline int32_t aimc_clamp(int64_t value, int32_t low, int32_t high) {
  return value < low ? low : value > high ? high : (int32_t)value;
}

static inline int8_t aimc_requantize(int32_t acc, int32_t multiplier, int32_t shift, int32_t low,
                                     int32_t high) {
  int64_t t = acc;
  if (shift < 0) t = aimc_clamp(t * ((int64_t)1 << -shift), INT32_MIN, INT32_MAX);
  t = (t * multiplier + ((int64_t)1 << 30)) >> 31;
  if (shift > 0) t = (t + ((int64_t)1 << (shift - 1))) >> shift;
  return (int8_t)aimc_clamp(t, low, high);
}

#endif
