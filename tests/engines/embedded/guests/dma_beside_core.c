/* The core reads lines of the DRAM alone (region 1) and beside the DMA of four tiles (region 2). */
#include "dma.h"

int main(void) {
  for (int round = 0; round < 2; round++) {
    walk(large, sizeof large);
    if (round) begin(1);
    uint32_t at = chase(large, 1u << 16);
    if (round) end(1);
    walk(large + (2u << 20), 2u << 20);
    for (unsigned long tile = 0; tile < 4; tile++) submit(tile, 1024, 4, IN_BYTES / 1024);
    if (round) begin(2);
    at += chase(large, 1u << 16);
    if (round) end(2);
    for (unsigned long tile = 0; tile < 4; tile++) wait(tile);
    if (at != 2u << 16) return 1;
  }
  return 0;
}
