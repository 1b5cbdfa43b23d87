#include "gemm_neon.h"

#include <arm_neon.h>
#include <stdbool.h>
#include <stddef.h>

#include "gemm_layout.h"
#include "requantize_neon.h"
#include "touch.h"

/* What the tiles of gemm_tile.S need to know of their panel. */
struct gemm_panel {
  const int8_t* weight; /* changed */
  const int64_t* taps;
  const int8_t* far; /* weights to bring nearer meanwhile, far_step bytes in every step */
  int64_t far_step;
  int64_t out_stride;
  const int32x4_t* bias; /* what a tile's sums begin with, [SUMS] */
  int32_t* sums;         /* where those of all tiles stay between blocks, [tiles][SUMS] */
  const int8_t* const* rows;
  int64_t tiles;
  int32_t tap_count; /* of a block */
  int32_t steps;     /* whole ones before the last of a tap */
  int32_t shifts_left;
  int32_t blocks; /* before the last one; changed */
  int8x16_t low;
  int8x16_t high;
  int32x4_t multiplier[2];
  int32x4_t right[2];
  int32x4_t left[2];
};

#define CHECK_OFFSET(field, offset) \
  _Static_assert(offsetof(struct gemm_panel, field) == (offset), "gemm_layout.h")
CHECK_OFFSET(weight, PANEL_WEIGHT);
CHECK_OFFSET(taps, PANEL_TAPS);
CHECK_OFFSET(far, PANEL_FAR);
CHECK_OFFSET(far_step, PANEL_FAR_STEP);
CHECK_OFFSET(out_stride, PANEL_OUT_STRIDE);
CHECK_OFFSET(bias, PANEL_BIAS);
CHECK_OFFSET(sums, PANEL_SUMS);
CHECK_OFFSET(rows, PANEL_ROWS);
CHECK_OFFSET(tiles, PANEL_TILES);
CHECK_OFFSET(tap_count, PANEL_TAP_COUNT);
CHECK_OFFSET(steps, PANEL_STEPS);
CHECK_OFFSET(shifts_left, PANEL_SHIFTS_LEFT);
CHECK_OFFSET(blocks, PANEL_BLOCKS);
CHECK_OFFSET(low, PANEL_LOW);
CHECK_OFFSET(high, PANEL_HIGH);
CHECK_OFFSET(multiplier, PANEL_MULTIPLIER);
CHECK_OFFSET(right, PANEL_RIGHT);
CHECK_OFFSET(left, PANEL_LEFT);

/* Computes `tiles` tiles, one after another; gemm_tile.S.  The numbers are rows, and quads that end
 * a tap. */
typedef void tile_function(struct gemm_panel* panel, const int8_t* const* rows, int8_t* out,
                           int64_t tiles);
tile_function gemm_int8_8_1, gemm_int8_8_2, gemm_int8_8_3, gemm_int8_8_4;
tile_function gemm_int8_4_1, gemm_int8_4_2, gemm_int8_4_3, gemm_int8_4_4;

static tile_function* const kEight[] = {gemm_int8_8_1, gemm_int8_8_2, gemm_int8_8_3, gemm_int8_8_4};
static tile_function* const kFour[] = {gemm_int8_4_1, gemm_int8_4_2, gemm_int8_4_3, gemm_int8_4_4};

#define STEP_BYTES 128        /* weights that one step of a tile reads */
#define SUMS (2 * TILE_ROWS)  /* vectors of a tile's sums */
#define BLOCK_TILES 4         /* at most, to go in blocks */
#define BLOCK_BYTES (5 << 10) /* of a block's weights, at most unless a tap has more */
_Static_assert(BLOCK_TILES * SUMS * 4 == GEMM_SUMS, "gemm_neon.h");

