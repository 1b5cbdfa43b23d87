/* Copies of an analog layer by the tiles' own DMA.  All copies work at the same time, each on the
 * descriptors of its share of the pixels.  The core visits the copies in turn and finishes the next
 * pixels of each, at least four, when all its tiles have computed them.  So little work is left
 * when the last tile is done.  The core is then the bottleneck; with few columns it finishes
 * several pixels at once (analog_side_by_side.h). */
#include "analog_dma.h"
#include "analog_side_by_side.h"

static inline int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }

/* Pixels of a copy whose codes fit at a time; there are two such buffers for several bands. */
static inline int64_t room_of(const struct aimc_analog* copy) {
  return (int64_t)copy->dma_rows * copy->window.out_w;
}

/* Bytes from a copy's codes to the next copy's; see copies_scratch_bytes of packing.py. */
static inline int64_t copy_stride(const struct aimc_analog* copy) {
  const int32_t bands = copy->dma_rows < copy->window.out_h ? 2 : 1;
  return bands * room_of(copy) * copy->pixel_bytes + AIMC_ALIGN;
}

/* fill_descriptors() for pixels whose codes are side by side. */
static void fill_side_by_side(const struct aimc_analog* copy, const int8_t* in, int8_t* codes) {
  fill_descriptors(copy, in, codes);
  const int64_t step = side_by_side_step(copy, room_of(copy));
  struct aimc_descriptor* descriptor = copy->dma->descriptor;
  for (int32_t i = 0; i < 2 * copy->block_count; ++i, ++descriptor) {
    const bool odd = i >= copy->block_count;
    const int8_t* to = codes + (odd ? room_of(copy) * copy->pixel_bytes : 0);
    to += (odd ? i - copy->block_count : i) * step;
    descriptor->out_base = (uint64_t)(uintptr_t)to;
    descriptor->out_stride = (uint32_t)copy->out_channels;
  }
}

/* Rows of a copy's band that starts with its row `row`; 0 or less: none. */
static inline int32_t band_height(const struct aimc_copies* op, int32_t k, int32_t row) {
  return smaller(op->share[k].rows - row, op->copy->dma_rows);
}

/* Gives the tiles the copies' bands that start with their row `row`.  With `again`, tells them to
 * run the descriptors that they hold. */
static void start_band(const struct aimc_copies* op, int32_t row, bool odd, bool again) {
  for (int32_t k = 0; k < op->count; ++k) {
    const struct aimc_analog* copy = &op->copy[k];
    struct aimc_descriptor* descriptor = copy->dma->descriptor + (odd ? copy->block_count : 0);
    const int32_t rows = band_height(op, k, row);
    if (rows < 1) return;
    if (again) {
      start(copy, descriptor, true, 0, copy->block_count);
      continue;
    }
    for (int32_t i = 0; i < copy->block_count; ++i) {
      descriptor[i].oy = (uint16_t)(op->share[k].oy + row);
      descriptor[i].ox0 = (uint16_t)op->share[k].ox;
      descriptor[i].count = (uint16_t)op->share[k].columns;
      descriptor[i].row_count = (uint16_t)rows;
    }
    start(copy, descriptor, false, 0, copy->block_count);
  }
}

/* Waits until a copy has computed the next `least` of the `left` pixels of its band, or all of
 * them.  Returns how many can be finished: all, or a multiple of `least`.  Prefetches `codes` of
 * four pixels, unless 0. */
static int32_t wait_copy(const struct aimc_analog* copy, const int8_t* codes, int32_t least,
                         int32_t left) {
  const struct aimc_range* range = copy->range;
  const int32_t few = smaller(left, least);
  const bool late =
      codes && finished_pixels(copy->tile[range->blocks - 1], copy->dma->pixels) < few;
  int32_t made = late ? wait_first(copy, few, left, codes) : look(copy, range, few, left);
  for (int32_t i = 1; i < copy->range_count; ++i) made = look(copy, &range[i], few, made);
  return made == left ? left : made / least * least;
}

