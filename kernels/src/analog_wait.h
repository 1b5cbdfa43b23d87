/* Waiting for the tiles' own DMA by their counts of pixels. */
#ifndef AIMC_ANALOG_WAIT_H
#define AIMC_ANALOG_WAIT_H

#include <stdint.h>

#include "analog.h"
#include "prefetch.h"
#include "tile.h"

/* Polls between two checks of a tile's status. */
#define POLLS 4

/* Pixels beyond the first `before` that a tile has computed. */
static inline int32_t finished_pixels(int32_t tile, uint32_t before) {
  return (int32_t)(tile_read(tile, AIMC_REG_DMA_PIXELS) - before);
}

/* Pixels beyond the first `before` that all of `blocks` tiles of the layer, from tile `first` on,
 * have computed, up to `most`. */
static inline int32_t finished_pixels_of_all(const struct aimc_analog* op, int32_t first,
                                             int32_t blocks, uint32_t before, int32_t most) {
  const uint16_t* tile = op->tile + first;
  const uint16_t* const end = tile + blocks;
  do {
    const int32_t made = finished_pixels(*tile, before);
    most = made < most ? made : most;
  } while (++tile < end);
  tile_barrier();
  return most;
}

/* Waits until `blocks` tiles of the layer, from tile `first` on, have computed `least` pixels
 * beyond the first `before`.  Returns how many all of them have computed, up to `most`.  Meanwhile
 * prefetches `ahead` pixels of each block's codes: block i's start at `codes + i * step`, and
 * pixels are `apart` bytes apart.  `ahead` must be a compile-time constant. */
static inline __attribute__((always_inline)) int32_t wait_tiles(
    const struct aimc_analog* op, int32_t first, int32_t blocks, uint32_t before, int32_t least,
    int32_t most, const int8_t* codes, int64_t step, const int ahead, int64_t apart) {
  const uint16_t* tile = op->tile + first;
  const uint16_t* const end = tile + blocks;
  for (;;) {
    /* One branch per poll, taken when all tiles are done; one branch per tile would be
     * mispredicted.  Until then it is not taken, as a core predicts unknown branches. */
    for (int poll = 0; poll < POLLS; ++poll) {
      const int32_t made = finished_pixels(*tile, before);
      const int enough = made >= least;
      most = enough && made < most ? made : most;
      tile += enough;
      for (int i = 0; i < ahead; ++i) prefetch(enough ? codes + i * apart : (const int8_t*)tile);
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
