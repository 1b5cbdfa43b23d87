#include <vector>

#include "aimc_tile/core/tests/check.hh"
#include "aimc_tile/core/tests/rig.hh"

using aimc_test::Rig;
using aimc_test::small_params;

TEST(access_registers_after_reset) {
  aimc::TileParams params = small_params();
  params.columns = 12;
  params.adc_bits = 10;
  params.dac_bits = 6;
  params.double_buffer = true;
  Rig rig(params);
  CHECK_EQUAL(rig.get(AIMC_REG_ID), AIMC_TILE_ID);
  CHECK_EQUAL(rig.get(AIMC_REG_VERSION), AIMC_TILE_VERSION);
  CHECK_EQUAL(rig.get(AIMC_REG_ROWS), 16u);
  CHECK_EQUAL(rig.get(AIMC_REG_COLS), 12u);
  CHECK_EQUAL(rig.get(AIMC_REG_FEATURES),
              10u | 6u << 8 | AIMC_FEATURE_DMA | AIMC_FEATURE_DOUBLE_BUFFER);
  CHECK_EQUAL(rig.get(AIMC_REG_STATUS), AIMC_STATUS_IN_READY | AIMC_STATUS_DMA_READY);
  for (const uint32_t zero : {AIMC_REG_ERROR, AIMC_REG_ERROR_COUNT, AIMC_REG_NOISE_EPOCH,
                              AIMC_REG_MVM_COUNT, AIMC_REG_DMA_DONE, AIMC_REG_PROGRAM_ROW})
    CHECK_EQUAL(rig.get(zero), 0u);
  CHECK_EQUAL(rig.get64(AIMC_REG_PROGRAM_ADDR), 0u);
  CHECK_EQUAL(rig.get(AIMC_REG_ACTIVE_ROWS), 16u);
  CHECK_EQUAL(rig.get(AIMC_REG_ACTIVE_COLS), 12u);
  CHECK_EQUAL(rig.get(AIMC_REG_ERROR_COUNT), 0u);
}

TEST(access_read_write_registers_hold_their_value) {
  Rig rig(small_params());
  for (const uint32_t offset :
       {AIMC_REG_ACTIVE_ROWS, AIMC_REG_ACTIVE_COLS, AIMC_REG_NOISE_EPOCH, AIMC_REG_PROGRAM_ROWS,
        AIMC_REG_PROGRAM_COLS, AIMC_REG_PROGRAM_ROW}) {
    rig.put(offset, 0xdeadbee0u + offset);
    CHECK_EQUAL(rig.get(offset), 0xdeadbee0u + offset);
  }
  rig.put64(AIMC_REG_PROGRAM_ADDR, 0x123456789abcdef0u);
  CHECK_EQUAL(rig.get64(AIMC_REG_PROGRAM_ADDR), 0x123456789abcdef0u);
  CHECK_EQUAL(rig.take_error(), 0u);
}

TEST(access_address_errors) {
  Rig rig(small_params());
  uint8_t bytes[16] = {0xff};
  for (const uint32_t offset : {0x024u, 0x05cu, 0x100u, 0x3ffcu, AIMC_TILE_WINDOW}) {
    CHECK_EQUAL(rig.get(offset), 0u);
    CHECK_EQUAL(rig.take_error(), AIMC_ERROR_ADDRESS);
    rig.put(offset, 1);
    CHECK_EQUAL(rig.take_error(), AIMC_ERROR_ADDRESS);
  }
  rig.tile.read(0, AIMC_REG_ID + 2, 4, bytes);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_ADDRESS);
  rig.tile.write(0, AIMC_WINDOW_IN + 1, 2, bytes);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_ADDRESS);
  rig.get(AIMC_REG_PROGRAM_ADDR + 4);  // the upper half of a 64-bit register
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_ADDRESS);
}

TEST(access_size_errors) {
  Rig rig(small_params());
  uint8_t bytes[16] = {};
  for (const uint32_t size : {1u, 2u, 8u, 16u}) {
    rig.tile.read(0, AIMC_REG_ID, size, bytes);
    CHECK_EQUAL(rig.take_error(), AIMC_ERROR_SIZE);
    CHECK_EQUAL(bytes[0], 0);
  }
  rig.put(AIMC_REG_DESCRIPTOR, 0x80000000u);  // half of it queues nothing
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_SIZE);
  CHECK_EQUAL(rig.get(AIMC_REG_STATUS) & AIMC_STATUS_DMA_BUSY, 0u);
  rig.tile.write(0, AIMC_WINDOW_IN, 3, bytes);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_SIZE);
}

