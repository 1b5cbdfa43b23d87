/* Prefetching. */
#ifndef AIMC_PREFETCH_H
#define AIMC_PREFETCH_H

#include <stdint.h>

#include "aimc_ops.h"

/* Largest distance, in bytes, by which streams are prefetched ahead of their use. */
#define PREFETCH_AHEAD 512

/* Prefetches the cache line of `at`; nothing waits for it, and `at` may be any address. */
static inline void prefetch(const int8_t* at) { aimc_prefetch(at, 1); }

/* Prefetches a line that will be written. */
static inline void prefetch_to_write(const int8_t* at) {
  __asm__ volatile("prfm pstl1keep, [%0]" : : "r"(at));
}

#endif
