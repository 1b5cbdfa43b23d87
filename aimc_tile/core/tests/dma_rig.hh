// What the tests of the DMA engine share.
#pragma once

#include <cstdint>

#include "aimc_tile/core/tests/rig.hh"

namespace aimc_test {

inline constexpr uint16_t kMultiplier = 40000;
inline constexpr uint16_t kShift = 34;
// Where descriptors are put in memory.
inline constexpr uint64_t kFirst = kMemoryBase + 0x8000;
inline constexpr uint64_t kSecond = kMemoryBase + 0x8040;

// Fills the memory that holds inputs.
void randomize(Rig* rig, uint64_t seed);

// Whether memory holds the codes of the descriptor's first `pixels` pixels.
bool stored(Rig* rig, const aimc_descriptor& d, uint32_t pixels);
bool stored(Rig* rig, const aimc_descriptor& d);

aimc::TileParams buffered(bool double_buffer);

// A dense layer's vector of 64 inputs, aligned, into 16 codes, `count` times.
aimc_descriptor aligned_descriptor(uint16_t count);

}  // namespace aimc_test
