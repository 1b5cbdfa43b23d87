/* Three multiplications on each of TILES tiles, all in region 1. */
#include "tile.h"

/* 200 / 4 of 1, 2, -3 and 4 are 50, 100, -150 and 200 ADC steps; the last two saturate. */
#define EXPECTED 0x7f816432u

int main(void) {
  for (unsigned long tile = 0; tile < TILES; tile++) {
    if (REG(tile, AIMC_REG_ID) != AIMC_TILE_ID) return 1;
    program(tile, 200);
    REG(tile, AIMC_REG_ACTIVE_ROWS) = 4;
    REG(tile, AIMC_REG_ACTIVE_COLS) = 4;
    for (int visit = 0; visit < 3; visit++) {
      begin(1);
      start_mvm(tile);
      while (!(REG(tile, AIMC_REG_STATUS) & AIMC_STATUS_OUT_VALID)) {
      }
      const uint32_t out = REG(tile, AIMC_WINDOW_OUT);
      pop_output(tile);
      end(1);
      if (REG(tile, AIMC_REG_ERROR)) return 2;
      if (out != EXPECTED) return 3;
    }
  }
  return 0;
}
