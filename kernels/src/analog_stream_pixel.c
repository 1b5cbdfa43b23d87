/* Layers of one pixel by DMA. All preparation is done while the tiles compute. The work after the
 * codes arrive is as short as possible, since in a layer of one pixel nothing overlaps it. */
#include "analog_columns_neon.h"
#include "analog_pixelwise.h"
#include "analog_wait.h"

/* Largest number of blocks that are polled together. */
#define TOGETHER 8

/* Sets `lines` for as many ranges from `range` on as analog_pixelwise() can finish in one call, and
 * returns their number. Several ranges have at most TOGETHER blocks and may differ only in the last
 * one's columns. */
static int32_t prepare_lines(const struct aimc_analog* op, const struct aimc_range* range,
                             struct analog_linewise* lines) {
  const struct aimc_range* const end = op->range + op->range_count;
  const struct aimc_range* last = range;
  const int32_t groups = range->columns / LINE_COLUMNS;
  int32_t all = groups;
  while (last + 1 < end && last->columns == groups * LINE_COLUMNS &&
         last[1].columns >= LINE_COLUMNS && last[1].columns <= last->columns &&
         last[1].blocks == range->blocks && last[1].step == range->step &&
         (last + 2 - range) * range->blocks <= TOGETHER) {
    ++last;
    all += last->columns / LINE_COLUMNS;
  }
  begin_pixel(lines, op, range);
  lines->groups = (uint64_t)all;
  lines->range_step = pixel_stride(range) - (groups - 1) * LINE_COLUMNS;
  return (int32_t)(last + 1 - range);
}

/* Prefetches parameters until `tile` has computed a pixel, or all are prefetched. */
static inline void prefetch_until_finished(const struct aimc_analog* op, int32_t tile,
                                           uint32_t before) {
  const int8_t* at = op->pixel_columns;
  const int8_t* const end = at + op->out_channels * ANALOG_PIXEL_COLUMN_BYTES;
  do {
    for (int i = 0; i < 4; ++i, at += AIMC_ALIGN) prefetch(at);
  } while (at < end && finished_pixels(tile, before) == 0);
}

static __attribute__((noinline)) void stream_lines(const struct aimc_analog* op,
                                                   const int8_t* codes, int8_t* out) {
  const uint32_t before = op->dma->pixels++;
  const struct aimc_range* range = op->range;
  const struct aimc_range* const end = range + op->range_count;
  struct analog_linewise lines;
  int32_t ranges = prepare_lines(op, range, &lines);
  prefetch_to_write(out);
  prefetch_until_finished(op, *op->tile, before);
  for (;;) {
    wait_tiles(op, range->first, ranges * range->blocks, before, 1, 1, codes, range->step, 1, 0);
    analog_pixelwise(&lines, codes, out + range->n0);
    const struct aimc_range* const last = range + ranges - 1;
    codes += last->codes - range->codes;
    finish_pixel_rest(op, last, codes, out + last->n0);
    range = last + 1;
    if (range == end) return;
    codes += range->codes - last->codes;
    ranges = prepare_lines(op, range, &lines);
  }
}

/* Waits for `least` pixels, 0 or 1, of the only range and finishes it. */
static __attribute__((noinline)) void finish_few(const struct aimc_analog* op, uint32_t before,
                                                 int32_t least, const int8_t* codes, int8_t* out) {
  const struct aimc_range* range = op->range;
  int32_t columns = range->columns;
  int32_t n = 0;
  struct columns16 c = columns16_packed(op, n); /* while the tiles work */
  const struct codes16 of = {codes, 0, range->step, range->blocks};
  wait_tiles(op, 0, of.blocks, before, least, 1, codes, of.step, 1, 0);
  for (;;) {
    finish_pixels(1, &c, &of, of.first + n, 0, &(struct results){out + n, 0, columns});
    columns -= 16;
    if (columns <= 0) return;
    n += 16;
    c = columns16_packed(op, n);
  }
}

/* One range of few columns. The pixel is first finished once with whatever codes are in the buffer,
 * so that code and data are in the caches. */
static __attribute__((noinline)) void stream_few(const struct aimc_analog* op, const int8_t* codes,
                                                 int8_t* out) {
  const uint32_t before = op->dma->pixels++;
  prefetch_to_write(out);
  aimc_prefetch(op->columns, (size_t)(op->out_channels * ANALOG_COLUMN_BYTES));
  finish_few(op, before, 0, codes, out);
  finish_few(op, before, 1, codes, out);
}

static __attribute__((noinline)) void stream_any(const struct aimc_analog* op, const int8_t* codes,
                                                 int8_t* out) {
  const uint32_t before = op->dma->pixels++;
  const struct aimc_range* const end = op->range + op->range_count;
  for (const struct aimc_range* range = op->range; range < end; ++range) {
    const int8_t* at = codes + range->codes;
    wait_tiles(op, range->first, range->blocks, before, 1, 1, at, range->step, 1, 0);
    analog_finish_neon(op, range, at, codes, 1, out);
  }
}

void analog_stream_pixel(const struct aimc_analog* op, const int8_t* codes, int8_t* out) {
  const int32_t least = op->range[op->range_count - 1].columns; /* of any range */
  /* The blocks of the first range are as many as those of any. */
  const bool packed = op->pixel_columns && narrow_sums(op, op->range);
  if (packed && least >= LINE_COLUMNS) {
    stream_lines(op, codes, out);
  } else if (packed && op->range_count == 1) {
    stream_few(op, codes, out);
  } else {
    stream_any(op, codes, out);
  }
}
