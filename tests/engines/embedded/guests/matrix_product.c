/* Products of int8 matrices by SDOT. */
#include <arm_neon.h>

#include "one_region.h"

static int8_t a[20][64], b[20][64];
static int32_t c[20][20];

static int body(void) {
  int8_t *pa = &a[0][0], *pb = &b[0][0];
  for (int i = 0; i < 20 * 64; i++) {
    pa[i] = (int8_t)(i * 7);
    pb[i] = (int8_t)(i * 5 + 1);
  }
  for (int i = 0; i < 20; i++) {
    for (int j = 0; j < 20; j++) {
      int32x4_t s = vdupq_n_s32(0);
      for (int k = 0; k < 64; k += 16) s = vdotq_s32(s, vld1q_s8(a[i] + k), vld1q_s8(b[j] + k));
      c[i][j] = vaddvq_s32(s);
    }
  }
  int32_t want = 0;
  for (int k = 0; k < 64; k++) want += a[3][k] * b[4][k];
  return want != c[3][4];
}
