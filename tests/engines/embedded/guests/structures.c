/* Structure loads and stores of Advanced SIMD, and floating point. */
#include <arm_neon.h>

#include "one_region.h"

static unsigned char rgb[3 * 64], planes[3][64];
static float f[64];

void* memcpy(void* to, const void* from, unsigned long n) {
  for (unsigned long i = 0; i < n; i++) ((volatile char*)to)[i] = ((const char*)from)[i];
  return to;
}

static int body(void) {
  for (int i = 0; i < 192; i++) rgb[i] = (unsigned char)i;
  for (int i = 0; i < 64; i += 16) {
    const uint8x16x3_t v = vld3q_u8(rgb + 3 * i);
    for (int c = 0; c < 3; c++) vst1q_u8(planes[c] + i, v.val[c]);
  }
  for (int i = 0; i < 64; i += 4) vst1q_f32(f + i, vcvtq_f32_u32(vdupq_n_u32(planes[1][i])));
  float sum = 0;
  for (int i = 0; i < 64; i++) sum += f[i] / 3.0f;
  vst1q_lane_u8(rgb, vld1q_u8(planes[2]), 5);
  return sum < 0 || rgb[0] != 17;
}
