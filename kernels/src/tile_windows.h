/* Transfers through the windows of a tile by programmed I/O, in accesses of 16 bytes. */
#ifndef AIMC_TILE_WINDOWS_H
#define AIMC_TILE_WINDOWS_H

#include <arm_neon.h>
#include <stdint.h>

#include "tile.h"

/* 64 bytes between a window and memory, in either direction, in accesses of 16. */
static inline void copy_line(uintptr_t to, uintptr_t from) {
  __asm__ volatile("ld1 {v0.16b-v3.16b}, [%1]\n\tst1 {v0.16b-v3.16b}, [%0]"
                   :
                   : "r"(to), "r"(from)
                   : "v0", "v1", "v2", "v3", "memory");
}

static inline void copy_half_line(uintptr_t to, uintptr_t from) {
  __asm__ volatile("ld1 {v0.16b-v1.16b}, [%1]\n\tst1 {v0.16b-v1.16b}, [%0]"
                   :
                   : "r"(to), "r"(from)
                   : "v0", "v1", "memory");
}

/* Stores `bytes` from `from` to a window, and zeros up to the next multiple of 16. */
static inline void fill_window(uintptr_t window, const int8_t* from, int32_t bytes) {
  for (; bytes >= 64; bytes -= 64, from += 64, window += 64) copy_line(window, (uintptr_t)from);
  if (bytes & 32) {
    copy_half_line(window, (uintptr_t)from);
    from += 32;
    window += 32;
  }
  if (bytes & 16) {
    window_store(window, vld1q_s8(from));
    from += 16;
    window += 16;
  }
  bytes &= 15;
  if (bytes == 0) return;
  static const uint8_t kCount[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const uint8x16_t used = vcltq_u8(vld1q_u8(kCount), vdupq_n_u8((uint8_t)bytes));
  window_store(window, vandq_s8(vld1q_s8(from), vreinterpretq_s8_u8(used)));
}

#endif
