#include "gemm_neon.h"

#include <arm_neon.h>
#include <stdbool.h>
#include <stddef.h>

#include "gemm_layout.h"
#include "prefetch.h"
#include "requantize_neon.h"

/* The panel of the tiles of gemm_tile.S. */
struct gemm_panel {
  const int8_t* weight; /* changed */
  const int64_t* taps;
  const int8_t* far; /* weights to prefetch, far_step bytes in every step */
  int64_t far_step;
  int64_t out_stride;
  const int32x4_t* bias; /* initial values of a tile's sums, [SUMS] */
  int32_t* sums;         /* sums of all tiles between blocks, [tiles][SUMS] */
  const int8_t* const* rows;
  int64_t tiles;
  int32_t tap_count; /* of a block */
  int32_t steps;     /* whole ones before the last of a tap */
  int32_t shifts_left;
  int32_t blocks; /* before the last one; changed */
  int8x16_t low;  /* or the bits of four floats, as the next */
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
tile_function gemm_fp32_8_1, gemm_fp32_8_2, gemm_fp32_8_3, gemm_fp32_8_4;
tile_function gemm_fp32_4_1, gemm_fp32_4_2, gemm_fp32_4_3, gemm_fp32_4_4;

/* [fp32][quads - 1] */
static tile_function* const kEight[2][4] = {
    {gemm_int8_8_1, gemm_int8_8_2, gemm_int8_8_3, gemm_int8_8_4},
    {gemm_fp32_8_1, gemm_fp32_8_2, gemm_fp32_8_3, gemm_fp32_8_4}};
static tile_function* const kFour[2][4] = {
    {gemm_int8_4_1, gemm_int8_4_2, gemm_int8_4_3, gemm_int8_4_4},
    {gemm_fp32_4_1, gemm_fp32_4_2, gemm_fp32_4_3, gemm_fp32_4_4}};

#define STEP_BYTES 128            /* weights that one step of a tile reads */
#define SUMS (2 * AIMC_GEMM_ROWS) /* vectors of a tile's sums */
#define BLOCK_TILES 4             /* at most, to go in blocks */
#define BLOCK_BYTES (6 << 10)     /* of a block's weights, at most unless a tap has more */
_Static_assert(BLOCK_TILES * SUMS * 4 == AIMC_GEMM_SUMS, "gemm_neon.h");

/* The panel that begins with `column`; every row of `bias` becomes its biases. */
static void fill_panel(struct gemm_panel* panel, const struct gemm* g, int32_t column,
                       int32x4_t bias[SUMS]) {
  for (int i = 0; i < 2; ++i) {
    const int32x4_t first = vld1q_s32(g->bias + column + 4 * i);
    for (int r = i; r < SUMS; r += 2) bias[r] = first;
  }
  prefetch((const int8_t*)(g->bias + column + 4 * AIMC_PANEL));
  if (!g->requant) return;
  const int32_t* multiplier = g->requant->multiplier + g->first_column + column;
  const int32_t* shift = g->requant->shift + g->first_column + column;
  int32x4_t any_left = vdupq_n_s32(0);
  for (int i = 0; i < 2; ++i) {
    const struct requant4 requant =
        requant4_make(vld1q_s32(multiplier + 4 * i), vld1q_s32(shift + 4 * i));
    panel->multiplier[i] = requant.multiplier;
    panel->right[i] = requant.right;
    panel->left[i] = requant.left;
    any_left = vorrq_s32(any_left, requant.left);
  }
  panel->shifts_left = vmaxvq_s32(any_left) != 0;
  prefetch((const int8_t*)(multiplier + 4 * AIMC_PANEL));
  prefetch((const int8_t*)(shift + 4 * AIMC_PANEL));
}

/* Copies the valid part of a tile; `row_bytes` of each row. */
static void copy_tile(const int8_t* tile, int32_t rows, int64_t row_bytes, int64_t tile_stride,
                      int8_t* out, int64_t stride) {
  for (int32_t r = 0; r < rows; ++r, tile += tile_stride, out += stride) {
    int64_t i = 0;
    for (; i + 8 <= row_bytes; i += 8) vst1_s8(out + i, vld1_s8(tile + i));
    for (; i < row_bytes; ++i) out[i] = tile[i];
  }
}

/* Taps that all tiles of a panel compute before any continues, a divisor of all taps.  Where the
 * panel's weights do not fit the L1, a block's weights then hit the L1 in every tile except the
 * first. */
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
  const bool fp32 = g->requant == NULL;
  const int32_t size = fp32 ? sizeof(float) : 1;
  tile_function* const eight = kEight[fp32][(g->depth - 1) % 16 / 4];
  tile_function* const four = kFour[fp32][(g->depth - 1) % 16 / 4];
  const int64_t bytes = gemm_panel_bytes(g->taps, g->depth);
  const int32_t whole_tiles = row_count / AIMC_GEMM_ROWS;
  const int32_t tiles = (row_count + AIMC_GEMM_ROWS - 1) / AIMC_GEMM_ROWS;
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
      .low = fp32 ? vreinterpretq_s8_f32(vdupq_n_f32(g->low)) : vdupq_n_s8((int8_t)g->requant->low),
      .high =
          fp32 ? vreinterpretq_s8_f32(vdupq_n_f32(g->high)) : vdupq_n_s8((int8_t)g->requant->high),
  };
  const int8_t* weight = g->weight;
  for (int32_t n = 0; n < g->columns; n += AIMC_PANEL, weight += bytes, out += AIMC_PANEL * size) {
    const int32_t columns = g->columns - n < AIMC_PANEL ? g->columns - n : AIMC_PANEL;
    int32_t row = 0;
    fill_panel(&panel, g, n, bias);
    panel.weight = weight;
    if (columns == AIMC_PANEL && whole_tiles > 0) {
      panel.out_stride = g->out_stride;
      panel.tap_count = taps_of_block;
      panel.blocks = g->taps / taps_of_block - 1;
      panel.far = weight + (tiles > 1 ? bytes / (panel.blocks + 1) : 0);
      eight(&panel, rows, out, whole_tiles);
      row = whole_tiles * AIMC_GEMM_ROWS;
      panel.weight = weight;
    }
    if (row == row_count) continue;
    const bool is_small = row_count - row <= AIMC_GEMM_ROWS / 2;
    int8_t rest[AIMC_STRIP * AIMC_PANEL * sizeof(float)];
    panel.out_stride = AIMC_PANEL * size;
    panel.tap_count = g->taps;
    panel.blocks = 0;
    panel.far = weight;
    (is_small ? four : eight)(&panel, rows + row, rest, tiles - row / AIMC_GEMM_ROWS);
    copy_tile(rest, row_count - row, columns * size, AIMC_PANEL * size, out + row * g->out_stride,
              g->out_stride);
  }
}
