#include <algorithm>
#include <vector>

#include "aimc_tile/core/tests/check.hh"
#include "aimc_tile/core/tests/dma_rig.hh"
#include "aimc_tile/core/tests/rig.hh"

using aimc::Picoseconds;
using aimc_test::aligned_descriptor;
using aimc_test::buffered;
using aimc_test::kFirst;
using aimc_test::kMultiplier;
using aimc_test::kSecond;
using aimc_test::kShift;
using aimc_test::randomize;
using aimc_test::Rig;
using aimc_test::small_descriptor;
using aimc_test::stored;

TEST(dma_steps_add_up_without_double_buffering) {
  for (const uint16_t count : {1, 2, 7}) {
    aimc::TileParams params = buffered(false);
    params.rows = 64;
    Rig rig(params);
    rig.queue(kFirst, aligned_descriptor(count));
    rig.settle();
    // Fetch 66 ns; a pixel: gather 66 ns, MVM 60 ns, store 54 ns.
    CHECK_EQUAL(rig.now, 66000u + count * 180000u);
    const aimc::Statistics& statistics = rig.tile.statistics();
    CHECK_EQUAL(statistics.busy_ps, count * 60000u);
    CHECK_EQUAL(statistics.transfer_ps, 66000u + count * 120000u);
    CHECK_EQUAL(statistics.overlap_ps, 0u);
    CHECK_EQUAL(statistics.wait_ps, 66000u + count * 120000u);
  }
}

TEST(dma_steps_overlap_with_double_buffering) {
  for (const uint16_t count : {1, 2, 7}) {
    aimc::TileParams params = buffered(true);
    params.rows = 64;
    Rig rig(params);
    rig.queue(kFirst, aligned_descriptor(count));
    rig.settle();
    // The gathers follow one another; conversion and store of the last come after.
    CHECK_EQUAL(rig.now, 66000u + count * 66000u + 60000u + 54000u);
    const aimc::Statistics& statistics = rig.tile.statistics();
    CHECK_EQUAL(statistics.busy_ps, count * 60000u);
    // All conversions but the last overlap a gather; the last, the end of the store before it.
    CHECK_EQUAL(statistics.overlap_ps, count == 1 ? 0u : (count - 1) * 60000u + 48000u);
    CHECK_EQUAL(statistics.busy_ps + statistics.wait_ps, rig.now);
  }
}

TEST(dma_slow_converter_hides_the_transfers) {
  aimc::TileParams params = buffered(true);
  params.rows = 64;
  params.adc_latency_ns = 970;  // 1 us an MVM
  Rig rig(params);
  rig.queue(kFirst, aligned_descriptor(5));
  rig.settle();
  CHECK_EQUAL(rig.now, 66000u + 66000u + 5 * 1000000u + 54000u);
}

TEST(dma_next_descriptor_gathers_while_the_last_pixels_convert) {
  aimc::TileParams params = buffered(true);
  params.rows = 64;
  Rig rig(params);
  rig.queue(kFirst, aligned_descriptor(3));
  rig.queue(kSecond, aligned_descriptor(3));
  rig.settle();
  // Two fetches and six gathers, back to back.
  CHECK_EQUAL(rig.now, 2 * 66000u + 6 * 66000u + 60000u + 54000u);
}

TEST(dma_result_does_not_depend_on_how_often_the_host_looks) {
  for (const bool double_buffer : {false, true}) {
    const auto run = [double_buffer](Picoseconds step) {
      Rig rig(buffered(double_buffer));
      rig.program_random(45, kMultiplier, kShift);
      randomize(&rig, 46);
      aimc_descriptor first = small_descriptor(), second = small_descriptor();
      second.oy = 3;
      second.out_base += 0x1000;
      rig.queue(kFirst, first);
      rig.queue(kSecond, second);
      const Picoseconds end = rig.now + 10000000;
      while (rig.now < end) {
        rig.now = std::min(rig.now + step, end);
        rig.tile.advance(rig.now);
      }
      CHECK_EQUAL(rig.get(AIMC_REG_DMA_DONE), 2u);
      std::vector<uint8_t> result = rig.tile.save();
      result.insert(result.end(), rig.memory.bytes.begin(), rig.memory.bytes.end());
      return result;
    };
    const auto lazy = run(10000000);
    CHECK(lazy == run(1));
    CHECK(lazy == run(777));
    CHECK(lazy == run(123456));
  }
}

TEST(dma_result_does_not_depend_on_timing) {
  const auto run = [](bool double_buffer, double mvm_ns, double dma_ns) {
    aimc::TileParams params = buffered(double_buffer);
    params.adc_latency_ns = mvm_ns;
    params.dma_latency_ns = dma_ns;
    params.noise = true;
    params.output_noise_lsb = 3;
    params.read_noise_lsb = 5;
    Rig rig(params);
    rig.program_random(47, kMultiplier, kShift);
    randomize(&rig, 48);
    aimc_descriptor first = small_descriptor(), second = small_descriptor();
    second.out_base += 0x1000;
    rig.queue(kFirst, first);
    rig.queue(kSecond, second);
    rig.settle();
    return rig.memory.bytes;
  };
  const auto bytes = run(false, 30, 50);
  CHECK(bytes == run(true, 30, 50));
  CHECK(bytes == run(true, 0, 0));
  CHECK(bytes == run(true, 10000, 1));
  CHECK(bytes == run(false, 1, 10000));
}

TEST(dma_zero_latencies_come_to_rest) {
  aimc::TileParams params = buffered(true);
  params.dac_latency_ns = params.crossbar_latency_ns = params.adc_latency_ns = 0;
  params.dma_latency_ns = 0;
  params.io_bandwidth_gb_per_s = params.dma_bandwidth_gb_per_s = 1e6;
  Rig rig(params);
  rig.program_random(49, kMultiplier, kShift);
  randomize(&rig, 50);
  rig.queue(kFirst, small_descriptor());
  rig.tile.advance(rig.now + 1000);
  CHECK_EQUAL(rig.get(AIMC_REG_DMA_DONE), 1u);
  CHECK(stored(&rig, small_descriptor()));
}
