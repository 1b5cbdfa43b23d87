/* Jobs of three tiles, with loads and stores of the core to the same and to other lines. */
#include "dma.h"

int main(void) {
  for (unsigned long tile = 0; tile < 3; tile++) program(tile, 4);
  int sum = 0;
  begin(1);
  for (int round = 0; round < 6; round++) {
    submit(0, 1024, 4, 64);
    submit(1, 4, 1024, 32);
    submit(2, 100, 100, 100);
    for (uint32_t i = 0; i < 4; i++) {
      sum += walk(large + 65536 * (4 * round + i), 65536);
      sum += walk(outputs[3], 32768);
      fill(outputs[3] + 4096 * i, 4096, round);
    }
    for (unsigned long tile = 0; tile < 3; tile++) wait(tile);
    sum += walk(outputs[1], 32768);
    fill(inputs, 2048, round & 1);
    fill(outputs[2], 512, 0);
  }
  end(1);
  return sum == -1;
}
