#include <vector>

#include "aimc_tile/core/noise.hh"
#include "aimc_tile/core/tests/check.hh"
#include "aimc_tile/core/tests/reference.hh"
#include "aimc_tile/core/tests/rig.hh"

using aimc_test::Random;
using aimc_test::Rig;
using aimc_test::small_params;

namespace {

constexpr uint16_t kMultiplier = 40000;
constexpr uint16_t kShift = 33;

std::vector<int8_t> random_inputs(Random* random, uint32_t rows) {
  std::vector<int8_t> x(rows);
  for (int8_t& value : x) value = random->input();
  return x;
}

void fill_and_start(Rig* rig, const std::vector<int8_t>& x) {
  rig->put_bytes(AIMC_WINDOW_IN, x.data(), static_cast<uint32_t>(x.size()));
  rig->put(AIMC_REG_CONTROL, AIMC_CONTROL_START);
}

std::vector<int16_t> codes_of(Rig* rig, uint32_t columns) {
  const uint32_t width = rig->tile.params().adc_bits <= 8 ? 1 : 2;
  const std::vector<uint8_t> bytes = rig->get_bytes(AIMC_WINDOW_OUT, columns * width);
  std::vector<int16_t> codes(columns);
  for (uint32_t c = 0; c < columns; ++c)
    codes[c] = width == 1 ? static_cast<int8_t>(bytes[c]) : aimc::load_le<int16_t>(&bytes[2 * c]);
  return codes;
}

std::vector<int16_t> expected(const Rig& rig, const std::vector<int8_t>& x) {
  const aimc::TileParams& params = rig.tile.params();
  return aimc_test::reference_mvm(x, rig.cells, params.columns, params.columns, kMultiplier, kShift,
                                  params.adc_bits);
}

}  // namespace

TEST(pio_full_tile_including_its_last_row_and_column) {
  for (const int adc_bits : {8, 12}) {
    aimc::TileParams params = small_params();
    params.rows = 256;
    params.columns = 250;
    params.adc_bits = adc_bits;
    Rig rig(params);
    rig.program_random(7, kMultiplier, kShift);
    Random random(8);
    const std::vector<int8_t> x = random_inputs(&random, 256);
    fill_and_start(&rig, x);
    rig.settle();
    CHECK(codes_of(&rig, 250) == expected(rig, x));
    CHECK_EQUAL(rig.take_error(), 0u);

    std::vector<int8_t> last(256, 0);  // only the last row is driven
    last[255] = 127;
    rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_POP);
    fill_and_start(&rig, last);
    rig.settle();
    const std::vector<int16_t> codes = codes_of(&rig, 250);
    CHECK(codes == expected(rig, last));
    CHECK(codes[249] != 0);
  }
}

TEST(pio_largest_tile_fits_its_windows) {
  aimc::TileParams params = small_params();
  params.rows = aimc::kMaxRows;
  params.columns = aimc::kMaxColumns;
  params.adc_bits = 16;
  Rig rig(params);
  const auto store16 = [&rig](uint32_t offset, int16_t value) {
    uint8_t bytes[2];
    aimc::store_le(bytes, value);
    rig.tile.write(rig.now, offset, 2, bytes);
  };
  rig.put(AIMC_REG_PROGRAM_ROW, aimc::kMaxRows - 1);
  store16(AIMC_WINDOW_PROGRAM + 2 * (aimc::kMaxColumns - 1), 8);
  rig.put(AIMC_REG_PROGRAM_ROW, AIMC_PROGRAM_ADC);
  rig.put(AIMC_WINDOW_PROGRAM + AIMC_WINDOW_BYTES - 4, 17u << 16 | 32768u);  // a quarter
  const int8_t x = -6;
  rig.tile.write(rig.now, AIMC_WINDOW_IN + AIMC_WINDOW_BYTES - 1, 1, &x);
  rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_START);
  rig.settle();
  const uint32_t last = AIMC_WINDOW_OUT + 2 * (aimc::kMaxColumns - 1);
  const std::vector<uint8_t> code = rig.get_bytes(last, 2);
  CHECK_EQUAL(aimc::load_le<int16_t>(code.data()), -12);
  CHECK_EQUAL(rig.take_error(), 0u);
}

TEST(pio_takes_accesses_of_every_width) {
  for (const uint32_t step : {1u, 2u, 4u, 8u, 16u}) {
    Rig rig(small_params());
    rig.program_random(9, kMultiplier, kShift);
    Random random(10);
    const std::vector<int8_t> x = random_inputs(&random, 16);
    rig.put_bytes(AIMC_WINDOW_IN, x.data(), 16, step);
    rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_START);
    rig.settle();
    std::vector<int8_t> codes(16);
    for (uint32_t i = 0; i < 16; i += step)
      rig.tile.read(rig.now, AIMC_WINDOW_OUT + i, step, &codes[i]);
    const std::vector<int16_t> wide = expected(rig, x);
    CHECK(codes == std::vector<int8_t>(wide.begin(), wide.end()));
  }
}

