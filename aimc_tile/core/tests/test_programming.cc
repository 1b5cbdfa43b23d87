#include <vector>

#include "aimc_tile/core/tests/check.hh"
#include "aimc_tile/core/tests/rig.hh"

using aimc_test::kMemoryBase;
using aimc_test::Random;
using aimc_test::Rig;
using aimc_test::small_params;

namespace {

void write_image(Rig* rig, uint64_t address, uint32_t rows, uint32_t columns, uint64_t seed) {
  Random random(seed);
  for (uint32_t i = 0; i < rows * columns; ++i)
    aimc::store_le(rig->memory.at(address + 2 * i), random.cell());
  for (uint32_t c = 0; c < columns; ++c) {
    uint8_t* scale = rig->memory.at(address + 2 * rows * columns + 4 * c);
    aimc::store_le(scale, static_cast<uint16_t>(random.between(32768, 65535)));
    aimc::store_le(scale + 2, static_cast<uint16_t>(random.between(17, 62)));
  }
}

void start_image(Rig* rig, uint64_t address, uint32_t rows, uint32_t columns) {
  rig->put64(AIMC_REG_PROGRAM_ADDR, address);
  rig->put(AIMC_REG_PROGRAM_ROWS, rows);
  rig->put(AIMC_REG_PROGRAM_COLS, columns);
  rig->put(AIMC_REG_CONTROL, AIMC_CONTROL_PROGRAM);
}

// What the PROGRAM window shows, row by row and then the scales, cut to `columns`.
std::vector<uint8_t> read_back(Rig* rig, uint32_t rows, uint32_t columns) {
  std::vector<uint8_t> image;
  for (uint32_t r = 0; r <= rows; ++r) {
    rig->put(AIMC_REG_PROGRAM_ROW, r < rows ? r : AIMC_PROGRAM_ADC);
    const uint32_t bytes = (r < rows ? 2 : 4) * columns;
    const std::vector<uint8_t> row = rig->get_bytes(AIMC_WINDOW_PROGRAM, bytes);
    image.insert(image.end(), row.begin(), row.end());
  }
  return image;
}

}  // namespace

TEST(programming_image_fills_cells_and_scales) {
  for (const auto& [rows, columns] :
       std::vector<std::pair<uint32_t, uint32_t>>{{16, 16}, {1, 1}, {5, 16}, {16, 3}}) {
    Rig rig(small_params());
    write_image(&rig, kMemoryBase + 6, rows, columns, 30);
    start_image(&rig, kMemoryBase + 6, rows, columns);
    CHECK_EQUAL(rig.get(AIMC_REG_STATUS), AIMC_STATUS_DMA_BUSY);
    rig.settle();
    CHECK_EQUAL(rig.get(AIMC_REG_STATUS), AIMC_STATUS_IN_READY | AIMC_STATUS_DMA_READY);
    const uint8_t* image = rig.memory.at(kMemoryBase + 6);
    CHECK(read_back(&rig, rows, columns) ==
          std::vector<uint8_t>(image, image + (2 * rows + 4) * columns));
    CHECK_EQUAL(rig.tile.statistics().cells_programmed, rows * columns);
    CHECK_EQUAL(rig.tile.statistics().bytes_in, (2 * rows + 4) * columns);
    CHECK_EQUAL(rig.take_error(), 0u);
  }
}

TEST(programming_image_takes_transfers_and_a_latency_a_row) {
  Rig rig(small_params());
  start_image(&rig, kMemoryBase, 3, 16);
  write_image(&rig, kMemoryBase, 3, 16, 31);
  rig.settle();
  // A row: 50 ns, 32 bytes at 250 ps, 500 ns; the scales: 50 ns, 64 bytes.
  CHECK_EQUAL(rig.now, 3 * (50000u + 8000u + 500000u) + 50000u + 16000u);
}

