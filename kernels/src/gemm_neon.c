#include "gemm_neon.h"

#include <arm_neon.h>

#include "requantize_neon.h"

/* The inner loop is assembly, because its schedule is what makes it fast and the compiler undoes
 * it: on an in-order core with one SIMD unit and one load a cycle every load has to sit beside a
 * dot product and a dozen of them before its use.  So the weights of the next four inputs, and the
 * rows' next 16 bytes, are loaded between the dot products of the present ones.  Registers for 8
 * rows: 16 accumulators, 8 row vectors, 2 pairs of weight vectors.
 *
 * Operands: lR, hR are row R's accumulators of channels 0 to 3 and 4 to 7, xR its inputs, pR where
 * its next ones are; al, ah and bl, bh hold weights, w is where the present ones are. */

/* One scheduled line each, as written. */
/* clang-format off */

/* Four inputs of row R: lane of xR times the weights `now`. */
#define ROW(R, now, lane)                                              \
  "sdot %[l" #R "].4s, %[" #now "l].16b, %[x" #R "].4b[" #lane "]\n\t" \
  "sdot %[h" #R "].4s, %[" #now "h].16b, %[x" #R "].4b[" #lane "]\n\t"
#define INPUTS(R) "ldr %q[x" #R "], [%[p" #R "]], #16\n\t"
#define WEIGHTS_LOW(next, at) "ldr %q[" #next "l], [%[w], #" #at "]\n\t"
#define WEIGHTS_HIGH(next, at) "ldr %q[" #next "h], [%[w], #" #at " + 16]\n\t"
#define ADVANCE(bytes) "add %[w], %[w], #" #bytes "\n\t"
#define COUNT_STEP "subs %w[step], %w[step], #1\n\t"
#define POINTERS(R, S, at) "ldp %[p" #R "], %[p" #S "], [%[rows], #64 + " #at "]\n\t"
#define NEXT_TAP "add %[rows], %[rows], #64\n\t"
/* As touch() of touch.h; weights are read front to back. */
#define PREFETCH(at) "ldr wzr, [%[w], #384 + " #at "]\n\t"
#define MOVE_B_TO_A "mov %[al].16b, %[bl].16b\n\tmov %[ah].16b, %[bh].16b\n\t"

/* Four inputs of all rows with the weights `now`, while `next` are loaded from w + at and the
 * extras go on. */
#define QUAD8(now, next, lane, at, extra0, extra1, extra2, extra3) \
  ROW(0, now, lane) WEIGHTS_LOW(next, at)                          \
  ROW(1, now, lane) WEIGHTS_HIGH(next, at)                         \
  ROW(2, now, lane) extra0                                         \
  ROW(3, now, lane) extra1                                         \
  ROW(4, now, lane) extra2                                         \
  ROW(5, now, lane) extra3                                         \
  ROW(6, now, lane)                                                \
  ROW(7, now, lane)
#define QUAD4(now, next, lane, at, extra0, extra1) \
  ROW(0, now, lane) WEIGHTS_LOW(next, at)          \
  ROW(1, now, lane) WEIGHTS_HIGH(next, at)         \
  ROW(2, now, lane) extra0                         \
  ROW(3, now, lane) extra1

/* The last four of the loaded inputs; each row's next ones are loaded as soon as it is done, and w
 * moves on by `at`. */
#define LAST8(now, next, lane, at)                   \
  ROW(0, now, lane) WEIGHTS_LOW(next, at)            \
  ROW(1, now, lane) INPUTS(0) WEIGHTS_HIGH(next, at) \
  ROW(2, now, lane) INPUTS(1) ADVANCE(at)            \
  ROW(3, now, lane) INPUTS(2)                        \
  ROW(4, now, lane) INPUTS(3)                        \
  ROW(5, now, lane) INPUTS(4)                        \
  ROW(6, now, lane) INPUTS(5)                        \
  ROW(7, now, lane) INPUTS(6) INPUTS(7)
#define LAST4(now, next, lane, at)                   \
  ROW(0, now, lane) WEIGHTS_LOW(next, at)            \
  ROW(1, now, lane) INPUTS(0) WEIGHTS_HIGH(next, at) \
  ROW(2, now, lane) INPUTS(1) ADVANCE(at)            \
  ROW(3, now, lane) INPUTS(2) INPUTS(3)

/* 16 inputs, more of the same tap to follow. */
#define STEP8                                           \
  QUAD8(a, b, 0, 32, PREFETCH(0), PREFETCH(64), "", "") \
  QUAD8(b, a, 1, 64, "", "", "", "")                    \
  QUAD8(a, b, 2, 96, COUNT_STEP, "", "", "")            \
  LAST8(b, a, 3, 128)
