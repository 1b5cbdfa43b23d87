/* Resets a tile in the middle of a job, then runs another job. */
#include "dma.h"

int main(void) {
  program(0, 4);
  fill(inputs, 4, 3);
  submit(0, 1024, 1024, 64);
  for (int i = 0; i < 100; i++) (void)REG(0, AIMC_REG_STATUS);
  const uint32_t pixels = REG(0, AIMC_REG_DMA_PIXELS);
  REG(0, AIMC_REG_CONTROL) = AIMC_CONTROL_RESET;
  if (pixels == 0 || pixels >= 64) return 1;
  submit(0, 4, 4, 1);
  wait(0);
  int sum = 0;
  for (int i = 0; i < 4; i++) sum += outputs[0][i];
  return REG(0, AIMC_REG_DMA_DONE) != 1 || REG(0, AIMC_REG_ERROR) != 0 || sum != 12;
}
