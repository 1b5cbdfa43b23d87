/* Reads outputs before (region 1), after (2) and again after (3) a job wrote them; a job of whole
 * lines (4).  The first round brings the program into the caches. */
#include "dma.h"

int main(void) {
  int sum = 0;
  program(0, 4);
  fill(inputs, 4, 3);
  for (int round = 0; round < 2; round++) {
    fill(outputs[0], 1024, 0);
    if (round) begin(1);
    walk(outputs[0], 1024);
    if (round) end(1);
    job(0, 4, 1024, 1);
    if (round) begin(2);
    sum += walk(outputs[0], 1024);
    if (round) end(2);
    if (round) begin(3);
    sum += walk(outputs[0], 1024);
    if (round) end(3);
    for (int i = 0; i < 4; i++) sum += outputs[0][i];
    walk(large, sizeof large);
    if (round) begin(4);
    job(0, 4, 1024, 4);
    if (round) end(4);
  }
  return sum != 2 * (3 + 3 + 12);
}
