/* Runs the one operator that the mailbox names; the test writes the mailbox before each run. */
#include "aimc_ops.h"
#include "aimc_runtime.h"
#include "operations.h"

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

static void operate(void) {
  const void* op = mailbox.op;
  const int8_t* a = mailbox.in[0];
  const int8_t* b = mailbox.in[1];
  const int8_t* const list[4] = {mailbox.in[0], mailbox.in[1], mailbox.in[2], mailbox.in[3]};
  int8_t* out = mailbox.out;
  void* scratch = mailbox.scratch;
  switch ((enum operation)mailbox.operation) {
#define RUN(name, arguments)      \
  case name##_ref:                \
    aimc_##name##_ref arguments;  \
    break;                        \
  case name##_neon:               \
    aimc_##name##_neon arguments; \
    break;
    OPERATIONS(RUN)
#undef RUN
    default:
      aimc_fatal("unknown operation");
  }
}

static void program(void) {
  if (mailbox.operation < copies_pio_ref) {
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
