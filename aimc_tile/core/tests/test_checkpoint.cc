#include <algorithm>
#include <stdexcept>
#include <vector>

#include "aimc_tile/core/tests/check.hh"
#include "aimc_tile/core/tests/rig.hh"

using aimc::Picoseconds;
using aimc_test::kMemoryBase;
using aimc_test::Random;
using aimc_test::Rig;
using aimc_test::small_descriptor;
using aimc_test::small_params;

namespace {

aimc::TileParams noisy(bool double_buffer) {
  aimc::TileParams params = small_params();
  params.double_buffer = double_buffer;
  params.noise = true;
  params.output_noise_lsb = 2;
  params.read_noise_lsb = 9;
  params.seed = 77;
  return params;
}

void prepare(Rig* rig) {
  rig->program_random(60, 40000, 34);
  Random random(61);
  for (uint32_t i = 0; i < 0x2000; ++i) rig->memory.bytes[i] = static_cast<uint8_t>(random.input());
  rig->get(0x024);  // an error to keep
  rig->put(AIMC_REG_NOISE_EPOCH, 4);
}

// Whether a tile that is saved and restored at `at` ends as one that is left alone.
bool same_end(Rig* original, Picoseconds at) {
  original->tile.advance(at);
  original->now = original->tile.now_ps();
  const std::vector<uint8_t> checkpoint = original->tile.save();
  Rig restored(original->tile.params());
  restored.tile.restore(checkpoint);
  restored.memory.bytes = original->memory.bytes;
  restored.now = original->now;
  if (restored.tile.save() != checkpoint) return false;
  original->settle();
  restored.settle();
  for (Rig* rig : {original, &restored}) {
    rig->now += 1000;
    if (rig->get(AIMC_REG_STATUS) & AIMC_STATUS_OUT_VALID) rig->get_bytes(AIMC_WINDOW_OUT, 16);
  }
  return original->now == restored.now && original->memory.bytes == restored.memory.bytes &&
         original->tile.save() == restored.tile.save();
}

}  // namespace

TEST(checkpoint_at_any_time_of_descriptors_changes_nothing) {
  for (const bool double_buffer : {false, true}) {
    int points = 0;
    for (Picoseconds after = 0; after < 2600000; after += 9700, ++points) {
      Rig rig(noisy(double_buffer));
      prepare(&rig);
      aimc_descriptor second = small_descriptor();
      second.out_base += 0x1000;
      second.count = 1;
      second.row_count = 2;
      rig.queue(kMemoryBase + 0x8000, small_descriptor());
      rig.queue(kMemoryBase + 0x8040, second);
      CHECK(same_end(&rig, rig.now + after));
    }
    CHECK(points > 250);
  }
}

TEST(checkpoint_at_any_time_of_an_image_changes_nothing) {
  for (Picoseconds after = 0; after < 2000000; after += 31000) {
    Rig rig(noisy(false));
    prepare(&rig);
    for (uint32_t c = 0; c < 16; ++c)
      aimc::store_le(rig.memory.at(kMemoryBase + 3 * 32 + 4 * c + 2), uint16_t{30});
    rig.put64(AIMC_REG_PROGRAM_ADDR, kMemoryBase);
    rig.put(AIMC_REG_PROGRAM_ROWS, 3);
    rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_PROGRAM);
    CHECK(same_end(&rig, rig.now + after));
  }
}

TEST(checkpoint_at_any_time_of_programmed_io_changes_nothing) {
  for (Picoseconds after = 0; after < 130000; after += 3000) {
    Rig rig(noisy(true));
    prepare(&rig);
    Random random(62);
    for (int vector = 0; vector < 2; ++vector) {
      for (uint32_t r = 0; r < 16; ++r) {
        const int8_t x = random.input();
        rig.tile.write(rig.now, AIMC_WINDOW_IN + r, 1, &x);
      }
      rig.put(AIMC_REG_CONTROL, AIMC_CONTROL_START);
    }
    CHECK(same_end(&rig, rig.now + after));
  }
}

TEST(checkpoint_keeps_a_half_filled_bank_and_a_busy_port) {
  Rig rig(noisy(true));
  prepare(&rig);
  const int8_t x[16] = {1, -2, 3, -4};
  rig.tile.write(rig.now, AIMC_WINDOW_IN, 8, x);  // the port needs 2 ns for it
  Rig restored(rig.tile.params());
  restored.tile.restore(rig.tile.save());
  restored.now = rig.now;
  for (Rig* each : {&rig, &restored}) {
    CHECK_EQUAL(each->get(AIMC_REG_STATUS) & AIMC_STATUS_DMA_READY, 0u);
    CHECK_EQUAL(each->tile.write(each->now, AIMC_WINDOW_IN + 8, 8, x), each->now + 4000);
    each->put(AIMC_REG_CONTROL, AIMC_CONTROL_START);
    each->settle();
  }
  CHECK(rig.tile.save() == restored.tile.save());
  CHECK(rig.get_bytes(AIMC_WINDOW_OUT, 16) == restored.get_bytes(AIMC_WINDOW_OUT, 16));
}

