#include "aimc_tile/core/tests/reference.hh"

namespace aimc_test {

std::vector<int16_t> reference_mvm(const std::vector<int8_t>& x, const std::vector<int16_t>& cells,
                                   uint32_t stride, uint32_t columns, uint16_t multiplier,
                                   uint16_t shift, int adc_bits) {
  std::vector<int16_t> codes(columns);
  const int64_t limit = (int64_t{1} << (adc_bits - 1)) - 1;
  for (uint32_t c = 0; c < columns; ++c) {
    int64_t acc = 0;
    for (size_t r = 0; r < x.size(); ++r) acc += int64_t{x[r]} * cells[r * stride + c];
    const int64_t q16 = (acc * multiplier + (int64_t{1} << (shift - 17))) >> (shift - 16);
    int64_t code = (q16 + 0x8000) >> 16;
    if (code > limit) code = limit;
    if (code < -limit) code = -limit;
    codes[c] = static_cast<int16_t>(code);
  }
  return codes;
}

std::vector<int8_t> reference_patch(const aimc_descriptor& d, uint32_t pixel, Memory* memory) {
  std::vector<int8_t> all;
  const int64_t oy = d.oy + pixel / d.count, ox = d.ox0 + pixel % d.count;
  for (int ky = 0; ky < d.kernel_h; ++ky) {
    for (int kx = 0; kx < d.kernel_w; ++kx) {
      const int64_t y = oy * d.stride_y - d.pad_top + ky * d.dilation_y;
      const int64_t x = ox * d.stride_x - d.pad_left + kx * d.dilation_x;
      const bool inside = y >= 0 && y < d.in_height && x >= 0 && x < d.in_width;
      for (uint32_t channel = 0; channel < d.in_channels; ++channel) {
        const uint64_t offset =
            (static_cast<uint64_t>(y) * d.in_width + static_cast<uint64_t>(x)) * d.in_channels;
        all.push_back(inside ? static_cast<int8_t>(*memory->at(d.in_base + offset + channel)) : 0);
      }
    }
  }
  return {all.begin() + d.k0, all.begin() + d.k0 + d.k_len};
}

}  // namespace aimc_test