/* Finishes `pixels` pixels of a copy's band from pixel `done` on; `next` is read afterwards. */
static void finish_copy(const struct aimc_analog* copy, const int8_t* codes, int32_t done,
                        int32_t pixels, const int8_t* next, int8_t* out, analog_finish* finish) {
  const int64_t room = room_of(copy);
  const struct aimc_range* const end = copy->range + copy->range_count;
  for (const struct aimc_range* range = copy->range; range < end; ++range) {
    const int8_t* at = codes + range_codes(range, room) + done * pixel_stride(range);
    const int8_t* then = next;
    if (range + 1 < end)
      then = codes + range_codes(range + 1, room) + done * pixel_stride(range + 1);
    finish(copy, range, at, then, pixels, out);
  }
}

/* Finishes the copies' bands that start with their row `row`.  Without `finish`, the pixels' codes
 * are side by side. */
static void stream(const struct aimc_copies* op, const int8_t* codes, int32_t row, int8_t* out,
                   analog_finish* finish) {
  const struct aimc_analog* first = op->copy;
  const int64_t stride = finish ? pixel_stride(first->range) : first->out_channels;
  const int64_t step = side_by_side_step(first, room_of(first));
  const int64_t apart = copy_stride(first);
  const int32_t most = band_height(op, 0, row) * op->share->columns;
  for (int32_t done = 0, more; done < most; done += more) {
    more = most - done;
    const int8_t* at = codes + done * stride;
    for (int32_t k = 0; k < op->count; ++k, at += apart) {
      const int32_t left = band_height(op, k, row) * op->share[k].columns - done;
      if (left < 1) break;
      const int32_t ready = wait_copy(&first[k], finish ? at : 0, QUAD * op->together, left);
      if (ready < left) more = smaller(more, ready);
    }
    for (int32_t k = 0; k < op->count; ++k) {
      const struct aimc_share* share = &op->share[k];
      const int32_t left = band_height(op, k, row) * share->columns - done;
      if (left < 1) break;
      const int8_t* own = codes + k * apart;
      const bool last = k + 1 == op->count;
      const int8_t* next = last ? codes + (done + more) * stride : own + apart + done * stride;
      const int64_t pixel = (int64_t)(share->oy + row) * first->window.out_w + share->ox + done;
      int8_t* to = out + pixel * first->out_channels;
      const int32_t pixels = smaller(more, left);
      if (finish) {
        finish_copy(&first[k], own, done, pixels, next, to, finish);
      } else {
        analog_finish_side_by_side(op, own + done * stride, step, next, pixels, to);
      }
      first[k].dma->pixels += (uint32_t)pixels;
    }
  }
}

static void run(const struct aimc_copies* op, const int8_t* in, int8_t* out, int8_t* codes,
                analog_finish* finish) {
  const struct aimc_analog* first = op->copy;
  const bool elsewhere = first->dma->in != in || first->dma->codes != codes;
  if (elsewhere) {
    for (int32_t k = 0; k < op->count; ++k) {
      int8_t* own = codes + k * copy_stride(first);
      if (finish) {
        fill_descriptors(&first[k], in, own);
      } else {
        fill_side_by_side(&first[k], in, own);
      }
    }
  }
  const int32_t rows = first->dma_rows;
  const int32_t height = op->share->rows;
  start_band(op, 0, false, !elsewhere && rows >= first->window.out_h);
  if (rows < height) start_band(op, rows, true, false);
  prefetch_parameters(first, out);
  bool odd = false;
  for (int32_t row = 0; row < height; row += rows, odd = !odd) {
    stream(op, codes + (odd ? room_of(first) * first->pixel_bytes : 0), row, out, finish);
    if (row + 2 * rows < height) start_band(op, row + 2 * rows, odd, false);
  }
}

void aimc_copies_dma_ref(const struct aimc_copies* op, const int8_t* in, int8_t* out,
                         void* scratch) {
  run(op, in, out, scratch, analog_finish_ref);
}

void aimc_copies_dma_neon(const struct aimc_copies* op, const int8_t* in, int8_t* out,
                          void* scratch) {
  run(op, in, out, scratch, op->columns ? 0 : analog_finish_neon);
}