TEST(checkpoint_keeps_a_half_written_row) {
  Rig rig(noisy(false));
  const uint8_t row[16] = {1, 2, 3};
  rig.put(AIMC_REG_PROGRAM_ROW, 3);
  rig.tile.write(rig.now, AIMC_WINDOW_PROGRAM, 16, row);
  Rig restored(rig.tile.params());
  restored.tile.restore(rig.tile.save());
  for (Rig* each : {&rig, &restored}) {
    each->tile.write(each->now, AIMC_WINDOW_PROGRAM + 16, 16, row);
    each->put(AIMC_REG_CONTROL, AIMC_CONTROL_START);
    each->settle();
    CHECK_EQUAL(each->now, 500000u + 60000u);  // one row's programming, one MVM
  }
  CHECK(rig.tile.save() == restored.tile.save());
}

TEST(checkpoint_of_the_hosts_transfers_asks_again) {
  const aimc::TileParams params = noisy(true);
  aimc::Tile tile(params);
  uint8_t address[8], descriptor[aimc::kDescriptorBytes];
  aimc::store_le(address, kMemoryBase);
  aimc::encode_descriptor(small_descriptor(), descriptor);
  tile.write(0, AIMC_REG_DESCRIPTOR, 8, address);
  aimc::DmaRequest before, after;
  CHECK(tile.take_dma_request(&before));
  CHECK(!tile.take_dma_request(&after));

  const std::vector<uint8_t> checkpoint = tile.save();
  tile.restore(checkpoint);
  CHECK(tile.take_dma_request(&after));
  CHECK_EQUAL(after.address, before.address);
  CHECK_EQUAL(after.size, before.size);
  tile.complete_dma(10, before, true, descriptor);  // void
  CHECK(!tile.take_dma_request(&before));
  tile.complete_dma(20, after, true, descriptor);
  CHECK(tile.take_dma_request(&after));  // the first patch
  CHECK(after.address != kMemoryBase || after.size != aimc::kDescriptorBytes);

  // A tile that times its DMA itself can go on from there.
  Rig timed(params);
  aimc::encode_descriptor(small_descriptor(), timed.memory.at(kMemoryBase));
  timed.tile.restore(checkpoint);
  timed.settle();
  CHECK_EQUAL(timed.get(AIMC_REG_DMA_DONE), 1u);
}

TEST(checkpoint_that_does_not_fit_is_refused) {
  Rig rig(noisy(true));
  prepare(&rig);
  rig.queue(kMemoryBase + 0x8000, small_descriptor());
  const std::vector<uint8_t> good = rig.tile.save();

  const auto refuse = [&good](auto change) {
    aimc::TileParams params = noisy(true);
    change(params);
    aimc::Tile tile(params);
    const std::vector<uint8_t> before = tile.save();
    CHECK_THROWS(std::invalid_argument, tile.restore(good));
    CHECK(tile.save() == before);
  };
  refuse([](aimc::TileParams& p) { p.rows = 17; });
  refuse([](aimc::TileParams& p) { p.columns = 15; });
  refuse([](aimc::TileParams& p) { p.adc_bits = 9; });
  refuse([](aimc::TileParams& p) { p.double_buffer = false; });
  refuse([](aimc::TileParams& p) { p.seed = 78; });
  refuse([](aimc::TileParams& p) { p.tile = 1; });
  refuse([](aimc::TileParams& p) { p.read_noise_lsb = 8; });

  aimc::TileParams faster = noisy(true);  // but time may differ
  faster.adc_latency_ns = 1;
  aimc::Tile(faster).restore(good);
}

TEST(checkpoint_that_is_damaged_is_refused) {
  Rig rig(noisy(true));
  prepare(&rig);
  rig.queue(kMemoryBase + 0x8000, small_descriptor());
  const std::vector<uint8_t> good = rig.tile.save();
  Random random(63);
  for (int trial = 0; trial < 500; ++trial) {
    std::vector<uint8_t> bad = good;
    bad[random.below(static_cast<uint32_t>(bad.size()))] ^= 1u << random.below(8);
    CHECK_THROWS(std::invalid_argument, rig.tile.restore(bad));
    bad = good;
    bad.resize(random.below(static_cast<uint32_t>(bad.size())));
    CHECK_THROWS(std::invalid_argument, rig.tile.restore(bad));
  }
  CHECK(rig.tile.save() == good);
}

TEST(checkpoint_that_is_forged_does_no_harm) {
  // Damage under a right checksum: it is refused, or whatever comes of it stays within bounds.
  Rig rig(noisy(true));
  prepare(&rig);
  rig.queue(kMemoryBase + 0x8000, small_descriptor());
  rig.queue(kMemoryBase + 0x8040, small_descriptor());
  rig.tile.advance(rig.now + 300000);
  const std::vector<uint8_t> good = rig.tile.save();
  const auto forge = [](std::vector<uint8_t>* bytes) {
    uint64_t hash = 0xcbf29ce484222325u;
    const size_t end = bytes->size() - 8;
    for (size_t i = 0; i < end; ++i) hash = (hash ^ (*bytes)[i]) * 0x100000001b3u;
    aimc::store_le(&(*bytes)[end], hash);
  };
  int refused = 0;
  for (size_t at = 0; at < 500; ++at) {
    for (const int value : {0, 1, 2, 5, 255}) {
      std::vector<uint8_t> bad = good;
      bad[at] = static_cast<uint8_t>(value);
      forge(&bad);
      Rig target(rig.tile.params());
      target.memory.bytes = rig.memory.bytes;
      try {
        target.tile.restore(bad);
      } catch (const std::invalid_argument&) {
        ++refused;
        continue;
      }
      target.tile.advance(target.tile.now_ps() + 1000000);
    }
  }
  CHECK(refused > 300);
}
