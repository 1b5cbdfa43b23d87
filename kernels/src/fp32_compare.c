#include "aimc_fp32_ops.h"
#include "aimc_runtime.h"

static float magnitude(float value) { return value < 0 ? -value : value; }

uint32_t aimc_compare_fp32(const float* actual, const float* expected, int32_t count) {
  float largest = 0;
  float deviation = 0;
  for (int32_t i = 0; i < count; ++i) {
    const float size = magnitude(expected[i]);
    const float error = magnitude(actual[i] - expected[i]);
    if (size > largest) largest = size;
    if (error > deviation) deviation = error;
  }
  const float allowed = largest * (AIMC_FP32_TOLERANCE_PPM * 1e-6f);
  uint32_t different = 0;
  for (int32_t i = 0; i < count; ++i) {
    /* So that what is not a number is different. */
    different += !(magnitude(actual[i] - expected[i]) <= allowed);
  }
  aimc_print("fp32: largest deviation ");
  aimc_print_decimal(largest > 0 && deviation < largest ? (int64_t)(deviation / largest * 1e9f)
                                                        : (int64_t)(deviation > 0) * 1000000000);
  aimc_print(" of ");
  aimc_print_decimal(AIMC_FP32_TOLERANCE_PPM * 1000);
  aimc_print(" allowed billionths of the largest output\n");
  return different;
}
