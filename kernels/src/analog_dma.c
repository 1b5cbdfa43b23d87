/* Analog layers by the tiles' own DMA: one descriptor a block and output row.  While the tiles
 * convert one row, the core finishes the one before it. */
#include "aimc_runtime.h"
#include "analog.h"
#include "tile.h"

static const char kWhat[] = "DMA of an analog layer failed";

/* One layer's scratch memory; everything twice, for even and odd rows. */
struct layer {
  struct aimc_descriptor* descriptor[2]; /* [block_count] */
  int8_t* codes[2];
  uint32_t* done; /* [block_count]: AIMC_REG_DMA_DONE after the oldest unfinished row */
};

/* Writes all of the even or odd rows' descriptors but the row. */
static void fill_descriptors(const struct aimc_analog* op, const struct layer* layer,
                             const int8_t* in, int odd) {
  const struct aimc_window* w = &op->window;
  int8_t* codes = layer->codes[odd];
  for (int32_t i = 0; i < op->block_count; ++i) {
    const struct aimc_block* block = &op->block[i];
    const int32_t stride = code_stride(op, block);
    layer->descriptor[odd][i] = (struct aimc_descriptor){
        .in_base = (uint64_t)(uintptr_t)in,
        .out_base = (uint64_t)(uintptr_t)codes,
        .in_channels = (uint32_t)op->in_channels,
        .k0 = (uint32_t)block->k0,
        .k_len = (uint32_t)block->rows,
        .columns = (uint32_t)block->columns,
        .out_stride = (uint32_t)stride,
        .in_height = (uint16_t)w->in_h,
        .in_width = (uint16_t)w->in_w,
        .ox0 = 0,
        .count = (uint16_t)w->out_w,
        .kernel_h = (uint8_t)w->kernel_h,
        .kernel_w = (uint8_t)w->kernel_w,
        .stride_y = (uint8_t)w->stride_y,
        .stride_x = (uint8_t)w->stride_x,
        .dilation_y = (uint8_t)w->dilation_y,
        .dilation_x = (uint8_t)w->dilation_x,
        .pad_top = (uint8_t)w->pad_top,
        .pad_left = (uint8_t)w->pad_left,
    };
    codes += (int64_t)stride * w->out_w;
  }
}

/* Hands the descriptors of output row `oy` to the tiles. */
static void start_row(const struct aimc_analog* op, const struct layer* layer, int32_t oy) {
  struct aimc_descriptor* descriptor = layer->descriptor[oy & 1];
  for (int32_t i = 0; i < op->block_count; ++i) descriptor[i].oy = (uint16_t)oy;
  tile_barrier();
  for (int32_t i = 0; i < op->block_count; ++i) {
    tile_write_address(op->block[i].tile, AIMC_REG_DESCRIPTOR, &descriptor[i]);
  }
}

/* Waits for the oldest unfinished row of every block. */
static void wait_row(const struct aimc_analog* op, const struct layer* layer) {
  for (int32_t i = 0; i < op->block_count; ++i) {
    const int32_t tile = op->block[i].tile;
    while ((int32_t)(tile_read(tile, AIMC_REG_DMA_DONE) - layer->done[i]) < 0) {
      tile_check(tile, kWhat);
    }
    ++layer->done[i];
  }
  tile_barrier();
}

/* A descriptor has 16 bits for sizes of the map and 8 for those of the window. */
static void check_fits(const struct aimc_window* w) {
  const uint32_t sizes = (uint32_t)(w->in_h | w->in_w | w->out_h | w->out_w);
  const uint32_t steps = (uint32_t)(w->kernel_h | w->kernel_w | w->stride_y | w->stride_x |
                                    w->dilation_y | w->dilation_x | w->pad_top | w->pad_left);
  if (sizes > UINT16_MAX || steps > UINT8_MAX) {
    aimc_fatal("an analog layer is too large for a DMA descriptor");
  }
}

static void run(const struct aimc_analog* op, const int8_t* in, int8_t* out, void* scratch,
                analog_finish* finish) {
  const struct aimc_window* w = &op->window;
  check_fits(w);
  int64_t code_bytes = 0;
  for (int32_t i = 0; i < op->block_count; ++i) {
    code_bytes += (int64_t)code_stride(op, &op->block[i]) * w->out_w;
  }
  struct layer layer;
  layer.descriptor[0] = scratch;
  layer.descriptor[1] = layer.descriptor[0] + op->block_count;
  layer.codes[0] = (int8_t*)(layer.descriptor[1] + op->block_count);
  layer.codes[1] = layer.codes[0] + code_bytes;
  layer.done = (uint32_t*)(void*)(layer.codes[1] + code_bytes);
  for (int32_t i = 0; i < op->block_count; ++i) {
    layer.done[i] = tile_read(op->block[i].tile, AIMC_REG_DMA_DONE) + 1;
  }
  fill_descriptors(op, &layer, in, 0);
  start_row(op, &layer, 0);
  if (w->out_h > 1) fill_descriptors(op, &layer, in, 1);
  for (int32_t oy = 0; oy < w->out_h; ++oy) {
    if (oy + 1 < w->out_h) start_row(op, &layer, oy + 1);
    wait_row(op, &layer);
    finish(op, layer.codes[oy & 1], w->out_w, out);
    out += (int64_t)w->out_w * op->out_channels;
  }
  for (int32_t i = 0; i < op->block_count; ++i) tile_check(op->block[i].tile, kWhat);
}

void aimc_analog_dma_ref(const struct aimc_analog* op, const int8_t* in, int8_t* out,
                         void* scratch) {
  run(op, in, out, scratch, analog_finish_ref);
}

void aimc_analog_dma_neon(const struct aimc_analog* op, const int8_t* in, int8_t* out,
                          void* scratch) {
  run(op, in, out, scratch, analog_finish_neon);
}
