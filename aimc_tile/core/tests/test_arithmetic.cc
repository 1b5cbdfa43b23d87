#include <cstdlib>
#include <vector>

#include "aimc_tile/core/arithmetic.hh"
#include "aimc_tile/core/tests/check.hh"
#include "aimc_tile/core/tests/reference.hh"
#include "aimc_tile/core/tests/rig.hh"

using aimc::AdcScale;
using aimc::Crossbar;
using aimc::MvmUnit;
using aimc::TileParams;
using aimc_test::Random;

namespace {

TileParams params_of(uint32_t rows, uint32_t columns, int adc_bits, int dac_bits = 8) {
  TileParams params;
  params.rows = rows;
  params.columns = columns;
  params.adc_bits = adc_bits;
  params.dac_bits = dac_bits;
  return params;
}

// One input times one cell of 1 through a scale of multiplier / 2^shift.
int16_t convert(int8_t x, int16_t cell, AdcScale scale, int adc_bits,
                aimc::MvmCounts* counts = nullptr, int dac_bits = 8) {
  Crossbar crossbar(1, 1);
  crossbar.set(0, 0, cell);
  MvmUnit unit(params_of(1, 1, adc_bits, dac_bits));
  int16_t code;
  const aimc::MvmCounts got = unit.run(crossbar, &scale, &x, 1, 1, 0, 0, &code);
  if (counts != nullptr) *counts = got;
  return code;
}

}  // namespace

TEST(arithmetic_isqrt_is_the_floor_of_the_root) {
  for (uint64_t root : {0ull, 1ull, 2ull, 3ull, 255ull, 65535ull, 4194304ull, 4294967295ull}) {
    CHECK_EQUAL(aimc::isqrt(root * root), root);
    if (root > 0) CHECK_EQUAL(aimc::isqrt(root * root - 1), root - 1);
    CHECK_EQUAL(aimc::isqrt(root * root + root), root);
  }
}

TEST(arithmetic_product_is_exact_on_odd_shapes) {
  Random random(1);
  for (const auto& [rows, columns] : std::vector<std::pair<uint32_t, uint32_t>>{
           {1, 1}, {2, 31}, {3, 32}, {17, 33}, {509, 65}, {510, 7}, {511, 2}, {1021, 3}}) {
    Crossbar crossbar(rows, columns);
    std::vector<int16_t> cells(rows * columns);
    for (uint32_t i = 0; i < rows * columns; ++i) {
      cells[i] = random.cell();
      crossbar.set(i / columns, i % columns, cells[i]);
    }
    std::vector<int8_t> x(rows);
    for (int8_t& value : x) value = random.below(3) == 0 ? 0 : random.input();
    // Also with fewer active rows and columns than there are.
    for (const uint32_t less : {0u, 1u}) {
      if (rows <= less || columns <= less) continue;
      std::vector<int64_t> acc(columns);
      crossbar.multiply(x.data(), rows - less, columns - less, acc.data());
      for (uint32_t c = 0; c < columns - less; ++c) {
        int64_t expected = 0;
        for (uint32_t r = 0; r < rows - less; ++r)
          expected += int64_t{x[r]} * cells[r * columns + c];
        CHECK_EQUAL(acc[c], expected);
      }
    }
  }
}

