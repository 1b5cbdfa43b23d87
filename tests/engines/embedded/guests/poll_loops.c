/* Waits for tiles in loops of several forms, each in a region of its own. */
#include "tile.h"

static volatile uint32_t watched[64];

int main(void) {
  for (unsigned long tile = 0; tile < 2; tile++) {
    program(tile, 200);
    REG(tile, AIMC_REG_ACTIVE_ROWS) = 4;
    REG(tile, AIMC_REG_ACTIVE_COLS) = 4;
  }
  uint32_t polls = 0;
  for (int visit = 0; visit < 3; visit++) {
    begin(1); /* one poll */
    start_mvm(0);
    while (!mvm_done(0)) {
    }
    end(1);
    pop_output(0);

    begin(2); /* two polls, a load and several branches */
    start_mvm(1);
    for (;;) {
      if (REG(1, AIMC_REG_STATUS) & AIMC_STATUS_ERROR) return 1;
      if (watched[visit] != 0) return 2;
      if (mvm_done(1)) break;
    }
    end(2);
    pop_output(1);

    begin(3); /* polls of two tiles */
    start_mvm(0);
    start_mvm(1);
    while (!(mvm_done(0) & mvm_done(1))) {
    }
    end(3);
    pop_output(0);
    pop_output(1);

    begin(4); /* registers that differ in each iteration */
    start_mvm(0);
    while (!mvm_done(0)) polls++;
    end(4);
    pop_output(0);

    begin(5); /* an inner and an outer loop */
    start_mvm(0);
    for (int done = 0; done == 0;) {
      for (int i = 0; i < 3; i++) done += mvm_done(0);
    }
    end(5);
    pop_output(0);
  }
  begin(6); /* no loop */
  watched[0] = polls;
  end(6);
  return (int)REG(0, AIMC_REG_ERROR);
}
