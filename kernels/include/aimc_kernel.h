/* What the headers of all operators use. */
#ifndef AIMC_KERNEL_H
#define AIMC_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "aimc_layout.h"

#ifdef AIMC_REFERENCE_KERNELS
#define AIMC_KERNEL(name) name##_ref
#else
#define AIMC_KERNEL(name) name##_neon
#endif

/* Declares an operator's kernels, and the function that is one of them: _ref is the definition in
 * plain C, _neon is the fast one. */
#define AIMC_OPERATOR(name, parameters, arguments) \
  void name##_ref parameters;                      \
  void name##_neon parameters;                     \
  static inline void name parameters { AIMC_KERNEL(name) arguments; }

/* Prefetches the cache lines of `bytes` bytes from `at` on; nothing waits for them. */
static inline void aimc_prefetch(const void* at, size_t bytes) {
  for (size_t i = 0; i < bytes; i += AIMC_ALIGN) {
    __asm__ volatile("prfm pldl1keep, [%0]" : : "r"((const char*)at + i));
  }
}

#endif