#define STEP4                                   \
  QUAD4(a, b, 0, 32, PREFETCH(0), PREFETCH(64)) \
  QUAD4(b, a, 1, 64, "", "")                    \
  QUAD4(a, b, 2, 96, COUNT_STEP, "")            \
  LAST4(b, a, 3, 128)

/* The last inputs of a tap, 1 to 4 times four; meanwhile the next tap's pointers are loaded. */
#define TAP_END8_1                                                                    \
  POINTERS(0, 1, 0) POINTERS(2, 3, 16) POINTERS(4, 5, 32) POINTERS(6, 7, 48) NEXT_TAP \
  LAST8(a, b, 0, 32) MOVE_B_TO_A
#define TAP_BEGIN8                                          \
  QUAD8(a, b, 0, 32, POINTERS(0, 1, 0), POINTERS(2, 3, 16), \
        POINTERS(4, 5, 32), POINTERS(6, 7, 48) NEXT_TAP)
#define TAP_END8_2 \
  TAP_BEGIN8       \
  LAST8(b, a, 1, 64)
#define TAP_END8_3                            \
  TAP_BEGIN8                                  \
  QUAD8(b, a, 1, 64, PREFETCH(0), "", "", "") \
  LAST8(a, b, 2, 96) MOVE_B_TO_A
#define TAP_END8_4                                      \
  TAP_BEGIN8                                            \
  QUAD8(b, a, 1, 64, PREFETCH(0), PREFETCH(64), "", "") \
  QUAD8(a, b, 2, 96, "", "", "", "")                    \
  LAST8(b, a, 3, 128)
#define TAP_END4_1                              \
  POINTERS(0, 1, 0) POINTERS(2, 3, 16) NEXT_TAP \
  LAST4(a, b, 0, 32) MOVE_B_TO_A
#define TAP_BEGIN4 QUAD4(a, b, 0, 32, POINTERS(0, 1, 0), POINTERS(2, 3, 16) NEXT_TAP)
#define TAP_END4_2 \
  TAP_BEGIN4       \
  LAST4(b, a, 1, 64)
#define TAP_END4_3                    \
  TAP_BEGIN4                          \
  QUAD4(b, a, 1, 64, PREFETCH(0), "") \
  LAST4(a, b, 2, 96) MOVE_B_TO_A
#define TAP_END4_4                              \
  TAP_BEGIN4                                    \
  QUAD4(b, a, 1, 64, PREFETCH(0), PREFETCH(64)) \
  QUAD4(a, b, 2, 96, "", "")                    \
  LAST4(b, a, 3, 128)

#define ALL_TAPS(STEP, TAP_END)      \
  "1:\n\t"                           \
  "mov %w[step], %w[steps]\n\t"      \
  "cbz %w[steps], 3f\n"              \
  "2:\n\t" STEP "b.ne 2b\n"          \
  "3:\n\t" TAP_END                   \
  "subs %w[taps], %w[taps], #1\n\t"  \
  "b.ne 1b\n\t"

