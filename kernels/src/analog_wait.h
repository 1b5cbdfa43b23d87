/* Following the tiles' own DMA by their counts of pixels. */
#ifndef AIMC_ANALOG_WAIT_H
#define AIMC_ANALOG_WAIT_H

#include <stdint.h>

#include "analog.h"
#include "tile.h"
#include "touch.h"

/* Polls between two looks at a waiting tile's status. */
#define POLLS 4

/* Pixels beyond the first `before` that a tile has made. */
static inline int32_t made_by(int32_t tile, uint32_t before) {
  return (int32_t)(tile_read(tile, AIMC_REG_DMA_PIXELS) - before);
}

/* Pixels beyond the first `before` that all of `blocks` tiles from number `first` of the layer's on
 * have made, up to `most`. */
static inline int32_t made_by_all(const struct aimc_analog* op, int32_t first, int32_t blocks,
                                  uint32_t before, int32_t most) {
  const uint16_t* tile = op->tile + first;
  const uint16_t* const end = tile + blocks;
  do {
    const int32_t made = made_by(*tile, before);
    most = made < most ? made : most;
  } while (++tile < end);
  tile_barrier();
  return most;
}

/* Waits until `blocks` tiles from number `first` of the layer's on have made `least` pixels beyond
 * the first `before`; returns how many all of them have made, up to `most`.  Of each block's codes,
 * which are `step` apart from `codes` on, `touches` (a constant) pixels, `apart`, are touched. */
static inline __attribute__((always_inline)) int32_t wait_tiles(
    const struct aimc_analog* op, int32_t first, int32_t blocks, uint32_t before, int32_t least,
    int32_t most, const int8_t* codes, int64_t step, const int touches, int64_t apart) {
  const uint16_t* tile = op->tile + first;
  const uint16_t* const end = tile + blocks;
  for (;;) {
    /* One branch a poll, at the end of all: one at each tile would be mispredicted.  It is not
     * taken before, which a core expects of branches that it does not know. */
    for (int poll = 0; poll < POLLS; ++poll) {
      const int32_t made = made_by(*tile, before);
      const int enough = made >= least;
      most = enough && made < most ? made : most;
      tile += enough;
      for (int i = 0; i < touches; ++i) touch(enough ? codes + i * apart : (const int8_t*)tile);
      codes += enough ? step : 0;
      if (__builtin_expect(tile == end, 0)) {
        tile_barrier();
        return most;
      }
    }
    tile_check(*tile, "DMA of an analog layer failed");
  }
}

#endif
