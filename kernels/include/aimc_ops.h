/* Operators of the integer network (harness/quant/program.py) and of its analog layers
 * (harness/placement/plan.py), bit-exact with their definitions there.
 *
 * A generated program describes every layer by one `static const struct aimc_<op>` and calls
 *
 *     aimc_conv(&conv1, input, output, scratch);
 *
 * which is aimc_conv_neon (Advanced SIMD with dot product), or aimc_conv_ref (plain C) where
 * AIMC_REFERENCE_KERNELS is defined.
 *
 * Memory
 *   Activations are NHWC int8 without the batch axis and without channel padding: pixel (y, x) of
 *   an (h, w, c) map is at (y * w + x) * c; a vector is a 1 x 1 map.
 *   Every activation buffer and the scratch buffer start on a multiple of AIMC_ALIGN bytes and are
 *   followed by AIMC_SLACK bytes that may be read (their values do not matter).  Nothing is ever
 *   written beyond a tensor's last element.  Input and output must not overlap, except in
 *   aimc_add and aimc_clip, whose output may be an input itself.
 *   Scratch holds nothing between calls: one buffer as large as the largest request serves the
 *   whole network.  harness/codegen/packing.py computes the requests (conv_scratch_bytes, ...).
 *   Weights, biases and requantization arrays have the layouts that the functions named below in
 *   harness/codegen/packing.py return, and start on a multiple of AIMC_ALIGN bytes; what kernels
 *   read beyond their end is part of the returned arrays.
 */
#ifndef AIMC_OPS_H
#define AIMC_OPS_H

#include <stddef.h>
#include <stdint.h>

#include "aimc_layout.h"
#include "aimc_window.h"

/* Brings the cache lines of `bytes` bytes from `at` on nearer; nothing waits for them. */
static inline void aimc_nearer(const void* at, size_t bytes) {
  for (size_t i = 0; i < bytes; i += AIMC_ALIGN) {
    __asm__ volatile("prfm pldl1keep, [%0]" : : "r"((const char*)at + i));
  }
}

/* int32 to int8, per channel:
 *   t = saturate32(acc << max(-shift, 0));  t = (t * multiplier + 2**30) >> 31
 *   t = (t + (1 << (shift - 1))) >> shift where shift > 0;  clamp(t, low, high)
 * multiplier is in [2**30, 2**31) or 0, shift in [-31, 62]. */
struct aimc_requant {
  const int32_t* multiplier; /* pack_channels(requant.multiplier, channels) */
  const int32_t* shift;      /* pack_channels(requant.shift, channels) */
  int32_t low;
  int32_t high;
};

/* Convolution with `groups` groups; 1 is the dense convolution. */
struct aimc_conv {
  struct aimc_window window;
  int32_t in_channels;  /* of all groups together */
  int32_t out_channels; /* of all groups together */
  int32_t groups;
  const int8_t* weight; /* pack_conv_weight(weight, groups, kernels) */
  const int32_t* bias;  /* pack_channels(bias, out_channels) */
  struct aimc_requant requant;
};

/* Convolution with groups == in_channels == out_channels. */
struct aimc_depthwise {
  struct aimc_window window;
  int32_t channels;
  const int8_t* weight; /* pack_depthwise_weight(weight, sliding, kernels) */
  const int32_t* bias;  /* pack_channels(bias, channels) */
  struct aimc_requant requant;
};

struct aimc_dense {
  int32_t in_features;
  int32_t out_features;
  const int8_t* weight; /* pack_dense_weight(weight, kernels) */
  const int32_t* bias;  /* pack_channels(bias, out_features) */
  struct aimc_requant requant;
};

/* Padding never wins; dilation is 1.  A window wholly in padding gives `low`. */
struct aimc_maxpool {
  struct aimc_window window;
  int32_t channels;
  int32_t low;
  int32_t high;
};

/* The sum over the valid elements is requantized with entry `count` of the tables, where count is
 * the number of valid elements, or kernel_h * kernel_w if count_include_pad; entry 0 is unused.
 * Dilation is 1.  A global pool is a window as large as the map. */