#define IN_OUT(R) \
  [l##R] "+w"(acc[R][0]), [h##R] "+w"(acc[R][1]), [x##R] "+w"(x[R]), [p##R] "+r"(p[R])
#define WEIGHT_OPERANDS                                                       \
  [al] "+w"(a_low), [ah] "+w"(a_high), [bl] "=&w"(b_low), [bh] "=&w"(b_high), \
  [w] "+r"(w), [rows] "+r"(rows), [taps] "+r"(taps), [step] "=&r"(step)

#define ACCUMULATE8(TAP_END)                                                           \
  __asm__ volatile(ALL_TAPS(STEP8, TAP_END)                                            \
                   : IN_OUT(0), IN_OUT(1), IN_OUT(2), IN_OUT(3), IN_OUT(4), IN_OUT(5), \
                     IN_OUT(6), IN_OUT(7), WEIGHT_OPERANDS                             \
                   : [steps] "r"(whole_steps)                                          \
                   : "cc", "memory")
#define ACCUMULATE4(TAP_END)                                                     \
  __asm__ volatile(ALL_TAPS(STEP4, TAP_END)                                      \
                   : IN_OUT(0), IN_OUT(1), IN_OUT(2), IN_OUT(3), WEIGHT_OPERANDS \
                   : [steps] "r"(whole_steps)                                    \
                   : "cc", "memory")
/* clang-format on */

#define UNROLL _Pragma("clang loop unroll(full)")

/* Adds all products to acc.  last_quads (1 to 4) says how many times four inputs end each tap,
 * after whole_steps times 16; row_count (8 or 4) and last_quads are constants at each call. */
static inline __attribute__((always_inline)) void accumulate(
    int32x4_t acc[][2], const int row_count, const int last_quads, const int8_t* const* rows,
    int32_t taps, int32_t whole_steps, const int8_t* w) {
  const int8_t* p[TILE_ROWS];
  int8x16_t x[TILE_ROWS];
  int8x16_t a_low = vld1q_s8(w);
  int8x16_t a_high = vld1q_s8(w + 16);
  int8x16_t b_low;
  int8x16_t b_high;
  int32_t step;
  UNROLL for (int r = 0; r < row_count; ++r) {
    x[r] = vld1q_s8(rows[r]);
    p[r] = rows[r] + 16;
  }
  if (row_count == 8) {
    if (last_quads == 1) ACCUMULATE8(TAP_END8_1);
    if (last_quads == 2) ACCUMULATE8(TAP_END8_2);
    if (last_quads == 3) ACCUMULATE8(TAP_END8_3);
    if (last_quads == 4) ACCUMULATE8(TAP_END8_4);
  } else {
    if (last_quads == 1) ACCUMULATE4(TAP_END4_1);
    if (last_quads == 2) ACCUMULATE4(TAP_END4_2);
    if (last_quads == 3) ACCUMULATE4(TAP_END4_3);
    if (last_quads == 4) ACCUMULATE4(TAP_END4_4);
  }
}

/* One tile; the padding of a tile that is not full is computed and dropped. */
static inline __attribute__((always_inline)) void tile(const int row_count, const int last_quads,
                                                       const struct gemm_panel* panel,
                                                       const int8_t* const* rows, int8_t* out,
                                                       int32_t valid_rows) {
  int32x4_t acc[TILE_ROWS][2];
  const int32x4_t bias_low = vld1q_s32(panel->bias);
  const int32x4_t bias_high = vld1q_s32(panel->bias + 4);
  UNROLL for (int r = 0; r < row_count; ++r) {
    acc[r][0] = bias_low;
    acc[r][1] = bias_high;
  }
  accumulate(acc, row_count, last_quads, rows, panel->k.taps, (panel->k.depth - 1) / 16,
             panel->weight);

  const struct requant4 first =
      requant4_make(vld1q_s32(panel->multiplier), vld1q_s32(panel->shift));
  const struct requant4 second =
      requant4_make(vld1q_s32(panel->multiplier + 4), vld1q_s32(panel->shift + 4));
  const int8x16_t low = vdupq_n_s8((int8_t)panel->low);
  const int8x16_t high = vdupq_n_s8((int8_t)panel->high);
  int8x16_t result[TILE_ROWS / 2];
  UNROLL for (int r = 0; r < row_count; r += 2) {
    result[r / 2] = narrow16(requant4_apply(acc[r][0], first), requant4_apply(acc[r][1], second),
                             requant4_apply(acc[r + 1][0], first),
                             requant4_apply(acc[r + 1][1], second), low, high);
  }
  const int64_t stride = panel->out_stride;
  if (valid_rows >= row_count && panel->columns == PANEL) {
    UNROLL for (int r = 0; r < row_count; r += 2) {
      const int64x2_t pair = vreinterpretq_s64_s8(result[r / 2]);
      vst1q_lane_s64((int64_t*)(void*)out, pair, 0);
      vst1q_lane_s64((int64_t*)(void*)(out + stride), pair, 1);
      out += 2 * stride;
    }
    return;
  }
  UNROLL for (int r = 0; r < row_count; ++r) {
    if (r < valid_rows) {
      const int8x16_t pair = result[r / 2];
      store_first(out, r % 2 ? vextq_s8(pair, pair, 8) : pair, panel->columns);
      out += stride;
    }
  }
}

static inline __attribute__((always_inline)) void all_tiles(const int last_quads,
                                                            const struct gemm_panel* panel,
                                                            const int8_t* const* rows, int8_t* out,
                                                            int32_t row_count) {
  for (; row_count > TILE_ROWS / 2; row_count -= TILE_ROWS) {
    tile(TILE_ROWS, last_quads, panel, rows, out, row_count);
    rows += (int64_t)panel->k.taps * TILE_ROWS;
    out += panel->out_stride * TILE_ROWS;
  }
  if (row_count > 0) tile(TILE_ROWS / 2, last_quads, panel, rows, out, row_count);
}

void gemm_panel(const struct gemm_panel* panel, const int8_t* const* rows, int8_t* out,
                int32_t row_count) {
  switch (((panel->k.depth - 1) & 15) / 4) {
    case 0:
      all_tiles(1, panel, rows, out, row_count);
      break;
    case 1:
      all_tiles(2, panel, rows, out, row_count);
      break;
    case 2:
      all_tiles(3, panel, rows, out, row_count);
      break;
    default:
      all_tiles(4, panel, rows, out, row_count);
  }
}
