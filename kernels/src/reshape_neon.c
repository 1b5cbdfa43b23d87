/* Reshape in NCHW order: transpose to NCHW, then from it. */
#include <arm_neon.h>

#include "aimc_ops.h"
#include "requantize_neon.h"

/* Transposes 8 rows of 8 bytes. */
static inline void transpose8(const int8_t* from, int64_t from_stride, int8_t* to,
                              int64_t to_stride) {
  int8x8_t row[8];
  for (int i = 0; i < 8; ++i) row[i] = vld1_s8(from + i * from_stride);
  int16x4_t pair[8];
  for (int i = 0; i < 4; ++i) {
    pair[2 * i] = vreinterpret_s16_s8(vtrn1_s8(row[2 * i], row[2 * i + 1]));
    pair[2 * i + 1] = vreinterpret_s16_s8(vtrn2_s8(row[2 * i], row[2 * i + 1]));
  }
  int32x2_t quad[8];
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 2; ++j) {
      const int16x4_t upper = pair[4 * i + j];
      const int16x4_t lower = pair[4 * i + j + 2];
      quad[4 * i + j] = vreinterpret_s32_s16(vtrn1_s16(upper, lower));
      quad[4 * i + j + 2] = vreinterpret_s32_s16(vtrn2_s16(upper, lower));
    }
  }
  for (int j = 0; j < 4; ++j) {
    vst1_s8(to + j * to_stride, vreinterpret_s8_s32(vtrn1_s32(quad[j], quad[j + 4])));
    vst1_s8(to + (j + 4) * to_stride, vreinterpret_s8_s32(vtrn2_s32(quad[j], quad[j + 4])));
  }
}

/* from is [rows][columns], to becomes [columns][rows]. */
static void transpose(const int8_t* from, int64_t rows, int64_t columns, int8_t* to) {
  const int64_t whole_rows = rows & ~7;
  const int64_t whole_columns = columns & ~7;
  for (int64_t r = 0; r < whole_rows; r += 8) {
    for (int64_t c = 0; c < whole_columns; c += 8) {
      transpose8(from + r * columns + c, columns, to + c * rows + r, rows);
    }
  }
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t first = r < whole_rows ? whole_columns : 0;
    for (int64_t c = first; c < columns; ++c) to[c * rows + r] = from[r * columns + c];
  }
}

void aimc_reshape_neon(const struct aimc_reshape* op, const int8_t* in, int8_t* out,
                       void* scratch) {
  if (op->in_channels == op->out_channels) { /* and so are the pixels */
    const int32_t count = op->in_pixels * op->in_channels;
    for (int32_t i = 0; i < count; i += 16) store_first(out + i, vld1q_s8(in + i), count - i);
    return;
  }
  const int8_t* flat = in; /* NCHW order */
  if (op->in_pixels > 1 && op->in_channels > 1) {
    const int no_second = op->out_pixels == 1 || op->out_channels == 1;
    int8_t* to = no_second ? out : scratch;
    transpose(in, op->in_pixels, op->in_channels, to);
    if (no_second) return;
    flat = to;
  }
  transpose(flat, op->out_channels, op->out_pixels, out);
}
