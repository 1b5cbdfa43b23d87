/* fp32 operators without weights, four elements at a time. */
#include "aimc_fp32_ops.h"
#include "fp32.h"
#include "inside.h"
#include "prefetch.h"

#define PREFETCH_PIXELS 3 /* output pixels by which inputs are prefetched ahead of their use */

/* 16 channels of a window at a time, from `start`; sums where `add`, else maxima. */
static inline __attribute__((always_inline)) void pool(const struct aimc_pool_fp32* op,
                                                       const float* in, float* out, int add) {
  const struct aimc_window* w = &op->window;
  const int64_t pixel = op->channels;
  const int64_t line = w->in_w * pixel;
  const float32x4_t start = vdupq_n_f32(add ? 0 : -__builtin_inff());
  for (int32_t oy = 0; oy < w->out_h; ++oy) {
    for (int32_t ox = 0; ox < w->out_w; ++ox, out += pixel) {
      const struct inside valid = inside_map(w, oy, ox);
      const int32_t valid_count = (valid.y1 - valid.y0) * (valid.x1 - valid.x0);
      const int32_t count = op->count_include_pad ? w->kernel_h * w->kernel_w : valid_count;
      const float share = add ? 1.0f / (float)(count > 0 ? count : 1) : 1.0f;
      const float* corner = in + valid.y0 * line + valid.x0 * pixel;
      for (int32_t c = 0; c < op->channels; c += 16) {
        float32x4_t best[4] = {start, start, start, start};
        const float* row = corner + c;
        for (int32_t y = valid.y0; y < valid.y1; ++y, row += line) {
          const float* at = row;
          for (int32_t x = valid.x0; x < valid.x1; ++x, at += pixel) {
            prefetch((const int8_t*)(at + PREFETCH_PIXELS * w->stride_x * pixel));
            for (int i = 0; i < 4; ++i) {
              const float32x4_t value = vld1q_f32(at + 4 * i);
              best[i] = add ? vaddq_f32(best[i], value) : vmaxnmq_f32(best[i], value);
            }
          }
        }
        for (int i = 0; i < 4 && c + 4 * i < op->channels; ++i) {
          store_floats(out + c + 4 * i, clamp4(vmulq_n_f32(best[i], share), op->low, op->high),
                       op->channels - c - 4 * i);
        }
      }
    }
  }
}

void aimc_maxpool_fp32(const struct aimc_pool_fp32* op, const float* in, float* out) {
  pool(op, in, out, 0);
}

void aimc_avgpool_fp32(const struct aimc_pool_fp32* op, const float* in, float* out) {
  pool(op, in, out, 1);
}

void aimc_add_fp32(const struct aimc_add_fp32* op, const float* a, const float* b, float* out) {
  int32_t i = 0;
  for (; i + 16 <= op->count; i += 16) {
    prefetch((const int8_t*)(a + i) + PREFETCH_AHEAD / 2);
    prefetch((const int8_t*)(b + i) + PREFETCH_AHEAD / 2);
    prefetch_to_write((const int8_t*)(out + i) + PREFETCH_AHEAD / 2);
    for (int j = 0; j < 16; j += 4) {
      const float32x4_t sum = vaddq_f32(vld1q_f32(a + i + j), vld1q_f32(b + i + j));
      vst1q_f32(out + i + j, clamp4(sum, op->low, op->high));
    }
  }
  for (; i < op->count; i += 4) {
    const float32x4_t sum = vaddq_f32(vld1q_f32(a + i), vld1q_f32(b + i));
    store_floats(out + i, clamp4(sum, op->low, op->high), op->count - i);
  }
}

void aimc_clip_fp32(const struct aimc_clip_fp32* op, const float* in, float* out) {
  for (int32_t i = 0; i < op->count; i += 4) {
    store_floats(out + i, clamp4(vld1q_f32(in + i), op->low, op->high), op->count - i);
  }
}

void aimc_hard_sigmoid_fp32(const struct aimc_hard_sigmoid_fp32* op, const float* in, float* out) {
  const float32x4_t alpha = vdupq_n_f32(op->alpha);
  const float32x4_t beta = vdupq_n_f32(op->beta);
  for (int32_t i = 0; i < op->count; i += 4) {
    const float32x4_t x = vld1q_f32(in + i);
    const float32x4_t gate = clamp4(vfmaq_f32(beta, alpha, x), 0.0f, 1.0f);
    const float32x4_t y = op->gates ? vmulq_f32(x, gate) : gate;
    store_floats(out + i, clamp4(y, op->low, op->high), op->count - i);
  }
}

void aimc_concat_fp32(const struct aimc_concat_fp32* op, const float* const* in, float* out) {
  for (int32_t pixel = 0; pixel < op->pixels; ++pixel) {
    for (int32_t i = 0; i < op->inputs; ++i) {
      const float* from = in[i] + (int64_t)pixel * op->channels[i];
      for (int32_t c = 0; c < op->channels[i]; c += 4) {
        store_floats(out + c, vld1q_f32(from + c), op->channels[i] - c);
      }
      out += op->channels[i];
    }
  }
}
