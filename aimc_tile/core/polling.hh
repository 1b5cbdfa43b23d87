// When a core that reads a tile's registers waits for the tile: one rule for all hosts' statistics.
#ifndef AIMC_TILE_CORE_POLLING_HH
#define AIMC_TILE_CORE_POLLING_HH

#include <cstdint>

#include "aimc_tile/core/registers.h"

namespace aimc {

// Whether a read at `offset` in a tile's window is a poll: it asks for the tile's progress and
// changes nothing.
constexpr bool is_poll(uint64_t offset) {
  return offset == AIMC_REG_STATUS || offset == AIMC_REG_DMA_DONE || offset == AIMC_REG_DMA_PIXELS;
}

// The instructions from one poll to the next are a polling loop if they are at most so many.
constexpr uint64_t kPollLoopInstructions = 32;

}  // namespace aimc

#endif  // AIMC_TILE_CORE_POLLING_HH
