/* Regions of the statistics. */
#ifndef GUEST_REGION_H
#define GUEST_REGION_H

#include "platform.h"

static inline void pseudo_instruction(unsigned long operation, unsigned long region) {
  register unsigned long x0 __asm__("x0") = region;
  __asm__ volatile("str x0, [%1]" ::"r"(x0), "r"(PLATFORM_M5OPS_BASE + (operation << 8))
                   : "memory");
}

static inline void begin(unsigned long region) {
  pseudo_instruction(PLATFORM_M5_WORK_BEGIN, region);
}

static inline void end(unsigned long region) { pseudo_instruction(PLATFORM_M5_WORK_END, region); }

#endif
