#include "aimc_tile/core/arithmetic.hh"

#include <algorithm>
#include <cmath>

namespace aimc {
namespace {

int64_t noise_q16(bool enabled, double lsb) {
  return enabled ? static_cast<int64_t>(std::floor(lsb * 65536.0 + 0.5)) : 0;
}

uint64_t sum_of_squares(const int8_t* x, uint32_t rows) {
  uint32_t sum = 0;  // at most 2^14 * 2^14
  for (uint32_t r = 0; r < rows; ++r) sum += static_cast<uint32_t>(x[r] * x[r]);
  return sum;
}

uint64_t clamp_inputs(const int8_t* x, uint32_t rows, int bits, int8_t* clamped) {
  const int8_t high = static_cast<int8_t>((1 << (bits - 1)) - 1);
  const int8_t low = static_cast<int8_t>(-high - 1);
  uint64_t saturations = 0;
  for (uint32_t r = 0; r < rows; ++r) {
    clamped[r] = std::min(std::max(x[r], low), high);
    saturations += clamped[r] != x[r] ? 1 : 0;
  }
  return saturations;
}

}  // namespace

uint32_t isqrt(uint64_t value) {
  uint64_t root = 0;
  uint64_t bit = uint64_t{1} << 62;
  while (bit > value) bit >>= 2;
  for (; bit != 0; bit >>= 2) {
    if (value >= root + bit) {
      value -= root + bit;
      root = (root >> 1) + bit;
    } else {
      root >>= 1;
    }
  }
  return static_cast<uint32_t>(root);
}

MvmUnit::MvmUnit(const TileParams& params)
    : dac_bits_(params.dac_bits),
      adc_bits_(params.adc_bits),
      read_noise_q16_(noise_q16(params.noise, params.read_noise_lsb)),
      output_noise_q16_(noise_q16(params.noise, params.output_noise_lsb)),
      seed_(params.seed),
      tile_(params.tile),
      clamped_(params.rows),
      acc_(params.columns),
      z_(params.columns) {}

MvmCounts MvmUnit::run(const Crossbar& crossbar, const AdcScale* scales, const int8_t* x,
                       uint32_t rows, uint32_t columns, uint32_t epoch, uint32_t mvm,
                       int16_t* codes) {
  MvmCounts counts;
  if (dac_bits_ < 8) {
    counts.dac_saturations = clamp_inputs(x, rows, dac_bits_, clamped_.data());
    x = clamped_.data();
  }
  crossbar.multiply(x, rows, columns, acc_.data());

  const NoiseKey key{seed_, tile_, epoch, mvm};
  if (read_noise_q16_ != 0) {
    const int64_t norm_q8 = isqrt(sum_of_squares(x, rows) << 16);
    const int64_t sigma_q16 = (read_noise_q16_ * norm_q8 + 128) >> 8;
    normals_q16(key, NoiseSource::kRead, columns, z_.data());
    for (uint32_t c = 0; c < columns; ++c)
      acc_[c] += (z_[c] * sigma_q16 + (int64_t{1} << 31)) >> 32;
  }

  if (output_noise_q16_ != 0) {
    normals_q16(key, NoiseSource::kOutput, columns, z_.data());
  } else {
    std::fill(z_.begin(), z_.begin() + columns, 0);
  }
  const int64_t limit = (int64_t{1} << (adc_bits_ - 1)) - 1;
  uint32_t saturations = 0;
  for (uint32_t c = 0; c < columns; ++c) {
    const int shift = std::min(std::max(scales[c].shift, kMinAdcShift), kMaxAdcShift);
    int64_t steps_q16 =
        (acc_[c] * scales[c].multiplier + (int64_t{1} << (shift - 17))) >> (shift - 16);
    steps_q16 += (z_[c] * output_noise_q16_ + 0x8000) >> 16;
    const int64_t code = (steps_q16 + 0x8000) >> 16;
    const int64_t clamped = std::min(std::max(code, -limit), limit);
    saturations += code != clamped ? 1 : 0;
    codes[c] = static_cast<int16_t>(clamped);
  }
  counts.adc_saturations = saturations;
  return counts;
}

}  // namespace aimc
