/* Requantization of sums. */
#ifndef AIMC_REQUANT_H
#define AIMC_REQUANT_H

#include <stdint.h>

/* int32 to int8, per channel:
 *   t = saturate32(acc << max(-shift, 0));  t = (t * multiplier + 2**30) >> 31
 *   t = (t + (1 << (shift - 1))) >> shift where shift > 0;  clamp(t, low, high)
 * multiplier is in [2**30, 2**31) or 0, shift in [-31, 62]. */
struct aimc_requant {
  const int32_t* multiplier; /* pack_channels(requant.multiplier, channels) */
  const int32_t* shift;      /* pack_channels(requant.shift, channels) */
  int32_t low;
  int32_t high;
};

#endif