TEST(pio_inputs_that_are_not_written_are_zero) {
  Rig rig(small_params());
  rig.program_random(11, kMultiplier, kShift);
  Random random(12);
  for (int round = 0; round < 3; ++round) {
    std::vector<int8_t> x = random_inputs(&random, 16 - 5 * round);
    fill_and_start(&rig, x);
    rig.settle();
    x.resize(16, 0);
    CHECK(codes_of(&rig, 16) == expected(rig, x));
    rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_POP);
  }
}

TEST(pio_fewer_active_rows_and_columns) {
  Rig rig(small_params());
  rig.program_random(13, kMultiplier, kShift);
  Random random(14);
  const std::vector<int8_t> x = random_inputs(&random, 16);
  rig.put(AIMC_REG_ACTIVE_ROWS, 7);
  rig.put(AIMC_REG_ACTIVE_COLS, 3);
  fill_and_start(&rig, x);
  rig.settle();
  std::vector<int16_t> codes = expected(rig, {x.begin(), x.begin() + 7});
  for (uint32_t c = 3; c < 16; ++c) codes[c] = 0;
  CHECK(codes_of(&rig, 16) == codes);
  CHECK_EQUAL(rig.tile.statistics().cell_reads, 21u);
  CHECK_EQUAL(rig.tile.statistics().dac_conversions, 7u);
  CHECK_EQUAL(rig.tile.statistics().adc_conversions, 3u);
}

TEST(pio_one_bank_converts_one_vector_at_a_time) {
  Rig rig(small_params());
  rig.program_random(15, kMultiplier, kShift);
  Random random(16);
  const std::vector<int8_t> a = random_inputs(&random, 16), b = random_inputs(&random, 16);
  fill_and_start(&rig, a);
  CHECK_EQUAL(rig.get(AIMC_REG_STATUS), AIMC_STATUS_BUSY);
  rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_START);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUSY);
  rig.tile.write(rig.now, AIMC_WINDOW_IN, 1, b.data());
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUSY);
  rig.settle();
  CHECK_EQUAL(rig.get(AIMC_REG_STATUS), AIMC_STATUS_IN_READY | AIMC_STATUS_OUT_VALID);
  // The second vector waits for the only output bank; nothing of the first is lost.
  fill_and_start(&rig, b);
  rig.settle();
  CHECK_EQUAL(rig.get(AIMC_REG_STATUS), AIMC_STATUS_BUSY | AIMC_STATUS_OUT_VALID);
  CHECK(codes_of(&rig, 16) == expected(rig, a));
  rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_POP);
  rig.settle();
  CHECK(codes_of(&rig, 16) == expected(rig, b));
  CHECK_EQUAL(rig.take_error(), 0u);
}

TEST(pio_two_banks_hold_four_vectors_in_order) {
  aimc::TileParams params = small_params();
  params.double_buffer = true;
  Rig rig(params);
  rig.program_random(17, kMultiplier, kShift);
  Random random(18);
  std::vector<std::vector<int8_t>> x;
  for (int i = 0; i < 6; ++i) x.push_back(random_inputs(&random, 16));
  fill_and_start(&rig, x[0]);
  CHECK_EQUAL(rig.get(AIMC_REG_STATUS), AIMC_STATUS_BUSY | AIMC_STATUS_IN_READY);
  fill_and_start(&rig, x[1]);
  CHECK_EQUAL(rig.get(AIMC_REG_STATUS), AIMC_STATUS_BUSY);
  rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_START);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUSY);
  rig.settle();
  fill_and_start(&rig, x[2]);  // both outputs are full: these wait
  fill_and_start(&rig, x[3]);
  rig.settle();
  CHECK_EQUAL(rig.get(AIMC_REG_STATUS), AIMC_STATUS_BUSY | AIMC_STATUS_OUT_VALID);
  for (int i = 0; i < 6; ++i) {
    CHECK(codes_of(&rig, 16) == expected(rig, x[i]));
    rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_POP);
    if (i + 4 < 6) {
      rig.settle();
      fill_and_start(&rig, x[i + 4]);
    }
    rig.settle();
  }
  CHECK_EQUAL(rig.take_error(), 0u);
  CHECK_EQUAL(rig.get(AIMC_REG_MVM_COUNT), 6u);
}