TEST(arithmetic_largest_product_does_not_overflow) {
  Crossbar crossbar(aimc::kMaxRows, 3);
  for (uint32_t r = 0; r < aimc::kMaxRows; ++r) {
    crossbar.set(r, 0, -32768);
    crossbar.set(r, 1, 32767);
    crossbar.set(r, 2, r + 1 == aimc::kMaxRows ? 1 : 0);  // the last row counts
  }
  const std::vector<int8_t> x(aimc::kMaxRows, -128);
  int64_t acc[3];
  crossbar.multiply(x.data(), aimc::kMaxRows, 3, acc);
  CHECK_EQUAL(acc[0], int64_t{1} << 36);
  CHECK_EQUAL(acc[1], -(int64_t{1} << 36) + (int64_t{1} << 21));
  CHECK_EQUAL(acc[2], -128);
  // ... and the steepest scale of it saturates rather than wrapping.
  MvmUnit unit(params_of(aimc::kMaxRows, 3, 16));
  const std::vector<AdcScale> scales(3, {65535, 17});
  int16_t codes[3];
  CHECK_EQUAL(
      unit.run(crossbar, scales.data(), x.data(), aimc::kMaxRows, 3, 0, 0, codes).adc_saturations,
      2u);
  CHECK_EQUAL(codes[0], 32767);
  CHECK_EQUAL(codes[1], -32767);
  CHECK_EQUAL(codes[2], -64);  // -128 * 65535 / 2^17 = -63.999...
}

TEST(arithmetic_rounds_half_up) {
  const AdcScale half{32768, 16 + 0};  // shift below 17 counts as 17: a quarter
  CHECK_EQUAL(convert(1, 2, half, 16), 1);
  const AdcScale quarter{32768, 17};
  CHECK_EQUAL(convert(1, 1, quarter, 16), 0);
  CHECK_EQUAL(convert(1, 2, quarter, 16), 1);    // 0.5
  CHECK_EQUAL(convert(1, -2, quarter, 16), 0);   // -0.5
  CHECK_EQUAL(convert(1, -3, quarter, 16), -1);  // -0.75
  CHECK_EQUAL(convert(1, -6, quarter, 16), -1);  // -1.5
}

TEST(arithmetic_adc_saturates_symmetrically_and_counts) {
  const AdcScale quarter{32768, 17};
  aimc::MvmCounts counts;
  CHECK_EQUAL(convert(127, 4, quarter, 8, &counts), 127);
  CHECK_EQUAL(counts.adc_saturations, 0u);
  CHECK_EQUAL(convert(-128, 4, quarter, 8, &counts), -127);
  CHECK_EQUAL(counts.adc_saturations, 1u);
  CHECK_EQUAL(convert(127, 5, quarter, 8, &counts), 127);
  CHECK_EQUAL(counts.adc_saturations, 1u);
  CHECK_EQUAL(convert(1, 32767, quarter, 2), 1);
  CHECK_EQUAL(convert(-1, 32767, quarter, 2), -1);
  CHECK_EQUAL(convert(127, 32767, AdcScale{0, 62}, 16), 0);
}

TEST(arithmetic_narrow_dac_saturates_inputs) {
  const AdcScale quarter{32768, 17};
  aimc::MvmCounts counts;
  CHECK_EQUAL(convert(127, 4, quarter, 16, &counts, 4), 7);
  CHECK_EQUAL(counts.dac_saturations, 1u);
  CHECK_EQUAL(convert(-128, 4, quarter, 16, &counts, 4), -8);
  CHECK_EQUAL(counts.dac_saturations, 1u);
  CHECK_EQUAL(convert(-8, 4, quarter, 16, &counts, 4), -8);
  CHECK_EQUAL(counts.dac_saturations, 0u);
  CHECK_EQUAL(convert(127, 4, quarter, 16, &counts, 7), 63);
  CHECK_EQUAL(counts.dac_saturations, 1u);
  CHECK_EQUAL(convert(-128, 4, quarter, 16, &counts, 8), -128);
  CHECK_EQUAL(counts.dac_saturations, 0u);
}

TEST(arithmetic_narrow_dac_takes_the_active_rows) {
  Crossbar crossbar(4, 1);
  for (uint32_t r = 0; r < 4; ++r) crossbar.set(r, 0, 4);
  const AdcScale quarter{32768, 17};
  const std::vector<int8_t> x{127, 127, -128, 127};
  MvmUnit unit(params_of(4, 1, 16, 4));
  int16_t code;
  const aimc::MvmCounts counts = unit.run(crossbar, &quarter, x.data(), 3, 1, 0, 0, &code);
  CHECK_EQUAL(counts.dac_saturations, 3u);
  CHECK_EQUAL(code, 7 + 7 - 8);
}