struct aimc_avgpool {
  struct aimc_window window;
  int32_t channels;
  int32_t count_include_pad;
  const int32_t* multiplier; /* [kernel_h * kernel_w + 1] */
  const int32_t* shift;      /* [kernel_h * kernel_w + 1] */
  int32_t low;
  int32_t high;
};

/* clamp((a * multiplier_a + b * multiplier_b + (1 << (shift - 1))) >> shift, low, high) */
struct aimc_add {
  int32_t count; /* elements */
  int32_t multiplier_a;
  int32_t multiplier_b;
  int32_t shift;
  int32_t low;
  int32_t high;
};

/* One input of a concatenation; multiplier 0 copies it as it is. */
struct aimc_concat_input {
  int32_t channels;
  int32_t multiplier;
  int32_t shift;
  int32_t low;
  int32_t high;
};

/* Concatenation along the channels. */
struct aimc_concat {
  int32_t pixels; /* h * w, or 1 for vectors */
  int32_t inputs;
  const struct aimc_concat_input* input; /* [inputs] */
};

struct aimc_clip {
  int32_t count; /* elements */
  int32_t low;
  int32_t high;
};

/* (h, w, c) read in NCHW order becomes (h, w, c) written in NCHW order. */
struct aimc_reshape {
  int32_t in_pixels; /* h * w */
  int32_t in_channels;
  int32_t out_pixels;
  int32_t out_channels;
};

/* y[i] = min(127, (256 * e[i] + sum) / (2 * sum)), e[i] = table[max(x) - x[i]] */
struct aimc_softmax {
  int32_t count;
  const uint16_t* table; /* [256] */
};

/* Rows [k0, k0 + rows) and columns [n0, n0 + columns) of an analog layer's matrix. */
struct aimc_block {
  int32_t tile;
  int32_t k0;
  int32_t rows;
  int32_t n0;
  int32_t columns;
  const void* image; /* pack_tile_image(block), for aimc_tiles_program */
};

/* Row blocks that have the same columns: analog_ranges(blocks, adc_bits). */
struct aimc_range {
  int32_t first; /* block */
  int32_t blocks;
  int32_t n0;
  int32_t columns;
  int32_t codes; /* bytes of a pixel's codes of the ranges before */
  int32_t step;  /* bytes from one block's codes of a pixel to the next one's */
};

struct aimc_descriptor;

/* What aimc_analog_dma keeps from one call to the next: zeros before the first, but for
 * `descriptor`. */
struct aimc_dma {
  const int8_t* in;                   /* that the descriptors read */
  int8_t* codes;                      /* that they write */
  uint32_t pixels;                    /* that each tile has made since aimc_tiles_probe, */
  uint32_t before;                    /* and had before it was handed its descriptor */
  struct aimc_descriptor* descriptor; /* [2 * block_count], on a multiple of AIMC_ALIGN */
};

/* A convolution (groups 1) or dense layer (a 1 x 1 map with a 1 x 1 kernel) on tiles:
 *   acc[n] = ((sum over row blocks of code[n]) << 8) + bias[n];  y[n] = requantize(acc[n])
 * Each block's tile makes one MVM an output pixel, in raster order. */
struct aimc_analog {
  /* Of aimc_analog_dma only, which begins with them: */
  struct aimc_dma* dma;
  const uint16_t* tile; /* [block_count], the blocks' */
  int32_t dma_rows;     /* output rows a descriptor: rows_of_a_descriptor(...) */
  int32_t dma_first;    /* blocks that begin with the layer: first_blocks(...) */