/* The panel that begins with `column`; every row of `bias` becomes its biases. */
static void fill_panel(struct gemm_panel* panel, const struct gemm* g, int32_t column,
                       int32x4_t bias[SUMS]) {
  int32x4_t any_left = vdupq_n_s32(0);
  for (int i = 0; i < 2; ++i) {
    const struct requant4 requant = requant4_make(vld1q_s32(g->multiplier + column + 4 * i),
                                                  vld1q_s32(g->shift + column + 4 * i));
    panel->multiplier[i] = requant.multiplier;
    panel->right[i] = requant.right;
    panel->left[i] = requant.left;
    any_left = vorrq_s32(any_left, requant.left);
    const int32x4_t first = vld1q_s32(g->bias + column + 4 * i);
    for (int r = i; r < SUMS; r += 2) bias[r] = first;
  }
  panel->shifts_left = vmaxvq_s32(any_left) != 0;
  touch((const int8_t*)(g->bias + column + 4 * PANEL));
  touch((const int8_t*)(g->multiplier + column + 4 * PANEL));
  touch((const int8_t*)(g->shift + column + 4 * PANEL));
}

/* Copies the valid part of a tile. */
static void copy_tile(const int8_t* tile, int32_t rows, int32_t columns, int8_t* out,
                      int64_t stride) {
  for (int32_t r = 0; r < rows; ++r, tile += PANEL, out += stride) {
    store_first(out, vcombine_s8(vld1_s8(tile), vdup_n_s8(0)), columns);
  }
}

/* Taps that all tiles of a panel go over before any goes on, a divisor of all taps.  Where the
 * panel's weights do not fit the L1, that lets every tile but the first find them there. */
static int32_t block_taps(const struct gemm* g, int32_t tiles) {
  const int64_t tap_bytes = gemm_panel_bytes(1, g->depth);
  if (tiles < 2 || tiles > BLOCK_TILES || g->taps * tap_bytes <= 2 * BLOCK_BYTES) return g->taps;
  int32_t taps = 1;
  for (int32_t n = 2; n <= g->taps; ++n) {
    if (g->taps % n == 0 && n * tap_bytes <= BLOCK_BYTES) taps = n;
  }
  return taps;
}

void gemm_multiply(const struct gemm* g, const int8_t* const* rows, int32_t row_count,
                   int8_t* out) {
  const int32_t quads = (g->depth - 1) % 16 / 4; /* that end a tap, less one */
  const int64_t bytes = gemm_panel_bytes(g->taps, g->depth);
  const int32_t whole_tiles = row_count / TILE_ROWS;
  const int32_t tiles = (row_count + TILE_ROWS - 1) / TILE_ROWS;
  const int32_t taps_of_block = tiles == whole_tiles ? block_taps(g, tiles) : g->taps;
  int32x4_t bias[SUMS];
  struct gemm_panel panel = {
      .taps = g->tap,
      .far_step = tiles > 1 ? STEP_BYTES / tiles : 0,
      .bias = bias,
      .sums = g->sums,
      .rows = rows,
      .tiles = whole_tiles,
      .steps = (g->depth - 1) / 16,
      .low = vdupq_n_s8((int8_t)g->low),
      .high = vdupq_n_s8((int8_t)g->high),
  };
  const int8_t* weight = g->weight;
  for (int32_t n = 0; n < g->columns; n += PANEL, weight += bytes, out += PANEL) {
    const int32_t columns = g->columns - n < PANEL ? g->columns - n : PANEL;
    int32_t row = 0;
    fill_panel(&panel, g, n, bias);
    panel.weight = weight;
    if (columns == PANEL && whole_tiles > 0) {
      panel.out_stride = g->out_stride;
      panel.tap_count = taps_of_block;
      panel.blocks = g->taps / taps_of_block - 1;
      panel.far = weight + (tiles > 1 ? bytes / (panel.blocks + 1) : 0);
      kEight[quads](&panel, rows, out, whole_tiles);
      row = whole_tiles * TILE_ROWS;
      panel.weight = weight;
    }
    panel.out_stride = PANEL;
    panel.tap_count = g->taps;
    panel.blocks = 0;
    panel.far = weight;
    for (; row < row_count; row += TILE_ROWS) {
      const int32_t valid = row_count - row < TILE_ROWS ? row_count - row : TILE_ROWS;
      int8_t tile[TILE_ROWS * PANEL];
      (valid > TILE_ROWS / 2 ? kEight : kFour)[quads](&panel, rows + row, tile, 1);
      copy_tile(tile, valid, columns, out + row * g->out_stride, g->out_stride);
    }
  }
}
