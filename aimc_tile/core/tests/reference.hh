// What a tile must compute, in the plainest loops; nothing of it is shared with the model.
#ifndef AIMC_TILE_CORE_TESTS_REFERENCE_HH
#define AIMC_TILE_CORE_TESTS_REFERENCE_HH

#include <cstdint>
#include <vector>

#include "aimc_tile/core/registers.h"
#include "aimc_tile/core/tests/rig.hh"

namespace aimc_test {

// Codes of an MVM without noise; `cells` has `stride` columns.
std::vector<int16_t> reference_mvm(const std::vector<int8_t>& x, const std::vector<int16_t>& cells,
                                   uint32_t stride, uint32_t columns, uint16_t multiplier,
                                   uint16_t shift, int adc_bits);

// Rows [0, k_len) of a pixel's patch, element by element.
std::vector<int8_t> reference_patch(const aimc_descriptor& d, uint32_t pixel, Memory* memory);

}  // namespace aimc_test

#endif  // AIMC_TILE_CORE_TESTS_REFERENCE_HH