TEST(access_window_overruns) {
  aimc::TileParams params = small_params();
  params.rows = 13;
  params.columns = 10;  // 10 codes, 20 bytes of conductance, 40 bytes of scales
  Rig rig(params);
  uint8_t zero[16] = {}, ones[16];
  for (uint8_t& byte : ones) byte = 1;

  rig.tile.write(0, AIMC_WINDOW_IN + 12, 1, ones);  // the last row
  CHECK_EQUAL(rig.take_error(), 0u);
  rig.tile.write(0, AIMC_WINDOW_IN, 16, zero);  // padding may be written as 0
  CHECK_EQUAL(rig.take_error(), 0u);
  rig.tile.write(0, AIMC_WINDOW_IN + 13, 1, ones);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_SIZE);
  rig.tile.write(0, AIMC_WINDOW_IN, 16, ones);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_SIZE);
  rig.tile.write(0, AIMC_WINDOW_IN + 16, 1, zero);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_SIZE);
  rig.tile.write(0, AIMC_WINDOW_IN + AIMC_WINDOW_BYTES - 1, 1, zero);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_SIZE);

  rig.tile.write(0, AIMC_WINDOW_PROGRAM + 18, 2, ones);  // the last column
  CHECK_EQUAL(rig.take_error(), 0u);
  rig.tile.write(0, AIMC_WINDOW_PROGRAM + 20, 2, ones);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_SIZE);
  rig.tile.read(0, AIMC_WINDOW_PROGRAM + 32, 2, ones);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_SIZE);

  rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_START);
  rig.settle();
  rig.tile.read(rig.now, AIMC_WINDOW_OUT, 16, ones);
  CHECK_EQUAL(rig.take_error(), 0u);
  rig.tile.read(rig.now, AIMC_WINDOW_OUT + 16, 1, ones);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_SIZE);
}

TEST(access_geometry_errors) {
  Rig rig(small_params());
  const auto start = [&rig](uint32_t rows, uint32_t columns) {
    rig.put(AIMC_REG_ACTIVE_ROWS, rows);
    rig.put(AIMC_REG_ACTIVE_COLS, columns);
    rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_START);
    return rig.take_error();
  };
  for (const uint32_t bad : {0u, 17u, 0xffffffffu}) {
    CHECK_EQUAL(start(bad, 16), AIMC_ERROR_GEOMETRY);
    CHECK_EQUAL(start(16, bad), AIMC_ERROR_GEOMETRY);
  }
  CHECK_EQUAL(rig.get(AIMC_REG_MVM_COUNT), 0u);
  CHECK_EQUAL(start(16, 16), 0u);
  rig.settle();

  rig.put(AIMC_REG_PROGRAM_ROW, 16);
  rig.put(AIMC_WINDOW_PROGRAM, 0);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_GEOMETRY);
  rig.get(AIMC_WINDOW_PROGRAM);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_GEOMETRY);
  rig.put(AIMC_REG_PROGRAM_ROWS, 17);
  rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_PROGRAM);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_GEOMETRY);
}

TEST(access_read_only_and_write_only_errors) {
  Rig rig(small_params());
  for (const uint32_t offset :
       {AIMC_REG_ID, AIMC_REG_VERSION, AIMC_REG_ROWS, AIMC_REG_COLS, AIMC_REG_FEATURES,
        AIMC_REG_STATUS, AIMC_REG_ERROR_COUNT, AIMC_REG_MVM_COUNT, AIMC_REG_DMA_DONE}) {
    rig.put(offset, 0);
    CHECK_EQUAL(rig.take_error(), AIMC_ERROR_READ_ONLY);
  }
  CHECK_EQUAL(rig.get(AIMC_REG_CONTROL), 0u);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_READ_ONLY);
  rig.get64(AIMC_REG_DESCRIPTOR);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_READ_ONLY);
  rig.get(AIMC_WINDOW_IN);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_READ_ONLY);
  rig.put(AIMC_WINDOW_OUT, 0);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_READ_ONLY);
}

