/* The tile's DMA writes outputs that are in the L1D: waits in region 1, reads them in region 2. */
#include "tile.h"

static struct aimc_descriptor descriptor __attribute__((aligned(64)));
static int8_t in[64] __attribute__((aligned(64))), out[64] __attribute__((aligned(64)));

static int sum_outputs(void) {
  int sum = 0;
  for (int i = 0; i < 4; i++) sum += ((volatile int8_t*)out)[i];
  return sum;
}

int main(void) {
  program(0, 40);
  for (int i = 0; i < 4; i++) in[i] = (int8_t)(i + 1);
  const struct aimc_descriptor job = {
      .in_base = (uint64_t)in,
      .out_base = (uint64_t)out,
      .in_channels = 4,
      .k_len = 4,
      .columns = 4,
      .out_stride = 4,
      .in_height = 1,
      .in_width = 1,
      .count = 1,
      .row_count = 1,
      .kernel_h = 1,
      .kernel_w = 1,
      .stride_y = 1,
      .stride_x = 1,
      .dilation_y = 1,
      .dilation_x = 1,
  };
  descriptor = job;
  int sum = sum_outputs(); /* into the L1D */
  submit_descriptor(0, &descriptor);
  begin(1);
  while (REG(0, AIMC_REG_DMA_DONE) != 1) {
  }
  end(1);
  begin(2);
  sum += sum_outputs();
  end(2);
  return sum != 100;
}
