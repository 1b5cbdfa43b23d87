/* Following the tiles' own DMA by their counts of pixels. */
#ifndef AIMC_ANALOG_WAIT_H
#define AIMC_ANALOG_WAIT_H

#include <stdint.h>

#include "analog.h"
#include "tile.h"
#include "touch.h"

/* Polls between two looks at a waiting tile's status. */
#define PATIENCE 64

/* Pixels beyond the first `before` that a tile has made. */
static inline int32_t made_by(int32_t tile, uint32_t before) {
  return (int32_t)(tile_read(tile, AIMC_REG_DMA_PIXELS) - before);
}

/* Waits until `blocks` tiles from number `first` of the layer's on have made `least` pixels beyond
 * the first `before`; returns how many all of them have made, up to `most`.  Of each block's codes,
 * which are `step` apart from `codes` on, `touches` (a constant) pixels, `apart`, are touched. */
static inline __attribute__((always_inline)) int32_t wait_tiles(
    const struct aimc_analog* op, int32_t first, int32_t blocks, uint32_t before, int32_t least,
    int32_t most, const int8_t* codes, int64_t step, const int touches, int64_t apart) {
  const uint16_t* tile = op->tile + first;
  const uint16_t* const end = tile + blocks;
  uint32_t polls = 0;
  /* One branch, which is taken until the end: others would be mispredicted at each tile. */
  do {
    if (++polls % PATIENCE == 0) tile_check(*tile, "DMA of an analog layer failed");
    const int32_t made = made_by(*tile, before);
    const int enough = made >= least;
    most = enough && made < most ? made : most;
    tile += enough;
    for (int i = 0; i < touches; ++i) touch(enough ? codes + i * apart : (const int8_t*)tile);
    codes += enough ? step : 0;
  } while (tile < end);
  tile_barrier();
  return most;
}

#endif