  int32_t block_count;
  struct aimc_window window;
  int32_t in_channels;
  int32_t out_channels;
  int32_t code_bytes;             /* 1 if the ADC has 8 bits or fewer, else 2 */
  const struct aimc_block* block; /* [block_count], by column range, then by row range */
  int32_t range_count;
  const struct aimc_range* range; /* [range_count] */
  const int32_t* bias;            /* pack_channels(bias, out_channels) */
  struct aimc_requant requant;
  const int32_t* columns;      /* pack_analog_columns(bias, requant, blocks), or 0 */
  const int8_t* pixel_columns; /* pack_pixel_columns(...) if pixels are finished one by one, or 0 */
  int32_t pixel_bytes;         /* code_bytes_of_a_pixel(block_columns, adc_bits) */
};

/* A rectangle of output pixels. */
struct aimc_share {
  int32_t oy;
  int32_t ox;
  int32_t rows;
  int32_t columns;
};

/* An analog layer whose matrix several copies hold, which share its output pixels.  They differ in
 * their tiles, which are as many apart for all blocks of two copies, and in nothing else.
 * By programmed I/O pixels take turns: copy k makes pixels k, k + count, ...  By DMA copy k makes
 * share[k], which has no fewer pixels than share[k + 1]; the copies' windows have the output size
 * of share[0]. */
struct aimc_copies {
  int32_t count;
  int32_t together; /* pixels whose codes lie side by side by DMA: pixels_side_by_side(...) */
  const struct aimc_analog* copy; /* [count] */
  const struct aimc_share* share; /* [count], or 0 */
  const int32_t* columns;         /* pack_analog_columns(...) of `together` pixels, or 0 */
};

/* Digital operators: _ref is the definition in plain C, _neon is the fast one. */
#define AIMC_DECLARE(op, ...) \
  void op##_ref(__VA_ARGS__); \
  void op##_neon(__VA_ARGS__)

AIMC_DECLARE(aimc_conv, const struct aimc_conv* op, const int8_t* in, int8_t* out, void* scratch);
AIMC_DECLARE(aimc_depthwise, const struct aimc_depthwise* op, const int8_t* in, int8_t* out,
             void* scratch);
AIMC_DECLARE(aimc_dense, const struct aimc_dense* op, const int8_t* in, int8_t* out);
AIMC_DECLARE(aimc_maxpool, const struct aimc_maxpool* op, const int8_t* in, int8_t* out);
AIMC_DECLARE(aimc_avgpool, const struct aimc_avgpool* op, const int8_t* in, int8_t* out);
AIMC_DECLARE(aimc_add, const struct aimc_add* op, const int8_t* a, const int8_t* b, int8_t* out);
AIMC_DECLARE(aimc_concat, const struct aimc_concat* op, const int8_t* const* in, int8_t* out);
AIMC_DECLARE(aimc_clip, const struct aimc_clip* op, const int8_t* in, int8_t* out);
AIMC_DECLARE(aimc_reshape, const struct aimc_reshape* op, const int8_t* in, int8_t* out,
             void* scratch);
AIMC_DECLARE(aimc_softmax, const struct aimc_softmax* op, const int8_t* in, int8_t* out);

/* Analog layers, by programmed I/O and by the tiles' own DMA; _ref and _neon differ in the
 * digital part.  A tile's error ends the program with a message. */
AIMC_DECLARE(aimc_analog_pio, const struct aimc_analog* op, const int8_t* in, int8_t* out,
             void* scratch);
AIMC_DECLARE(aimc_analog_dma, const struct aimc_analog* op, const int8_t* in, int8_t* out,
             void* scratch);
/* For a dense layer of one range of columns, int8 codes and `columns`, faster than either. */
AIMC_DECLARE(aimc_analog_few, const struct aimc_analog* op, const int8_t* in, int8_t* out,
             void* scratch);

/* The same for a layer of several pixels with copies. */
AIMC_DECLARE(aimc_copies_pio, const struct aimc_copies* op, const int8_t* in, int8_t* out,
             void* scratch);
AIMC_DECLARE(aimc_copies_dma, const struct aimc_copies* op, const int8_t* in, int8_t* out,
             void* scratch);

#undef AIMC_DECLARE

#ifdef AIMC_REFERENCE_KERNELS
#define AIMC_KERNEL(op) op##_ref
#else
#define AIMC_KERNEL(op) op##_neon
#endif