TEST(arithmetic_equals_the_reference) {
  Random random(2);
  const uint32_t rows = 70, columns = 41;
  Crossbar crossbar(rows, columns);
  std::vector<int16_t> cells(rows * columns);
  for (uint32_t i = 0; i < rows * columns; ++i) {
    cells[i] = random.cell();
    crossbar.set(i / columns, i % columns, cells[i]);
  }
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<int8_t> x(random.between(1, rows));
    for (int8_t& value : x) value = random.input();
    const uint16_t multiplier = static_cast<uint16_t>(random.below(65536));
    const uint16_t shift = static_cast<uint16_t>(random.between(17, 62));
    const int bits = static_cast<int>(random.between(2, 16));
    const uint32_t used = random.between(1, columns);
    MvmUnit unit(params_of(rows, columns, bits));
    std::vector<int16_t> codes(used);
    const std::vector<AdcScale> scales(columns, {multiplier, shift});
    unit.run(crossbar, scales.data(), x.data(), static_cast<uint32_t>(x.size()), used, 0, 0,
             codes.data());
    CHECK(codes == aimc_test::reference_mvm(x, cells, columns, used, multiplier, shift, bits));
  }
}

TEST(arithmetic_noise_has_the_width_it_is_given) {
  // Output noise of 8 steps on a zero product; read noise of 3 on 16 inputs of 4 is
  // 3 * 4 * sqrt(16) = 48 in the accumulator, here 1 : 1 in steps.
  const uint32_t columns = 4096;
  TileParams params = params_of(16, columns, 16);
  params.noise = true;
  Crossbar crossbar(16, columns);
  const std::vector<AdcScale> scales(columns, {32768, 17});
  std::vector<int16_t> codes(columns);
  const std::vector<int8_t> x(16, 16);
  const auto spread = [&](double output_lsb, double read_lsb) {
    params.output_noise_lsb = output_lsb;
    params.read_noise_lsb = read_lsb;
    MvmUnit unit(params);
    unit.run(crossbar, scales.data(), x.data(), 16, columns, 0, 0, codes.data());
    double squares = 0;
    for (const int16_t code : codes) squares += double{1} * code * code;
    return squares / columns;
  };
  CHECK(std::abs(spread(8, 0) / 64.0 - 1) < 0.08);
  CHECK(std::abs(spread(0, 3) / (48.0 * 48.0) - 1) < 0.08);
  CHECK(std::abs(spread(8, 3) / (48.0 * 48.0 + 64.0) - 1) < 0.08);
  CHECK_EQUAL(spread(0, 0), 0.0);
}

