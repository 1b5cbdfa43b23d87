/* The memory functions that the compiler may call.  Sixteen bytes at a time; the compiler must not
 * turn these loops back into calls (-ffreestanding). */
#include <arm_neon.h>

#include "aimc_runtime.h"

void* memcpy(void* restrict to, const void* restrict from, size_t bytes) {
  uint8_t* t = to;
  const uint8_t* f = from;
  for (; bytes >= 64; bytes -= 64, t += 64, f += 64) vst1q_u8_x4(t, vld1q_u8_x4(f));
  for (; bytes >= 16; bytes -= 16, t += 16, f += 16) vst1q_u8(t, vld1q_u8(f));
  if (bytes & 8) {
    vst1_u8(t, vld1_u8(f));
    t += 8;
    f += 8;
  }
  for (bytes &= 7; bytes; --bytes) *t++ = *f++;
  return to;
}

void* memmove(void* to, const void* from, size_t bytes) {
  uint8_t* t = to;
  const uint8_t* f = from;
  if ((uintptr_t)t - (uintptr_t)f >= bytes) {
    for (; bytes >= 16; bytes -= 16, t += 16, f += 16) vst1q_u8(t, vld1q_u8(f));
    for (; bytes; --bytes) *t++ = *f++;
  } else {
    while (bytes >= 16) {
      bytes -= 16;
      vst1q_u8(t + bytes, vld1q_u8(f + bytes));
    }
    while (bytes--) t[bytes] = f[bytes];
  }
  return to;
}

void* memset(void* to, int value, size_t bytes) {
  uint8_t* t = to;
  const uint8x16_t v = vdupq_n_u8((uint8_t)value);
  for (; bytes >= 16; bytes -= 16, t += 16) vst1q_u8(t, v);
  for (; bytes; --bytes) *t++ = (uint8_t)value;
  return to;
}

int memcmp(const void* a, const void* b, size_t bytes) {
  const uint8_t* x = a;
  const uint8_t* y = b;
  for (; bytes; --bytes, ++x, ++y) {
    if (*x != *y) return *x < *y ? -1 : 1;
  }
  return 0;
}
