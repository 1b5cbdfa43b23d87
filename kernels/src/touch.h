/* Bringing data nearer before it is needed. */
#ifndef AIMC_TOUCH_H
#define AIMC_TOUCH_H

#include <stdint.h>

#include "aimc_ops.h"

/* How far ahead of their use streams are touched, in bytes, at most. */
#define TOUCH_AHEAD 512

/* Brings the cache line of `at` nearer; nothing waits for it, and `at` may be anywhere. */
static inline void touch(const int8_t* at) { aimc_nearer(at, 1); }

/* The same for a line that will be written. */
static inline void touch_to_write(const int8_t* at) {
  __asm__ volatile("prfm pstl1keep, [%0]" : : "r"(at));
}

#endif