static inline void aimc_conv(const struct aimc_conv* op, const int8_t* in, int8_t* out,
                             void* scratch) {
  AIMC_KERNEL(aimc_conv)(op, in, out, scratch);
}

static inline void aimc_depthwise(const struct aimc_depthwise* op, const int8_t* in, int8_t* out,
                                  void* scratch) {
  AIMC_KERNEL(aimc_depthwise)(op, in, out, scratch);
}

static inline void aimc_dense(const struct aimc_dense* op, const int8_t* in, int8_t* out) {
  AIMC_KERNEL(aimc_dense)(op, in, out);
}

static inline void aimc_maxpool(const struct aimc_maxpool* op, const int8_t* in, int8_t* out) {
  AIMC_KERNEL(aimc_maxpool)(op, in, out);
}

static inline void aimc_avgpool(const struct aimc_avgpool* op, const int8_t* in, int8_t* out) {
  AIMC_KERNEL(aimc_avgpool)(op, in, out);
}

static inline void aimc_add(const struct aimc_add* op, const int8_t* a, const int8_t* b,
                            int8_t* out) {
  AIMC_KERNEL(aimc_add)(op, a, b, out);
}

static inline void aimc_concat(const struct aimc_concat* op, const int8_t* const* in, int8_t* out) {
  AIMC_KERNEL(aimc_concat)(op, in, out);
}

static inline void aimc_clip(const struct aimc_clip* op, const int8_t* in, int8_t* out) {
  AIMC_KERNEL(aimc_clip)(op, in, out);
}

static inline void aimc_reshape(const struct aimc_reshape* op, const int8_t* in, int8_t* out,
                                void* scratch) {
  AIMC_KERNEL(aimc_reshape)(op, in, out, scratch);
}

static inline void aimc_softmax(const struct aimc_softmax* op, const int8_t* in, int8_t* out) {
  AIMC_KERNEL(aimc_softmax)(op, in, out);
}

static inline void aimc_analog_pio(const struct aimc_analog* op, const int8_t* in, int8_t* out,
                                   void* scratch) {
  AIMC_KERNEL(aimc_analog_pio)(op, in, out, scratch);
}

static inline void aimc_analog_dma(const struct aimc_analog* op, const int8_t* in, int8_t* out,
                                   void* scratch) {
  AIMC_KERNEL(aimc_analog_dma)(op, in, out, scratch);
}

static inline void aimc_analog_few(const struct aimc_analog* op, const int8_t* in, int8_t* out,
                                   void* scratch) {
  AIMC_KERNEL(aimc_analog_few)(op, in, out, scratch);
}

static inline void aimc_copies_pio(const struct aimc_copies* op, const int8_t* in, int8_t* out,
                                   void* scratch) {
  AIMC_KERNEL(aimc_copies_pio)(op, in, out, scratch);
}

static inline void aimc_copies_dma(const struct aimc_copies* op, const int8_t* in, int8_t* out,
                                   void* scratch) {
  AIMC_KERNEL(aimc_copies_dma)(op, in, out, scratch);
}

/* Tiles.  Each of these ends the program with a message if a tile is not as it should be. */

/* Checks identity and geometry of tiles [0, count) and resets them; `features` is the set of
 * AIMC_FEATURE_* that the program needs. */
void aimc_tiles_probe(int32_t count, int32_t rows, int32_t columns, int32_t adc_bits,
                      uint32_t features);

/* Programs every block of a layer into its tile, all tiles at once (by DMA where the tiles have
 * it, else through their programming window). */
void aimc_tiles_program(const struct aimc_analog* op);

/* The same during an inference, over what the tiles hold: whatever they were doing for other layers
 * is over, and programming too when this returns. */
void aimc_tiles_reload(const struct aimc_analog* op);

/* Starts noise epoch `epoch` (the image's index) on tiles [0, count). */
void aimc_tiles_set_epoch(uint32_t epoch, int32_t count);

#endif
