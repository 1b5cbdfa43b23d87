/* The same writes by one tile (region 1) and by two at a time (region 2). */
#include "dma.h"

int main(void) {
  for (unsigned long tile = 0; tile < 2; tile++) program(tile, 4);
  for (int round = 0; round < 2; round++) {
    if (round) begin(1);
    job(0, 4, 1024, 32);
    if (round) end(1);
    if (round) begin(2);
    submit(0, 4, 1024, 32);
    submit(1, 4, 1024, 32);
    wait(0);
    wait(1);
    if (round) end(2);
  }
  return 0;
}