TEST(pio_timing_of_port_and_converter) {
  Rig rig(small_params());
  const uint8_t bytes[16] = {};
  CHECK_EQUAL(rig.tile.write(1000, AIMC_WINDOW_IN, 16, bytes), 1000u + 4000u);
  CHECK_EQUAL(rig.tile.write(2000, AIMC_WINDOW_IN, 8, bytes), 5000u + 2000u);  // behind the first
  uint8_t control[4] = {AIMC_CONTROL_START};
  CHECK_EQUAL(rig.tile.write(3000, AIMC_REG_CONTROL, 4, control), 3000u);
  CHECK_EQUAL(rig.tile.next_event_ps(), 7000u);  // begins when the port has delivered
  rig.tile.advance(7000);
  CHECK(rig.tile.converting());
  CHECK_EQUAL(rig.tile.next_event_ps(), 67000u);
  rig.tile.advance(66999);
  CHECK(rig.tile.converting());
  rig.tile.advance(67000);
  CHECK(!rig.tile.converting());
  CHECK(rig.tile.status() & AIMC_STATUS_OUT_VALID);
  CHECK_EQUAL(rig.tile.next_event_ps(), aimc::kNever);
  uint8_t data[4];
  CHECK_EQUAL(rig.tile.read(70000, AIMC_WINDOW_OUT, 4, data), 71000u);
  CHECK_EQUAL(rig.tile.statistics().busy_ps, 60000u);
  CHECK_EQUAL(rig.tile.statistics().wait_ps, 4000u);
  CHECK_EQUAL(rig.tile.statistics().overlap_ps, 0u);
  CHECK_EQUAL(rig.tile.read(5, AIMC_REG_ID, 4, data), 70000u);  // time does not run backwards
}

TEST(pio_banks_overlap_filling_and_conversion) {
  aimc::TileParams params = small_params();
  params.double_buffer = true;
  Rig rig(params);
  const uint8_t bytes[16] = {};
  const uint8_t control[4] = {AIMC_CONTROL_START};
  rig.tile.write(0, AIMC_WINDOW_IN, 16, bytes);
  rig.tile.write(4000, AIMC_REG_CONTROL, 4, control);
  rig.tile.write(5000, AIMC_WINDOW_IN, 16, bytes);
  rig.tile.write(10000, AIMC_REG_CONTROL, 4, control);
  rig.tile.advance(64000);
  CHECK(rig.tile.converting());  // the second began at once
  CHECK_EQUAL(rig.tile.next_event_ps(), 124000u);
}

TEST(pio_reset_drops_work_and_keeps_conductances) {
  aimc::TileParams params = small_params();
  params.double_buffer = true;
  Rig rig(params);
  rig.program_random(19, kMultiplier, kShift);
  Random random(20);
  rig.put(AIMC_REG_NOISE_EPOCH, 5);
  fill_and_start(&rig, random_inputs(&random, 16));
  fill_and_start(&rig, random_inputs(&random, 16));
  rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_RESET);
  CHECK_EQUAL(rig.get(AIMC_REG_STATUS), AIMC_STATUS_IN_READY | AIMC_STATUS_DMA_READY);
  CHECK_EQUAL(rig.tile.next_event_ps(), aimc::kNever);
  CHECK_EQUAL(rig.get(AIMC_REG_NOISE_EPOCH), 5u);
  CHECK_EQUAL(rig.get(AIMC_REG_MVM_COUNT), 2u);
  const std::vector<int8_t> x = random_inputs(&random, 16);
  fill_and_start(&rig, x);
  rig.settle();
  CHECK(codes_of(&rig, 16) == expected(rig, x));
}

TEST(pio_noise_follows_epoch_and_count) {
  aimc::TileParams params = small_params();
  params.adc_bits = 16;
  params.noise = true;
  params.output_noise_lsb = 100;
  params.seed = 0x0123456789abcdefu;
  params.tile = 9;
  const auto draw = [&params](uint32_t epoch, int count) {
    Rig rig(params);
    rig.put(AIMC_REG_NOISE_EPOCH, epoch);
    std::vector<int16_t> codes;
    for (int i = 0; i < count; ++i) {
      rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_START);
      rig.settle();
      codes = codes_of(&rig, 16);
      rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_POP);
    }
    CHECK_EQUAL(rig.get(AIMC_REG_MVM_COUNT), static_cast<uint32_t>(count));
    // Writing the epoch, even the same, starts over.
    rig.put(AIMC_REG_NOISE_EPOCH, epoch);
    CHECK_EQUAL(rig.get(AIMC_REG_MVM_COUNT), 0u);
    return codes;
  };
  const std::vector<int16_t> codes = draw(3, 5);
  CHECK(codes == draw(3, 5));
  CHECK(codes != draw(3, 4));
  CHECK(codes != draw(4, 5));
  std::vector<int32_t> z(16);
  aimc::normals_q16({params.seed, 9, 3, 4}, aimc::NoiseSource::kOutput, 16, z.data());
  for (uint32_t c = 0; c < 16; ++c) {
    const int64_t steps_q16 = (z[c] * int64_t{6553600} + 32768) >> 16;
    CHECK_EQUAL(codes[c], (steps_q16 + 32768) >> 16);
  }
}

TEST(pio_saturations_are_counted) {
  aimc::TileParams params = small_params();
  params.dac_bits = 4;
  Rig rig(params);
  rig.program(std::vector<int16_t>(256, 32767), 65535, 17);
  fill_and_start(&rig, std::vector<int8_t>(16, 8));
  rig.settle();
  CHECK_EQUAL(rig.tile.statistics().dac_saturations, 16u);
  CHECK_EQUAL(rig.tile.statistics().adc_saturations, 16u);
  CHECK_EQUAL(rig.tile.statistics().mvms, 1u);
}
