#include "aimc_tile/core/tests/dma_rig.hh"

#include "aimc_tile/core/tests/reference.hh"

namespace aimc_test {

void randomize(Rig* rig, uint64_t seed) {
  Random random(seed);
  for (uint32_t i = 0; i < 0x2000; ++i) rig->memory.bytes[i] = static_cast<uint8_t>(random.input());
}

bool stored(Rig* rig, const aimc_descriptor& d, uint32_t pixels) {
  const aimc::TileParams& params = rig->tile.params();
  for (uint32_t pixel = 0; pixel < pixels; ++pixel) {
    const auto x = reference_patch(d, pixel, &rig->memory);
    const auto codes = reference_mvm(x, rig->cells, params.columns, d.columns, kMultiplier, kShift,
                                     params.adc_bits);
    const uint8_t* at = rig->memory.at(d.out_base + pixel * d.out_stride);
    for (uint32_t c = 0; c < d.columns; ++c) {
      const int code =
          params.adc_bits <= 8 ? static_cast<int8_t>(at[c]) : aimc::load_le<int16_t>(at + 2 * c);
      if (code != codes[c]) return false;
    }
  }
  return true;
}

bool stored(Rig* rig, const aimc_descriptor& d) { return stored(rig, d, aimc::pixel_count(d)); }

aimc::TileParams buffered(bool double_buffer) {
  aimc::TileParams params = small_params();
  params.double_buffer = double_buffer;
  return params;
}

aimc_descriptor aligned_descriptor(uint16_t count) {
  aimc_descriptor d = {};
  d.in_base = kMemoryBase;
  d.out_base = kMemoryBase + 0x4000;
  d.in_channels = 64;
  d.k_len = 64;
  d.columns = 16;
  d.out_stride = 64;
  d.in_height = 1;
  d.in_width = count;
  d.count = count;
  d.row_count = 1;
  d.kernel_h = d.kernel_w = d.stride_y = d.stride_x = d.dilation_y = d.dilation_x = 1;
  return d;
}

}  // namespace aimc_test