// With a converter in which every accumulator step is half a code, on odd deviations.
TEST(arithmetic_noise_equals_its_formulas) {
  const uint32_t columns = 1024;
  const std::vector<int8_t> x{1, -3, 2};
  const int64_t norm_q8 = 957;  // floor(16 * 16 * sqrt(14))
  const std::vector<AdcScale> scales(columns, {65535, 17});
  TileParams params = params_of(3, columns, 16);
  params.noise = true;
  params.seed = 11;
  params.tile = 2;
  Crossbar crossbar(3, columns);
  for (uint32_t c = 0; c < columns; ++c) crossbar.set(0, c, static_cast<int16_t>(c % 2));
  // In 1/65536: deviations whose last bit, which is rounded, decides a code; and large ones.
  for (const int64_t read_q16 : {0, 2729, 3336, 4051, 4071, 4112, 13035, 105344, 115072, 5000001}) {
    for (const int64_t output_q16 : {0, 1, 9999, 777777}) {
      params.read_noise_lsb = static_cast<double>(read_q16) / 65536;
      params.output_noise_lsb = static_cast<double>(output_q16) / 65536;
      MvmUnit unit(params);
      std::vector<int16_t> codes(columns);
      unit.run(crossbar, scales.data(), x.data(), 3, columns, 5, 7, codes.data());
      std::vector<int32_t> z1(columns), z2(columns);
      const aimc::NoiseKey key{11, 2, 5, 7};
      aimc::normals_q16(key, aimc::NoiseSource::kRead, columns, z1.data());
      aimc::normals_q16(key, aimc::NoiseSource::kOutput, columns, z2.data());
      const int64_t sigma = (read_q16 * norm_q8 + 128) >> 8;
      for (uint32_t c = 0; c < columns; ++c) {
        const int64_t acc = c % 2 + ((z1[c] * sigma + (int64_t{1} << 31)) >> 32);
        const int64_t v = ((acc * 65535 + 1) >> 1) + ((z2[c] * output_q16 + 32768) >> 16);
        CHECK_EQUAL(codes[c], (v + 32768) >> 16);
      }
    }
  }
}

TEST(arithmetic_smallest_read_noise_is_seen_on_the_largest_tile) {
  TileParams params = params_of(aimc::kMaxRows, 256, 16);
  params.noise = true;
  params.read_noise_lsb = 1.0 / 65536;
  const Crossbar crossbar(aimc::kMaxRows, 256);
  const std::vector<int8_t> x(aimc::kMaxRows, -128);
  const std::vector<AdcScale> scales(256, {65535, 17});
  std::vector<int16_t> codes(256);
  MvmUnit(params).run(crossbar, scales.data(), x.data(), aimc::kMaxRows, 256, 0, 0, codes.data());
  std::vector<int32_t> z(256);
  aimc::normals_q16({0, 0, 0, 0}, aimc::NoiseSource::kRead, 256, z.data());
  // A quarter of an accumulator step, so half a code from six deviations and rounded from two on.
  int seen = 0;
  for (uint32_t c = 0; c < 256; ++c) {
    const int acc = z[c] >= 2 << 16 ? 1 : z[c] < -(2 << 16) ? -1 : 0;
    const int code = ((acc * 65535 + 1) / 2 + 32768) >> 16;
    CHECK_EQUAL(codes[c], code);
    seen += code != 0 ? 1 : 0;
  }
  CHECK(seen > 0);
}

TEST(arithmetic_output_noise_is_rounded) {
  const uint32_t columns = 4096;
  std::vector<int32_t> z(columns);
  aimc::normals_q16({4, 0, 0, 0}, aimc::NoiseSource::kOutput, columns, z.data());
  TileParams params = params_of(1, columns, 16);
  params.noise = true;
  params.seed = 4;
  const std::vector<AdcScale> scales(columns);
  const Crossbar crossbar(1, columns);
  const int8_t x = 0;
  int checked = 0, exact = 0;
  for (uint32_t c = 0; c < columns; ++c) {
    if (z[c] < 2000 || z[c] >= 32768) continue;
    // Of z times the deviation, in Q32, what reaches half a code once it is rounded to Q16.
    const int64_t reach = (int64_t{1} << 31) - (int64_t{1} << 15);
    const int64_t largest = (reach - 1) / z[c];
    const bool reached = reach % z[c] == 0;
    if (!reached && c >= 256) continue;
    ++checked;
    exact += reached ? 1 : 0;
    for (const int more : {0, 1}) {
      params.output_noise_lsb = static_cast<double>(largest + more) / 65536;
      MvmUnit unit(params);
      std::vector<int16_t> codes(columns);
      unit.run(crossbar, scales.data(), &x, 1, columns, 0, 0, codes.data());
      CHECK_EQUAL(codes[c], more);
    }
  }
  CHECK(checked > 10);
  CHECK(exact > 0);
}

