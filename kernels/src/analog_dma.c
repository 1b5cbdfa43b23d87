/* Analog layers by the tiles' own DMA: one descriptor a block for the whole layer, which its tile
 * holds from the first inference on, or, where its codes would not stay in the L2, for a band of
 * output rows, two bands at a time.  The core follows the tiles' count of pixels and finishes what
 * they have made while they go on. */
#include "analog_dma.h"

#include "analog_pixelwise.h"

/* Starts tiles of a layer whose codes all fit, whether they hold its descriptors yet or not. */
static void start_layer(const struct aimc_analog* op, int32_t first, int32_t count) {
  const struct aimc_dma* dma = op->dma;
  if (dma->pixels == dma->before) {
    start(op, dma->descriptor, false, first, count);
  } else {
    start(op, dma->descriptor, true, first, count);
  }
}

/* Gives the tiles the output rows from `oy` on: a band, or the rest. */
static void start_band(const struct aimc_analog* op, int32_t oy, bool odd) {
  struct aimc_descriptor* descriptor = op->dma->descriptor + (odd ? op->block_count : 0);
  const int32_t rest = op->window.out_h - oy;
  const uint16_t rows = (uint16_t)(rest < op->dma_rows ? rest : op->dma_rows);
  for (int32_t i = 0; i < op->block_count; ++i) {
    descriptor[i].oy = (uint16_t)oy;
    descriptor[i].row_count = rows;
  }
  start(op, descriptor, false, 0, op->block_count);
}

/* Waits until all blocks have computed a quad, or the pixels `left`.  Returns how many pixels can
 * be finished: all, or a multiple of a quad.  The codes of the first range's first pixels are
 * prefetched here unless that was already done while earlier codes were being finished. */
static int32_t wait_quad(const struct aimc_analog* op, const int8_t* codes, int32_t left) {
  const struct aimc_range* range = op->range;
  const int32_t quad = left < QUAD ? left : QUAD;
  const bool late = finished_pixels(op->tile[range->blocks - 1], op->dma->pixels) < quad;
  int32_t made = late ? wait_first(op, quad, left, codes) : look(op, range, quad, left);
  for (int32_t i = 1; i < op->range_count; ++i) made = look(op, &range[i], quad, made);
  return made == left ? left : made / QUAD * QUAD;
}

/* Finishes `pixels` pixels of a band, from pixel `done` on, as the blocks compute them. */
static void stream(const struct aimc_analog* op, const int8_t* codes, int32_t done, int32_t pixels,
                   int8_t* out, analog_finish* finish) {
  struct aimc_dma* dma = op->dma;
  const int64_t room = (int64_t)op->dma_rows * op->window.out_w;
  for (int32_t more; done < pixels; done += more) {
    const struct aimc_range* range = op->range;
    const int8_t* at = codes + done * pixel_stride(range);
    more = wait_quad(op, at, pixels - done);
    const int8_t* next_quads = at + more * pixel_stride(range);
    for (const struct aimc_range* const last = range + op->range_count - 1; range < last; ++range) {
      const int8_t* next = codes + range_codes(range + 1, room) + done * pixel_stride(range + 1);
      finish(op, range, at, next, more, out);
      at = next;
    }
    finish(op, range, at, next_quads, more, out);
    out += more * (int64_t)op->out_channels;
    dma->pixels += (uint32_t)more;
  }
}

/* Finishes the first quad of a layer of which only the first range's tiles have started.  The
 * second range's tiles start when the first's have computed a pixel.  Each later range's tiles
 * start when the tiles of all earlier ranges have computed the quad.  Returns the quad's number of
 * pixels. */
static int32_t stream_first_quad(const struct aimc_analog* op, const int8_t* codes, int8_t* out,
                                 analog_finish* finish) {
  const int32_t pixels = op->window.out_h * op->window.out_w;
  const int32_t quad = pixels < QUAD ? pixels : QUAD;
  const struct aimc_range* range = op->range;
  const struct aimc_range* const last = range + op->range_count - 1;
  wait_pixels(op, range, 1, 1, codes, 0, 0);
  start_layer(op, range[1].first, range[1].blocks);
  wait_first(op, quad, quad, codes);
  const int8_t* at = codes;
  for (; range < last; ++range) {
    const int8_t* next = codes + range_codes(range + 1, pixels);
    finish(op, range, at, next, quad, out);
    at = next;
    look(op, range + 1, quad, quad);
    if (range + 1 < last) start_layer(op, range[2].first, range[2].blocks);
  }
  op->dma->pixels += (uint32_t)quad;
  finish(op, last, at, codes + quad * pixel_stride(op->range), quad, out);
  return quad;
}

