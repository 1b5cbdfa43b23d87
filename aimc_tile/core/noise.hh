// The tile's noise: counter-based and integer only, so that it is the same on every host.
// docs/architecture.md ("The tile's arithmetic") defines the counter layout and the table.
#ifndef AIMC_TILE_CORE_NOISE_HH
#define AIMC_TILE_CORE_NOISE_HH

#include <array>
#include <cstdint>

namespace aimc {

enum class NoiseSource : uint32_t { kRead = 0, kOutput = 1 };

// What names the noise of one MVM.
struct NoiseKey {
  uint64_t seed;
  uint32_t tile;
  uint32_t epoch;
  uint32_t mvm;
};

// Philox4x32-10 of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
std::array<uint32_t, 4> philox4x32_10(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

// A uniform word as a standard normal value in Q16, by inverse transform; |z| < 6.34.
int32_t normal_q16(uint32_t word);

// The standard normal values, in Q16, of columns [0, columns) of one MVM into z[0, columns).
void normals_q16(const NoiseKey& key, NoiseSource source, uint32_t columns, int32_t* z);

}  // namespace aimc

#endif  // AIMC_TILE_CORE_NOISE_HH
