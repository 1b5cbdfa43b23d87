/* Reads inputs (region 1) and writes them twice (2, 3) after jobs have read them. */
#include "dma.h"

static void store(int index) {
  inputs[index] = 9;
  __asm__ volatile("dsb sy" ::: "memory");
}

int main(void) {
  program(0, 4);
  for (int round = 1; round <= 3; round++) {
    fill(inputs, 64, round);
    job(0, 4, 4, 16);
    for (int i = 0; i < 64; i++) {
      if (outputs[0][i] != round) return 1;
    }
  }
  begin(1);
  const int sum = walk(inputs, 64);
  end(1);
  begin(2);
  store(1);
  end(2);
  begin(3);
  store(2);
  end(3);
  return sum != 3;
}
