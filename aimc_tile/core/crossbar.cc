#include "aimc_tile/core/crossbar.hh"

#include <algorithm>

#include "aimc_tile/core/simd.hh"

#ifdef AIMC_X86_DISPATCH
#include <immintrin.h>
#endif

namespace aimc {
namespace {

constexpr uint32_t kBlock = 32;  // columns that are accumulated at a time

// |x * G| <= 2^22 and a pair sums to at most 2^23, so 255 pairs stay within int32.
constexpr uint32_t kMaxPairs = 255;

// Inputs of one pair of rows, and where its cells begin.
struct Pair {
  size_t offset;
  int16_t x0;
  int16_t x1;
};

// sums[c] = sum over pairs of x0 * cell[2 c] + x1 * cell[2 c + 1], for one block of columns.
AIMC_ALWAYS_INLINE void block_generic(const int16_t* cells, const Pair* pairs, uint32_t count,
                                      int32_t* sums) {
  for (uint32_t c = 0; c < kBlock; ++c) sums[c] = 0;
  for (uint32_t p = 0; p < count; ++p) {
    const int16_t* row = cells + pairs[p].offset;
    const int32_t x0 = pairs[p].x0, x1 = pairs[p].x1;
    for (uint32_t c = 0; c < kBlock; ++c) sums[c] += x0 * row[2 * c] + x1 * row[2 * c + 1];
  }
}

#ifdef AIMC_X86_DISPATCH
AIMC_TARGET_AVX2 void block_avx2(const int16_t* cells, const Pair* pairs, uint32_t count,
                                 int32_t* sums) {
  constexpr int kVectors = kBlock / 8;
  __m256i acc[kVectors];
  for (int v = 0; v < kVectors; ++v) acc[v] = _mm256_setzero_si256();
  for (uint32_t p = 0; p < count; ++p) {
    const int16_t* row = cells + pairs[p].offset;
    const uint32_t both = static_cast<uint32_t>(static_cast<uint16_t>(pairs[p].x1)) << 16 |
                          static_cast<uint16_t>(pairs[p].x0);
    const __m256i x = _mm256_set1_epi32(static_cast<int32_t>(both));
    for (int v = 0; v < kVectors; ++v) {
      const __m256i cell = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + 16 * v));
      acc[v] = _mm256_add_epi32(acc[v], _mm256_madd_epi16(cell, x));
    }
  }
  for (int v = 0; v < kVectors; ++v)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + 8 * v), acc[v]);
}
#endif

void block(const int16_t* cells, const Pair* pairs, uint32_t count, int32_t* sums) {
#ifdef AIMC_X86_DISPATCH
  if (has_avx2()) return block_avx2(cells, pairs, count, sums);
#endif
  block_generic(cells, pairs, count, sums);
}

}  // namespace

Crossbar::Crossbar(uint32_t rows, uint32_t columns)
    : rows_(rows),
      columns_(columns),
      stride_(2 * static_cast<size_t>((columns + kBlock - 1) / kBlock * kBlock)),
      cells_(stride_ * ((rows + 1) / 2), 0) {}

void Crossbar::multiply(const int8_t* x, uint32_t rows, uint32_t columns, int64_t* acc) const {
  std::fill(acc, acc + columns, int64_t{0});
  for (uint32_t first = 0; first < rows; first += 2 * kMaxPairs) {
    // Pairs of zeros add nothing; activations after a ReLU have many.
    Pair pairs[kMaxPairs + 1];
    uint32_t count = 0;
    const uint32_t end = std::min(rows, first + 2 * kMaxPairs);
    for (uint32_t row = first; row < end; row += 2) {
      const int16_t x0 = x[row];
      const int16_t x1 = row + 1 < end ? x[row + 1] : int16_t{0};
      pairs[count] = {row / 2 * stride_, x0, x1};
      count += (x0 | x1) != 0 ? 1 : 0;
    }
    for (uint32_t column = 0; column < columns; column += kBlock) {
      int32_t sums[kBlock];
      block(cells_.data() + 2 * static_cast<size_t>(column), pairs, count, sums);
      const uint32_t width = std::min(columns - column, kBlock);
      for (uint32_t c = 0; c < width; ++c) acc[column + c] += sums[c];
    }
  }
}

}  // namespace aimc
