/* Prefetching. */
#ifndef AIMC_TOUCH_H
#define AIMC_TOUCH_H

#include <stdint.h>

#include "aimc_ops.h"

/* Largest distance, in bytes, by which streams are prefetched ahead of their use. */
#define TOUCH_AHEAD 512

/* Prefetches the cache line of `at`; nothing waits for it, and `at` may be any address. */
static inline void touch(const int8_t* at) { aimc_nearer(at, 1); }

/* Prefetches a line that will be written. */
static inline void touch_to_write(const int8_t* at) {
  __asm__ volatile("prfm pstl1keep, [%0]" : : "r"(at));
}

#endif
