/* Runs the one operator that the mailbox names; the test writes the mailbox before each run. */
#include "aimc_ops.h"
#include "aimc_runtime.h"

struct mailbox {
  uint32_t operation;
  int32_t tiles; /* 0: no tile is touched */
  int32_t tile_rows;
  int32_t tile_columns;
  int32_t adc_bits;
  uint32_t features;
  uint32_t epoch;
  uint32_t again; /* bytes of in[1], which then take in[0]'s place for a second run */
  const void* op;
  const int8_t* in[4];
  int8_t* out;
  void* scratch;
};

/* Its own section of .data, so that start-up does not clear it. */
volatile struct mailbox mailbox __attribute__((section(".data.mailbox"))) = {0};

enum operation {
  CONV_REF,
  CONV_NEON,
  DEPTHWISE_REF,
  DEPTHWISE_NEON,
  DENSE_REF,
  DENSE_NEON,
  MAXPOOL_REF,
  MAXPOOL_NEON,
  AVGPOOL_REF,
  AVGPOOL_NEON,
  ADD_REF,
  ADD_NEON,
  CONCAT_REF,
  CONCAT_NEON,
  CLIP_REF,
  CLIP_NEON,
  RESHAPE_REF,
  RESHAPE_NEON,
  SOFTMAX_REF,
  SOFTMAX_NEON,
  ANALOG_PIO_REF,
  ANALOG_PIO_NEON,
  ANALOG_DMA_REF,
  ANALOG_DMA_NEON,
  ANALOG_FEW_REF,
  ANALOG_FEW_NEON,
  COPIES_PIO_REF,
  COPIES_PIO_NEON,
  COPIES_DMA_REF,
  COPIES_DMA_NEON,
};

static void operate(void) {
  const void* op = mailbox.op;
  const int8_t* a = mailbox.in[0];
  const int8_t* b = mailbox.in[1];
  const int8_t* const list[4] = {mailbox.in[0], mailbox.in[1], mailbox.in[2], mailbox.in[3]};
  int8_t* out = mailbox.out;
  void* scratch = mailbox.scratch;
  switch ((enum operation)mailbox.operation) {
    case CONV_REF:
      aimc_conv_ref(op, a, out, scratch);
      break;
    case CONV_NEON:
      aimc_conv_neon(op, a, out, scratch);
      break;
    case DEPTHWISE_REF:
      aimc_depthwise_ref(op, a, out, scratch);
      break;
    case DEPTHWISE_NEON:
      aimc_depthwise_neon(op, a, out, scratch);
      break;
    case DENSE_REF:
      aimc_dense_ref(op, a, out);
      break;
    case DENSE_NEON:
      aimc_dense_neon(op, a, out);
      break;
    case MAXPOOL_REF:
      aimc_maxpool_ref(op, a, out);
      break;
    case MAXPOOL_NEON:
      aimc_maxpool_neon(op, a, out);
      break;
    case AVGPOOL_REF:
      aimc_avgpool_ref(op, a, out);
      break;
    case AVGPOOL_NEON:
      aimc_avgpool_neon(op, a, out);
      break;
    case ADD_REF:
      aimc_add_ref(op, a, b, out);
      break;
    case ADD_NEON:
      aimc_add_neon(op, a, b, out);
      break;
    case CONCAT_REF:
      aimc_concat_ref(op, list, out);
      break;
    case CONCAT_NEON:
      aimc_concat_neon(op, list, out);
      break;
    case CLIP_REF:
      aimc_clip_ref(op, a, out);
      break;
    case CLIP_NEON:
      aimc_clip_neon(op, a, out);
      break;
    case RESHAPE_REF:
      aimc_reshape_ref(op, a, out, scratch);
      break;
    case RESHAPE_NEON:
      aimc_reshape_neon(op, a, out, scratch);
      break;
    case SOFTMAX_REF:
      aimc_softmax_ref(op, a, out);
      break;
    case SOFTMAX_NEON:
      aimc_softmax_neon(op, a, out);
      break;
    case ANALOG_PIO_REF:
      aimc_analog_pio_ref(op, a, out, scratch);
      break;
    case ANALOG_PIO_NEON:
      aimc_analog_pio_neon(op, a, out, scratch);
      break;
    case ANALOG_DMA_REF:
      aimc_analog_dma_ref(op, a, out, scratch);
      break;
    case ANALOG_DMA_NEON:
      aimc_analog_dma_neon(op, a, out, scratch);
      break;
    case ANALOG_FEW_REF:
      aimc_analog_few_ref(op, a, out, scratch);
      break;
    case ANALOG_FEW_NEON:
      aimc_analog_few_neon(op, a, out, scratch);
      break;
    case COPIES_PIO_REF:
      aimc_copies_pio_ref(op, a, out, scratch);
      break;
    case COPIES_PIO_NEON:
      aimc_copies_pio_neon(op, a, out, scratch);
      break;
    case COPIES_DMA_REF:
      aimc_copies_dma_ref(op, a, out, scratch);
      break;
    case COPIES_DMA_NEON:
      aimc_copies_dma_neon(op, a, out, scratch);
      break;
    default:
      aimc_fatal("unknown operation");
  }
}

static void program(void) {
  if (mailbox.operation < COPIES_PIO_REF) {
    aimc_tiles_program(mailbox.op);
    return;
  }
  const struct aimc_copies* op = mailbox.op;
  for (int32_t k = 0; k < op->count; ++k) aimc_tiles_program(&op->copy[k]);
}

int main(void) {
  if (mailbox.tiles) {
    aimc_tiles_probe(mailbox.tiles, mailbox.tile_rows, mailbox.tile_columns, mailbox.adc_bits,
                     mailbox.features);
    program();
    aimc_tiles_set_epoch(mailbox.epoch, mailbox.tiles);
  }
  aimc_region_begin(mailbox.operation);
  operate();
  if (mailbox.again) {
    __builtin_memcpy((int8_t*)mailbox.in[0], mailbox.in[1], mailbox.again);
    aimc_tiles_set_epoch(mailbox.epoch, mailbox.tiles);
    operate();
  }
  aimc_region_end(mailbox.operation);
  return 0;
}