TEST(access_empty_errors) {
  Rig rig(small_params());
  CHECK_EQUAL(rig.get(AIMC_WINDOW_OUT), 0u);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_EMPTY);
  rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_POP);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_EMPTY);
  rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_START);
  rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_POP);  // not finished yet
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_EMPTY);
  rig.settle();
  rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_POP);
  CHECK_EQUAL(rig.take_error(), 0u);
  rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_POP);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_EMPTY);
}

TEST(access_value_errors) {
  Rig rig(small_params());
  rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_START | 1u << 5);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_VALUE);
  CHECK_EQUAL(rig.get(AIMC_REG_MVM_COUNT), 0u);  // nothing of it was done
  rig.put(AIMC_REG_PROGRAM_ROW, AIMC_PROGRAM_ADC);
  rig.put(AIMC_WINDOW_PROGRAM, 16u << 16 | 40000u);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_VALUE);
  rig.put(AIMC_WINDOW_PROGRAM, 63u << 16 | 40000u);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_VALUE);
  rig.put(AIMC_WINDOW_PROGRAM, 62u << 16 | 40000u);
  CHECK_EQUAL(rig.take_error(), 0u);
}

TEST(access_without_dma_its_registers_refuse) {
  aimc::TileParams params = small_params();
  params.dma = false;
  Rig rig(params);
  CHECK_EQUAL(rig.get(AIMC_REG_FEATURES) & AIMC_FEATURE_DMA, 0u);
  CHECK_EQUAL(rig.get(AIMC_REG_STATUS) & AIMC_STATUS_DMA_READY, 0u);
  rig.put64(AIMC_REG_DESCRIPTOR, aimc_test::kMemoryBase);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_ADDRESS);
  rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_PROGRAM);
  CHECK_EQUAL(rig.take_error(), AIMC_ERROR_VALUE);
}

TEST(access_errors_are_counted_by_kind_and_cleared_by_writing_ones) {
  Rig rig(small_params());
  rig.get(0x024);
  rig.get(0x024);
  rig.put(AIMC_REG_ID, 0);
  CHECK_EQUAL(rig.get(AIMC_REG_ERROR), AIMC_ERROR_ADDRESS | AIMC_ERROR_READ_ONLY);
  CHECK(rig.get(AIMC_REG_STATUS) & AIMC_STATUS_ERROR);
  rig.put(AIMC_REG_ERROR, AIMC_ERROR_ADDRESS);
  CHECK_EQUAL(rig.get(AIMC_REG_ERROR), AIMC_ERROR_READ_ONLY);
  rig.put(AIMC_REG_ERROR, AIMC_ERROR_READ_ONLY);
  CHECK_EQUAL(rig.get(AIMC_REG_STATUS) & AIMC_STATUS_ERROR, 0u);
  CHECK_EQUAL(rig.get(AIMC_REG_ERROR_COUNT), 3u);
  const aimc::Statistics& statistics = rig.tile.statistics();
  CHECK_EQUAL(statistics.guest_errors, 3u);
  CHECK_EQUAL(statistics.errors_by_kind[0], 2u);
  CHECK_EQUAL(statistics.errors_by_kind[7], 1u);
  rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_RESET);
  CHECK_EQUAL(rig.get(AIMC_REG_ERROR_COUNT), 0u);
  CHECK_EQUAL(statistics.guest_errors, 3u);
}

TEST(access_counts_device_accesses_and_bytes) {
  Rig rig(small_params());
  const uint8_t bytes[16] = {};
  rig.get(AIMC_REG_ID);
  rig.get(0x024);
  rig.tile.write(0, AIMC_WINDOW_IN, 16, bytes);
  rig.tile.write(0, AIMC_WINDOW_IN, 4, bytes);
  rig.tile.write(0, AIMC_WINDOW_IN + 1, 4, bytes);  // refused: moves nothing
  CHECK_EQUAL(rig.tile.statistics().device_reads, 2u);
  CHECK_EQUAL(rig.tile.statistics().device_writes, 3u);
  CHECK_EQUAL(rig.tile.statistics().bytes_in, 20u);
}
