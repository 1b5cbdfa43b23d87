// The tile's arithmetic from int8 inputs to ADC codes, as docs/architecture.md defines it.
#ifndef AIMC_TILE_CORE_ARITHMETIC_HH
#define AIMC_TILE_CORE_ARITHMETIC_HH

#include <cstdint>
#include <vector>

#include "aimc_tile/core/crossbar.hh"
#include "aimc_tile/core/noise.hh"
#include "aimc_tile/core/params.hh"

namespace aimc {

constexpr uint16_t kMinAdcShift = 17;
constexpr uint16_t kMaxAdcShift = 62;

// A column's scale: ADC steps = accumulator * multiplier / 2^shift.
// A shift outside [17, 62] counts as the nearest one inside.
struct AdcScale {
  uint16_t multiplier = 0;
  uint16_t shift = kMinAdcShift;
};

struct MvmCounts {
  uint64_t dac_saturations = 0;
  uint64_t adc_saturations = 0;
};

// floor(sqrt(value))
uint32_t isqrt(uint64_t value);

// The converters and noise sources around a crossbar; keeps scratch memory, so that an MVM
// allocates nothing.
class MvmUnit {
 public:
  explicit MvmUnit(const TileParams& params);

  // One MVM of `rows` inputs into `columns` codes.  `scales` has an entry a column.
  MvmCounts run(const Crossbar& crossbar, const AdcScale* scales, const int8_t* x, uint32_t rows,
                uint32_t columns, uint32_t epoch, uint32_t mvm, int16_t* codes);

 private:
  int dac_bits_;
  int adc_bits_;
  int64_t read_noise_q16_;    // 0 without noise
  int64_t output_noise_q16_;  // 0 without noise
  uint64_t seed_;
  uint32_t tile_;
  std::vector<int8_t> clamped_;
  std::vector<int64_t> acc_;
  std::vector<int32_t> z_;
};

}  // namespace aimc

#endif  // AIMC_TILE_CORE_ARITHMETIC_HH
