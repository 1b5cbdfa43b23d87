/* Jobs whose inputs are in the L1D (region 2), the L2 (3) and the DRAM (4).  Region 1 is a first
 * job; in the second round all instructions are in the L1I. */
#include "dma.h"

int main(void) {
  program(0, 4);
  for (int round = 0; round < 2; round++) {
    fill(inputs, 4096, 1);
    if (!round) begin(1);
    job(0, 1024, 4, 4);
    if (!round) end(1);
    fill(inputs, 4096, 1);
    if (round) begin(2);
    job(0, 1024, 4, 4);
    if (round) end(2);
    fill(inputs, 4096, 1);
    walk(large, 1u << 16);
    if (round) begin(3);
    job(0, 1024, 4, 4);
    if (round) end(3);
    walk(large, sizeof large);
    if (round) begin(4);
    job(0, 1024, 4, 4);
    if (round) end(4);
  }
  return 0;
}
