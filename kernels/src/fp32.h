/* Vectors of floats at the end of a row. */
#ifndef AIMC_FP32_H
#define AIMC_FP32_H

#include <arm_neon.h>
#include <stdint.h>

static inline float32x4_t clamp4(float32x4_t value, float low, float high) {
  return vminnmq_f32(vmaxnmq_f32(value, vdupq_n_f32(low)), vdupq_n_f32(high));
}

/* Stores the first `count` (1 to 4) floats and nothing else. */
static inline void store_floats(float* to, float32x4_t value, int32_t count) {
  if (count >= 4) {
    vst1q_f32(to, value);
    return;
  }
  for (int32_t i = 0; i < count; ++i, value = vextq_f32(value, value, 1)) {
    to[i] = vgetq_lane_f32(value, 0);
  }
}

#endif
