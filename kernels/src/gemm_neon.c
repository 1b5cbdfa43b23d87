#include "gemm_neon.h"

#include <arm_neon.h>
#include <stdbool.h>
#include <stddef.h>

#include "gemm_layout.h"
#include "requantize_neon.h"

/* What a tile of gemm_tile.S needs to know of its panel. */
struct gemm_panel {
  const int8_t* weight;
  const int64_t* taps;
  const int8_t* far; /* weights to bring nearer meanwhile, far_step bytes in every step */
  int64_t far_step;
  int64_t out_stride;
  int32_t tap_count;
  int32_t steps; /* whole ones before the last of a tap */
  int32_t shifts_left;
  int32x4_t bias[2];
  int8x16_t low;
  int8x16_t high;
  int32x4_t multiplier[2];
  int32x4_t right[2];
  int32x4_t left[2];
};

#define CHECK_OFFSET(field, offset) \
  _Static_assert(offsetof(struct gemm_panel, field) == (offset), "gemm_layout.h")
CHECK_OFFSET(weight, GEMM_WEIGHT);
CHECK_OFFSET(taps, GEMM_TAPS);
CHECK_OFFSET(far, GEMM_FAR);
CHECK_OFFSET(far_step, GEMM_FAR_STEP);
CHECK_OFFSET(out_stride, GEMM_OUT_STRIDE);
CHECK_OFFSET(tap_count, GEMM_TAP_COUNT);
CHECK_OFFSET(steps, GEMM_STEPS);
CHECK_OFFSET(shifts_left, GEMM_SHIFTS_LEFT);
CHECK_OFFSET(bias, GEMM_BIAS);
CHECK_OFFSET(low, GEMM_LOW);
CHECK_OFFSET(high, GEMM_HIGH);
CHECK_OFFSET(multiplier, GEMM_MULTIPLIER);
CHECK_OFFSET(right, GEMM_RIGHT);
CHECK_OFFSET(left, GEMM_LEFT);

/* Computes `tiles` tiles, one after another; gemm_tile.S. */
typedef void tile_function(const struct gemm_panel* panel, const int8_t* const* rows, int8_t* out,
                           int64_t tiles);
tile_function gemm_int8_8_1, gemm_int8_8_2, gemm_int8_8_3, gemm_int8_8_4;
tile_function gemm_int8_4_1, gemm_int8_4_2, gemm_int8_4_3, gemm_int8_4_4;

/* Weights that one step of a tile reads. */
#define STEP_BYTES 128

/* Copies the valid part of a tile. */
static void copy_tile(const int8_t* tile, int32_t rows, int32_t columns, int8_t* out,
                      int64_t stride) {
  for (int32_t r = 0; r < rows; ++r, tile += PANEL, out += stride) {
    store_first(out, vcombine_s8(vld1_s8(tile), vdup_n_s8(0)), columns);
  }
}

static void fill_panel(struct gemm_panel* panel, const struct gemm* g, int32_t column) {
  int32x4_t any_left = vdupq_n_s32(0);
  for (int i = 0; i < 2; ++i) {
    const struct requant4 requant = requant4_make(vld1q_s32(g->multiplier + column + 4 * i),
                                                  vld1q_s32(g->shift + column + 4 * i));
    panel->bias[i] = vld1q_s32(g->bias + column + 4 * i);
    panel->multiplier[i] = requant.multiplier;
    panel->right[i] = requant.right;
    panel->left[i] = requant.left;
    any_left = vorrq_s32(any_left, requant.left);
  }
  panel->shifts_left = vmaxvq_s32(any_left) != 0;
}

void gemm_multiply(const struct gemm* g, const int8_t* const* rows, int32_t row_count,
                   int8_t* out) {
  static tile_function* const kEight[] = {gemm_int8_8_1, gemm_int8_8_2, gemm_int8_8_3,
                                          gemm_int8_8_4};
  static tile_function* const kFour[] = {gemm_int8_4_1, gemm_int8_4_2, gemm_int8_4_3,
                                         gemm_int8_4_4};
  const int32_t quads = (g->depth - 1) % 16 / 4; /* that end a tap, less one */
  const int64_t bytes = gemm_panel_bytes(g->taps, g->depth);
  const int32_t whole_tiles = row_count / TILE_ROWS;
  const int32_t rest = row_count % TILE_ROWS;
  struct gemm_panel panel = {
      .weight = g->weight,
      .taps = g->tap,
      .far_step = STEP_BYTES / (whole_tiles + (rest > 0)),
      .tap_count = g->taps,
      .steps = (g->depth - 1) / 16,
      .low = vdupq_n_s8((int8_t)g->low),
      .high = vdupq_n_s8((int8_t)g->high),
  };
  for (int32_t n = 0; n < g->columns; n += PANEL, panel.weight += bytes, out += PANEL) {
    const int32_t columns = g->columns - n < PANEL ? g->columns - n : PANEL;
    int32_t row = 0;
    fill_panel(&panel, g, n);
    panel.far = panel.weight + bytes; /* the next panel */
    if (columns == PANEL && whole_tiles > 0) {
      panel.out_stride = g->out_stride;
      kEight[quads](&panel, rows, out, whole_tiles);
      row = whole_tiles * TILE_ROWS;
    }
    for (; row < row_count; row += TILE_ROWS) {
      const int32_t valid = row_count - row < TILE_ROWS ? row_count - row : TILE_ROWS;
      int8_t tile[TILE_ROWS * PANEL];
      panel.out_stride = PANEL;
      (valid > TILE_ROWS / 2 ? kEight : kFour)[quads](&panel, rows + row, tile, 1);
      copy_tile(tile, valid, columns, out + row * g->out_stride, g->out_stride);
    }
  }
}
