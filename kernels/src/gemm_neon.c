#include "gemm_neon.h"

#include <arm_neon.h>

#include "requantize_neon.h"

/* The inner loop is software-pipelined for an in-order core with one SIMD unit: the weights of the
 * next four inputs, and the rows' next 16 bytes, are loaded between the dot products of the
 * present ones.  Registers for 8 rows: 16 accumulators, 8 row vectors, 2 x 2 weight vectors. */

#define PREFETCH_BYTES 1024 /* weights ahead, for the first tile of a panel */

struct weights {
  int8x16_t low;  /* 4 inputs of channels 0 to 3 */
  int8x16_t high; /* 4 inputs of channels 4 to 7 */
};

static inline __attribute__((always_inline)) struct weights weights_load(const int8_t* at) {
  return (struct weights){vld1q_s8(at), vld1q_s8(at + 16)};
}

/* Lane numbers must be literals. */
#define DOT(acc, w, x, lane)                                  \
  (acc)[0] = vdotq_laneq_s32((acc)[0], (w).low, (x), (lane)); \
  (acc)[1] = vdotq_laneq_s32((acc)[1], (w).high, (x), (lane))

#define UNROLL _Pragma("clang loop unroll(full)")

/* Four inputs of every row; `next` is loaded meanwhile. */
#define QUAD(lane)                                                                   \
  do {                                                                               \
    const struct weights next = weights_load(w + 32);                                \
    w += 32;                                                                         \
    UNROLL for (int r = 0; r < row_count; ++r) { DOT(acc[r], current, x[r], lane); } \
    current = next;                                                                  \
  } while (0)

/* The last four inputs of a step; each row's next vector is loaded as soon as the row is done. */
#define LAST_QUAD(lane, pointer, at)                  \
  do {                                                \
    const struct weights next = weights_load(w + 32); \
    w += 32;                                          \
    UNROLL for (int r = 0; r < row_count; ++r) {      \
      DOT(acc[r], current, x[r], lane);               \
      x[r] = vld1q_s8((pointer)[r] + (at));           \
    }                                                 \
    current = next;                                   \
  } while (0)

static inline
    __attribute__((always_inline)) void accumulate(int32x4_t acc[][2], const int row_count,
                                                   const int last_quads, const int8_t* const* rows,
                                                   int64_t offset, int32_t taps, int64_t last_step,
                                                   const int8_t* w) {
  const int8_t* p[TILE_ROWS];
  int8x16_t x[TILE_ROWS];
  struct weights current = weights_load(w);
  UNROLL for (int r = 0; r < row_count; ++r) {
    p[r] = rows[r] + offset;
    x[r] = vld1q_s8(p[r]);
  }
  for (int32_t tap = 0; tap < taps; ++tap) {
    for (int64_t at = 0; at < last_step;) {
      at += 16;
      __builtin_prefetch(w + PREFETCH_BYTES);
      QUAD(0);
      QUAD(1);
      __builtin_prefetch(w + PREFETCH_BYTES);
      QUAD(2);
      LAST_QUAD(3, p, at);
    }
    rows += TILE_ROWS;
    UNROLL for (int r = 0; r < row_count; ++r) p[r] = rows[r] + offset;
    __builtin_prefetch(w + PREFETCH_BYTES);
    if (last_quads == 1) {
      LAST_QUAD(0, p, 0);
    } else if (last_quads == 2) {
      QUAD(0);
      LAST_QUAD(1, p, 0);
    } else if (last_quads == 3) {
      QUAD(0);
      QUAD(1);
      LAST_QUAD(2, p, 0);
    } else {
      QUAD(0);
      QUAD(1);
      __builtin_prefetch(w + PREFETCH_BYTES);
      QUAD(2);
      LAST_QUAD(3, p, 0);
    }
  }
}

static inline __attribute__((always_inline)) void tile(
    const int row_count, const int last_quads, const int8_t* const* rows, int64_t offset,
    struct gemm_segment k, const int8_t* weight, const int32_t* bias,
    const struct aimc_requant* requant, int32_t channel, int8_t* out, int64_t out_stride,
    int32_t valid_rows, int32_t columns) {
  int32x4_t acc[TILE_ROWS][2];
  const int32x4_t bias_low = vld1q_s32(bias + channel);
  const int32x4_t bias_high = vld1q_s32(bias + channel + 4);
  UNROLL for (int r = 0; r < row_count; ++r) {
    acc[r][0] = bias_low;
    acc[r][1] = bias_high;
  }
  accumulate(acc, row_count, last_quads, rows, offset, k.taps, (k.depth - 1) & ~15, weight);

  const struct requant4 requant_low = requant4_load(requant, channel);
  const struct requant4 requant_high = requant4_load(requant, channel + 4);
  const int8x16_t low = vdupq_n_s8((int8_t)requant->low);
  const int8x16_t high = vdupq_n_s8((int8_t)requant->high);
  int8x16_t result[TILE_ROWS / 2];
  UNROLL for (int r = 0; r < row_count; r += 2) {
    result[r / 2] =
        narrow16(requant4_apply(acc[r][0], requant_low), requant4_apply(acc[r][1], requant_high),
                 requant4_apply(acc[r + 1][0], requant_low),
                 requant4_apply(acc[r + 1][1], requant_high), low, high);
  }
  if (valid_rows == row_count && columns == PANEL) {
    UNROLL for (int r = 0; r < row_count; r += 2) {
      vst1_s8(out, vget_low_s8(result[r / 2]));
      vst1_s8(out + out_stride, vget_high_s8(result[r / 2]));
      out += 2 * out_stride;
    }
    return;
  }
  UNROLL for (int r = 0; r < row_count; ++r) {
    if (r < valid_rows) {
      const int8x16_t pair = result[r / 2];
      store_first(out, r % 2 ? vextq_s8(pair, pair, 8) : pair, columns);
      out += out_stride;
    }
  }
}

void gemm_tile(const int8_t* const* rows, int64_t offset, struct gemm_segment k,
               const int8_t* weight, const int32_t* bias, const struct aimc_requant* requant,
               int32_t channel, int8_t* out, int64_t out_stride, int32_t row_count,
               int32_t columns) {
#define TILE(tile_rows, last_quads)                                                             \
  tile(tile_rows, last_quads, rows, offset, k, weight, bias, requant, channel, out, out_stride, \
       row_count, columns)
  const int last_quads = ((k.depth - 1) & 15) / 4 + 1;
  if (row_count > 4) {
    switch (last_quads) {
      case 1:
        TILE(8, 1);
        break;
      case 2:
        TILE(8, 2);
        break;
      case 3:
        TILE(8, 3);
        break;
      default:
        TILE(8, 4);
    }
  } else {
    switch (last_quads) {
      case 1:
        TILE(4, 1);
        break;
      case 2:
        TILE(4, 2);
        break;
      case 3:
        TILE(4, 3);
        break;
      default:
        TILE(4, 4);
    }
  }
#undef TILE
}
