/* Operators of the fp32 baseline: the float network that the integer one was quantized from.
 *
 * Memory rules are those of aimc_ops.h, in bytes; activations are NHWC float.  Every operator
 * clamps its results to [low, high], which is a fused activation.  Sums are made in an order of the
 * kernels' own with fused multiply-adds, so results are compared with a tolerance.
 */
#ifndef AIMC_FP32_OPS_H
#define AIMC_FP32_OPS_H

#include "aimc_ops.h"

/* Convolution with `groups` groups; 1 is the dense convolution. */
struct aimc_conv_fp32 {
  struct aimc_window window;
  int32_t in_channels;
  int32_t out_channels;
  int32_t groups;
  const float* weight; /* pack_conv_weight_fp32(weight, groups, dilation_x) */
  const float* bias;   /* pack_channels_fp32(bias) */
  float low;
  float high;
};

/* Convolution with groups == in_channels == out_channels. */
struct aimc_depthwise_fp32 {
  struct aimc_window window;
  int32_t channels;
  const float* weight; /* pack_depthwise_weight_fp32(weight) */
  const float* bias;   /* pack_channels_fp32(bias) */
  float low;
  float high;
};

struct aimc_dense_fp32 {
  int32_t in_features;
  int32_t out_features;
  const float* weight; /* pack_conv_weight_fp32 of a 1 x 1 convolution */
  const float* bias;   /* pack_channels_fp32(bias) */
  float low;
  float high;
};

/* Padding never wins and is not counted unless count_include_pad (averages only). */
struct aimc_pool_fp32 {
  struct aimc_window window;
  int32_t channels;
  int32_t count_include_pad;
  float low;
  float high;
};

struct aimc_add_fp32 {
  int32_t count; /* elements */
  float low;
  float high;
};

struct aimc_clip_fp32 {
  int32_t count; /* elements */
  float low;
  float high;
};

/* g = clamp(alpha * x + beta, 0, 1); with `gates` x * g */
struct aimc_hard_sigmoid_fp32 {
  int32_t count; /* elements */
  float alpha;
  float beta;
  int32_t gates;
  float low;
  float high;
};

/* Concatenation along the channels. */
struct aimc_concat_fp32 {
  int32_t pixels;
  int32_t inputs;
  const int32_t* channels; /* [inputs] */
};

void aimc_conv_fp32(const struct aimc_conv_fp32* op, const float* in, float* out, void* scratch);
void aimc_depthwise_fp32(const struct aimc_depthwise_fp32* op, const float* in, float* out,
                         void* scratch);
void aimc_dense_fp32(const struct aimc_dense_fp32* op, const float* in, float* out);
void aimc_maxpool_fp32(const struct aimc_pool_fp32* op, const float* in, float* out);
void aimc_avgpool_fp32(const struct aimc_pool_fp32* op, const float* in, float* out);
void aimc_add_fp32(const struct aimc_add_fp32* op, const float* a, const float* b, float* out);
void aimc_clip_fp32(const struct aimc_clip_fp32* op, const float* in, float* out);
void aimc_hard_sigmoid_fp32(const struct aimc_hard_sigmoid_fp32* op, const float* in, float* out);
void aimc_concat_fp32(const struct aimc_concat_fp32* op, const float* const* in, float* out);

#define AIMC_FP32_TOLERANCE_PPM 100

/* The number of values that are further from the expected ones than AIMC_FP32_TOLERANCE_PPM
 * millionths of the largest expected magnitude, or not numbers.  Prints the largest deviation. */
uint32_t aimc_compare_fp32(const float* actual, const float* expected, int32_t count);

#endif
