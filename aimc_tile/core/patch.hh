// DMA descriptors: decoding, checking, and the im2col patches that they stand for.
#ifndef AIMC_TILE_CORE_PATCH_HH
#define AIMC_TILE_CORE_PATCH_HH

#include <cstdint>

#include "aimc_tile/core/registers.h"

namespace aimc {

constexpr uint32_t kDescriptorBytes = 64;

// A descriptor from and to its 64 little-endian bytes.
aimc_descriptor decode_descriptor(const uint8_t* bytes);
void encode_descriptor(const aimc_descriptor& descriptor, uint8_t* bytes);

// 0 if a tile of `rows` x `columns` whose codes have `code_bytes` can run the descriptor; else
// AIMC_ERROR_GEOMETRY or AIMC_ERROR_DESCRIPTOR.
uint32_t check_descriptor(const aimc_descriptor& descriptor, uint32_t rows, uint32_t columns,
                          uint32_t code_bytes);

// A run of one patch's elements that are either contiguous in memory or all padding.
struct PatchRun {
  uint32_t row;     // of the tile: element k0 + row of the virtual vector
  uint32_t length;  // elements, at least 1
  bool padding;     // zeros; `address` has no meaning
  uint64_t address;
};

// Pixels of a descriptor.
inline uint32_t pixel_count(const aimc_descriptor& descriptor) {
  return uint32_t{descriptor.count} * descriptor.row_count;
}

// The run that begins at tile row `row` < k_len of the patch of pixel `pixel` < pixel_count().
// The descriptor has passed check_descriptor.
PatchRun patch_run(const aimc_descriptor& descriptor, uint32_t pixel, uint32_t row);

// Address of the codes of pixel `pixel`.
inline uint64_t output_address(const aimc_descriptor& descriptor, uint32_t pixel) {
  return descriptor.out_base + uint64_t{pixel} * descriptor.out_stride;
}

}  // namespace aimc

#endif  // AIMC_TILE_CORE_PATCH_HH
