#include <cmath>
#include <limits>
#include <stdexcept>

#include "aimc_tile/core/params.hh"
#include "aimc_tile/core/tests/check.hh"
#include "aimc_tile/core/tests/rig.hh"

using aimc::TileParams;
using aimc::TileTiming;

TEST(params_times_are_rounded_once_to_picoseconds) {
  TileParams params = aimc_test::small_params();
  params.dac_latency_ns = 0.0004;
  params.crossbar_latency_ns = 0.0005;
  params.adc_latency_ns = 1.2345;
  CHECK_EQUAL(TileTiming(params).mvm_ps, 0u + 1u + 1235u);
}

TEST(params_port_time_keeps_fractions_of_a_picosecond) {
  TileParams params = aimc_test::small_params();
  params.io_bandwidth_gb_per_s = 12.8;  // 78.125 ps a byte
  CHECK_EQUAL(TileTiming(params).port_ps(1), 78u);
  CHECK_EQUAL(TileTiming(params).port_ps(16), 1250u);
}

TEST(params_transfer_time_is_latency_and_the_longer_of_bytes_and_bursts) {
  TileParams params = aimc_test::small_params();  // 50 ns, 250 ps a byte (the port's)
  CHECK_EQUAL(TileTiming(params).transfer_ps(0, 0), 0u);
  CHECK_EQUAL(TileTiming(params).transfer_ps(64, 1), 50000u + 16000u);
  CHECK_EQUAL(TileTiming(params).transfer_ps(256, 4), 50000u + 64000u);
  params.dma_outstanding = 1;
  CHECK_EQUAL(TileTiming(params).transfer_ps(256, 4), 50000u + 150000u);
  params.dma_outstanding = 2;
  CHECK_EQUAL(TileTiming(params).transfer_ps(256, 4), 50000u + 75000u);
  params.dma_bandwidth_gb_per_s = 0.5;  // now slower than the port
  CHECK_EQUAL(TileTiming(params).transfer_ps(64, 1), 50000u + 128000u);
}

TEST(params_bursts_are_aligned_blocks) {
  CHECK_EQUAL(aimc::dma_bursts(0, 0), 0u);
  CHECK_EQUAL(aimc::dma_bursts(0, 64), 1u);
  CHECK_EQUAL(aimc::dma_bursts(63, 1), 1u);
  CHECK_EQUAL(aimc::dma_bursts(63, 2), 2u);
  CHECK_EQUAL(aimc::dma_bursts(1, 128), 3u);
}

TEST(params_out_of_range_are_refused) {
  const auto refused = [](auto change) {
    TileParams params = aimc_test::small_params();
    change(params);
    CHECK_THROWS(std::invalid_argument, params.validate());
  };
  aimc_test::small_params().validate();
  refused([](TileParams& p) { p.rows = 0; });
  refused([](TileParams& p) { p.rows = 16385; });
  refused([](TileParams& p) { p.columns = 0; });
  refused([](TileParams& p) { p.columns = 4097; });
  refused([](TileParams& p) { p.dac_bits = 9; });
  refused([](TileParams& p) { p.adc_bits = 1; });
  refused([](TileParams& p) { p.adc_bits = 17; });
  refused([](TileParams& p) { p.adc_latency_ns = -1; });
  refused([](TileParams& p) { p.dac_latency_ns = std::nan(""); });
  refused([](TileParams& p) { p.io_bandwidth_gb_per_s = 0; });
  refused([](TileParams& p) { p.dma_latency_ns = std::numeric_limits<double>::infinity(); });
  refused([](TileParams& p) { p.dma_outstanding = 0; });
  refused([](TileParams& p) { p.read_noise_lsb = 4096.5; });
  refused([](TileParams& p) { p.output_noise_lsb = -0.1; });
}