TEST(arithmetic_deviations_are_rounded_to_q16) {
  TileParams params = params_of(1, 64, 16);
  params.noise = true;
  const std::vector<AdcScale> scales(64);
  const Crossbar crossbar(1, 64);
  const int8_t x = 0;
  const auto codes = [&](double lsb) {
    params.output_noise_lsb = lsb;
    std::vector<int16_t> result(64);
    MvmUnit(params).run(crossbar, scales.data(), &x, 1, 64, 0, 0, result.data());
    return result;
  };
  CHECK(codes(0.49 / 65536) == codes(0));
  const double large = 30000;
  CHECK(codes(large + 0.5 / 65536) == codes(large + 1.0 / 65536));
  CHECK(codes(large + 0.49 / 65536) == codes(large));
  CHECK(codes(large) != codes(large + 1.0));
}

TEST(arithmetic_noise_that_is_off_adds_nothing) {
  // Every column is 1/65536 of a step below half a code.
  const uint32_t columns = 64;
  TileParams params = params_of(1, columns, 16);
  params.output_noise_lsb = 1;
  params.read_noise_lsb = 1;
  Crossbar crossbar(1, columns);
  for (uint32_t c = 0; c < columns; ++c) crossbar.set(0, c, 1);
  const std::vector<AdcScale> scales(columns, {65534, 17});
  const int8_t x = 1;
  std::vector<int16_t> codes(columns, 7);
  MvmUnit(params).run(crossbar, scales.data(), &x, 1, columns, 0, 0, codes.data());
  CHECK(codes == std::vector<int16_t>(columns, 0));
}

TEST(arithmetic_half_a_code_is_reached_by_rounding) {
  CHECK_EQUAL(convert(2, 1, {65535, 18}, 16), 1);  // 131070 / 4 rounds to half a code
  CHECK_EQUAL(convert(2, 1, {65534, 18}, 16), 0);  // 131068 / 4 is 32767 exactly
  CHECK_EQUAL(convert(1, 1, {65535, 17}, 16), 1);
  CHECK_EQUAL(convert(1, 1, {65534, 17}, 16), 0);
  CHECK_EQUAL(convert(-3, 1, {43691, 18}, 16), 0);   // -131073 / 4 rounds up to -32768
  CHECK_EQUAL(convert(-5, 1, {26215, 18}, 16), -1);  // -131075 / 4 rounds to -32769
  const AdcScale steepest{65535, 62}, beyond{65535, 63};
  for (const int8_t x : {int8_t{-128}, int8_t{127}})
    CHECK_EQUAL(convert(x, 32767, beyond, 16), convert(x, 32767, steepest, 16));
}

TEST(arithmetic_largest_noise_does_not_overflow) {
  TileParams params = params_of(aimc::kMaxRows, 64, 16);
  params.noise = true;
  params.read_noise_lsb = aimc::kMaxReadNoiseLsb;
  params.output_noise_lsb = aimc::kMaxOutputNoiseLsb;
  Crossbar crossbar(aimc::kMaxRows, 64);
  const std::vector<int8_t> x(aimc::kMaxRows, -128);
  const std::vector<AdcScale> scales(64, {65535, 17});
  std::vector<int16_t> codes(64);
  MvmUnit unit(params);
  for (uint32_t mvm = 0; mvm < 100; ++mvm) {
    unit.run(crossbar, scales.data(), x.data(), aimc::kMaxRows, 64, 0, mvm, codes.data());
    std::vector<int32_t> z(64);
    aimc::normals_q16({0, 0, 0, mvm}, aimc::NoiseSource::kRead, 64, z.data());
    // sigma = 4096 * 2^14 = 2^26 accumulator steps, far beyond the ADC: the sign must be z's.
    for (uint32_t c = 0; c < 64; ++c)
      if (std::abs(z[c]) > 65536) CHECK_EQUAL(codes[c], z[c] > 0 ? 32767 : -32767);
  }
}
