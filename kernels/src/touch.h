/* Bringing data nearer before it is needed. */
#ifndef AIMC_TOUCH_H
#define AIMC_TOUCH_H

#include <stdint.h>

/* How far ahead of their use streams are touched, in bytes, at most. */
#define TOUCH_AHEAD 512

/* Brings the cache line of `at` nearer.  A load to nowhere, for which no instruction waits, instead
 * of a prefetch hint, which a core may ignore; `at` must be readable. */
static inline void touch(const int8_t* at) { __asm__ volatile("ldr wzr, [%0]" : : "r"(at)); }

#endif
