/* A job whose inputs are outside memory. */
#include "dma.h"

int main(void) {
  program(0, 4);
  submit(0, 4, 4, 1);
  wait(0);
  descriptors[0].in_base = 0x1000;
  submit_descriptor(0, &descriptors[0]);
  wait(0);
  return REG(0, AIMC_REG_ERROR) != AIMC_ERROR_BUS;
}
