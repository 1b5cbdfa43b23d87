/* Waits for a multiplication, in region 1: with COUNT_POLLS counting the polls, with FOREVER again
 * and again and in no region. */
#include "tile.h"

static uint32_t wait_for_mvm(void) {
  uint32_t polls = 0;
  REG(0, AIMC_WINDOW_IN) = 0;
  REG(0, AIMC_REG_CONTROL) = AIMC_CONTROL_START;
  while (!(REG(0, AIMC_REG_STATUS) & AIMC_STATUS_OUT_VALID)) {
#ifdef COUNT_POLLS
    polls++;
#endif
  }
  return polls;
}

int main(void) {
#ifdef FOREVER
  for (;;) {
    wait_for_mvm();
    pop_output(0);
  }
#else
  begin(1);
  const uint32_t polls = wait_for_mvm();
  end(1);
  return (int)polls;
#endif
}