TEST(programming_excludes_other_work) {
  Rig rig(small_params());
  write_image(&rig, kMemoryBase, 2, 16, 32);
  start_image(&rig, kMemoryBase, 2, 16);
  const uint8_t zero[4] = {};
  rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_START);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUSY);
  rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_PROGRAM);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUSY);
  rig.tile.write(0, AIMC_WINDOW_IN, 4, zero);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUSY);
  rig.tile.write(0, AIMC_WINDOW_PROGRAM, 4, zero);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUSY);
  rig.put64(AIMC_REG_DESCRIPTOR, kMemoryBase);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUSY);
  rig.settle();
  rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_START);
  rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_PROGRAM);  // an MVM converts
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUSY);
  rig.tile.write(rig.now, AIMC_WINDOW_PROGRAM, 4, zero);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUSY);
}

TEST(programming_image_outside_memory_is_a_bus_error) {
  Rig rig(small_params(), 4096);
  write_image(&rig, kMemoryBase + 4096 - 132, 2, 16, 33);
  start_image(&rig, kMemoryBase + 4096 - 132 + 8, 2, 16);  // the scales are cut off
  rig.settle();
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUS);
  CHECK_EQUAL(rig.tile.statistics().cells_programmed, 32u);  // the rows arrived
  CHECK_EQUAL(rig.get(AIMC_REG_STATUS), AIMC_STATUS_IN_READY | AIMC_STATUS_DMA_READY);
  start_image(&rig, ~uint64_t{0} - 8, 2, 16);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_BUS);
}

TEST(programming_image_with_a_bad_shift_is_a_value_error) {
  Rig rig(small_params());
  write_image(&rig, kMemoryBase, 1, 2, 34);
  aimc::store_le(rig.memory.at(kMemoryBase + 4 + 6), uint16_t{63});
  start_image(&rig, kMemoryBase, 1, 2);
  rig.settle();
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_VALUE);
}

TEST(programming_window_takes_every_width_and_reads_back) {
  for (const uint32_t step : {1u, 2u, 4u, 8u, 16u}) {
    Rig rig(small_params());
    write_image(&rig, kMemoryBase, 1, 16, 35);
    rig.put_bytes(AIMC_WINDOW_PROGRAM, rig.memory.at(kMemoryBase), 32, step);
    rig.put(AIMC_REG_PROGRAM_ROW, AIMC_PROGRAM_ADC);
    rig.put_bytes(AIMC_WINDOW_PROGRAM, rig.memory.at(kMemoryBase + 32), 64, step);
    const uint8_t* image = rig.memory.at(kMemoryBase);
    CHECK(read_back(&rig, 1, 16) == std::vector<uint8_t>(image, image + 96));
    CHECK_EQUAL(rig.tile.statistics().cells_programmed, step == 1 ? 32u : 16u);
    CHECK_EQUAL(rig.take_error(), 0u);
  }
}

TEST(programming_window_delays_the_next_mvm_by_a_latency_a_row) {
  Rig rig(small_params());
  const uint8_t bytes[16] = {};
  for (uint32_t row = 0; row < 3; ++row) {
    rig.put(AIMC_REG_PROGRAM_ROW, row);
    rig.tile.write(0, AIMC_WINDOW_PROGRAM, 16, bytes);
    rig.tile.write(0, AIMC_WINDOW_PROGRAM + 16, 16, bytes);  // the same row: no second latency
  }
  rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_START);
  CHECK_EQUAL(rig.take_error(), 0u);
  rig.settle();
  CHECK_EQUAL(rig.now, 3 * 500000u + 60000u);
}

TEST(status_says_until_when_cells_are_programmed) {
  Rig rig(small_params());
  const uint8_t bytes[16] = {};
  for (uint32_t row = 0; row < 2; ++row) {
    rig.put(AIMC_REG_PROGRAM_ROW, row);
    rig.tile.write(0, AIMC_WINDOW_PROGRAM, 16, bytes);
  }
  CHECK_EQUAL(rig.tile.next_event_ps(), 2 * 500000u);
  rig.tile.advance(2 * 500000u - 1);
  CHECK(rig.tile.status() & AIMC_STATUS_PROGRAMMING);
  rig.tile.advance(2 * 500000u);
  CHECK_EQUAL(rig.tile.status() & AIMC_STATUS_PROGRAMMING, 0u);
  CHECK_EQUAL(rig.tile.next_event_ps(), aimc::kNever);
}
