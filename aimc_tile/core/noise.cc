#include "aimc_tile/core/noise.hh"

#include <algorithm>

#include "aimc_tile/core/simd.hh"

namespace aimc {
namespace {

constexpr int32_t kNormalTable[] = {
#include "aimc_tile/core/normal_table.inc"
};

constexpr int kStepBits = 6;
constexpr int kFractionBits = 31 - kStepBits;
static_assert(sizeof(kNormalTable) / sizeof(kNormalTable[0]) == (32 << kStepBits) + 1,
              "the table has 64 steps in each of 32 octaves, and its end");

constexpr int kLanes = 8;  // counters a block; independent, so that the loops vectorise
constexpr uint32_t kColumnsPerBlock = 4 * kLanes;

AIMC_ALWAYS_INLINE int32_t normal_of(uint32_t word) {
  const uint32_t odd = (word << 1) | 1u;  // tail probability odd / 2^33
  const int octave = 31 - __builtin_clz(odd);
  const uint32_t normalized = odd << (31 - octave);
  const uint32_t step = (normalized >> kFractionBits) & ((1u << kStepBits) - 1);
  const int64_t fraction = normalized & ((1u << kFractionBits) - 1);
  const int32_t* entry = &kNormalTable[(static_cast<uint32_t>(octave) << kStepBits) + step];
  const int64_t rise = static_cast<int64_t>(entry[1]) - entry[0];
  const int32_t magnitude =
      entry[0] + static_cast<int32_t>((rise * fraction + (int64_t{1} << (kFractionBits - 1))) >>
                                      kFractionBits);
  return (word >> 31) != 0 ? -magnitude : magnitude;
}

// words[4 * lane + w]: word w of the Philox block of counter (c0 + lane, c1, c2, c3).
AIMC_ALWAYS_INLINE void philox_block(const uint32_t counter[4], uint32_t k0, uint32_t k1,
                                     uint32_t* words) {
  uint32_t c0[kLanes], c1[kLanes], c2[kLanes], c3[kLanes];
  for (int lane = 0; lane < kLanes; ++lane) {
    c0[lane] = counter[0] + static_cast<uint32_t>(lane);
    c1[lane] = counter[1];
    c2[lane] = counter[2];
    c3[lane] = counter[3];
  }
  for (int round = 0; round < 10; ++round) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const uint64_t p0 = uint64_t{0xd2511f53u} * c0[lane];
      const uint64_t p1 = uint64_t{0xcd9e8d57u} * c2[lane];
      c0[lane] = static_cast<uint32_t>(p1 >> 32) ^ c1[lane] ^ k0;
      c1[lane] = static_cast<uint32_t>(p1);
      c2[lane] = static_cast<uint32_t>(p0 >> 32) ^ c3[lane] ^ k1;
      c3[lane] = static_cast<uint32_t>(p0);
    }
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  for (int lane = 0; lane < kLanes; ++lane) {
    words[4 * lane + 0] = c0[lane];
    words[4 * lane + 1] = c1[lane];
    words[4 * lane + 2] = c2[lane];
    words[4 * lane + 3] = c3[lane];
  }
}

AIMC_ALWAYS_INLINE void normals(const NoiseKey& key, NoiseSource source, uint32_t columns,
                                int32_t* z) {
  for (uint32_t column = 0; column < columns; column += kColumnsPerBlock) {
    const uint32_t counter[4] = {(static_cast<uint32_t>(source) << 16) | (column / 4), key.mvm,
                                 key.epoch, key.tile};
    uint32_t words[kColumnsPerBlock];
    philox_block(counter, static_cast<uint32_t>(key.seed), static_cast<uint32_t>(key.seed >> 32),
                 words);
    const uint32_t count = std::min(columns - column, kColumnsPerBlock);
    for (uint32_t i = 0; i < count; ++i) z[column + i] = normal_of(words[i]);
  }
}

#ifdef AIMC_X86_DISPATCH
AIMC_TARGET_AVX2 void normals_avx2(const NoiseKey& key, NoiseSource source, uint32_t columns,
                                   int32_t* z) {
  normals(key, source, columns, z);
}
#endif

}  // namespace

std::array<uint32_t, 4> philox4x32_10(std::array<uint32_t, 4> counter,
                                      std::array<uint32_t, 2> key) {
  uint32_t words[kColumnsPerBlock];
  philox_block(counter.data(), key[0], key[1], words);
  return {words[0], words[1], words[2], words[3]};
}

int32_t normal_q16(uint32_t word) { return normal_of(word); }

void normals_q16(const NoiseKey& key, NoiseSource source, uint32_t columns, int32_t* z) {
#ifdef AIMC_X86_DISPATCH
  if (has_avx2()) return normals_avx2(key, source, columns, z);
#endif
  normals(key, source, columns, z);
}

}  // namespace aimc