/* A layer in one band whose first tiles have started. */
static __attribute__((noinline)) void stream_layer(const struct aimc_analog* op,
                                                   const int8_t* codes, int8_t* out,
                                                   analog_finish* finish) {
  prefetch_parameters(op, out);
  const bool all = op->dma_first == op->block_count;
  const int32_t done = all ? 0 : stream_first_quad(op, codes, out, finish);
  out += done * (int64_t)op->out_channels;
  stream(op, codes, done, op->window.out_h * op->window.out_w, out, finish);
}

static __attribute__((noinline)) void run_bands(const struct aimc_analog* op, int8_t* codes,
                                                int8_t* out, analog_finish* finish) {
  const struct aimc_window* w = &op->window;
  const int32_t rows = op->dma_rows;
  start_band(op, 0, false);
  start_band(op, rows, true);
  prefetch_parameters(op, out);
  bool odd = false;
  for (int32_t oy = 0; oy < w->out_h; oy += rows, odd = !odd) {
    const int32_t height = w->out_h - oy < rows ? w->out_h - oy : rows;
    const int8_t* at = codes + (odd ? (int64_t)rows * w->out_w * op->pixel_bytes : 0);
    stream(op, at, 0, height * w->out_w, out, finish);
    out += height * w->out_w * (int64_t)op->out_channels;
    if (w->out_h - oy > 2 * rows) start_band(op, oy + 2 * rows, odd);
  }
}

/* A layer in one band. */
static inline __attribute__((always_inline)) void run_layer(const struct aimc_analog* op,
                                                            const bool again, int8_t* out,
                                                            int8_t* codes, analog_finish* finish) {
  const struct aimc_window* w = &op->window;
  start(op, op->dma->descriptor, again, 0, op->dma_first);
  if (__builtin_expect(w->out_h * w->out_w == 1 && finish == analog_finish_neon, 1)) {
    analog_stream_pixel(op, codes, out);
  } else {
    stream_layer(op, codes, out, finish);
  }
}

/* For a map or codes at other addresses than before, as in the first inference.  A function of its
 * own, so that the rest uses the same stack addresses as in other inferences. */
static __attribute__((noinline)) void run_elsewhere(const struct aimc_analog* op, const int8_t* in,
                                                    int8_t* out, int8_t* codes,
                                                    analog_finish* finish) {
  fill_descriptors(op, in, codes);
  if (op->dma_rows < op->window.out_h) {
    run_bands(op, codes, out, finish);
  } else {
    run_layer(op, false, out, codes, finish);
  }
}

/* The tiles of a layer start as soon as possible: no register is saved before, since all later code
 * is in functions that this one ends with. */
static inline __attribute__((always_inline)) void run(const struct aimc_analog* op,
                                                      const int8_t* in, int8_t* out, int8_t* codes,
                                                      analog_finish* finish) {
  const struct aimc_dma* dma = op->dma;
  prefetch((const int8_t*)op->tile);
  if (__builtin_expect(dma->in != in || dma->codes != codes, 0)) {
    run_elsewhere(op, in, out, codes, finish);
  } else if (__builtin_expect(op->dma_rows < op->window.out_h, 0)) {
    run_bands(op, codes, out, finish);
  } else {
    run_layer(op, true, out, codes, finish);
  }
}

void aimc_analog_dma_ref(const struct aimc_analog* op, const int8_t* in, int8_t* out,
                         void* scratch) {
  run(op, in, out, scratch, analog_finish_ref);
}

void aimc_analog_dma_neon(const struct aimc_analog* op, const int8_t* in, int8_t* out,
                          void* scratch) {
  run(op, in, out, scratch, analog_finish_neon);
}
