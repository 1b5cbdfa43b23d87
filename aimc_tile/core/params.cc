#include "aimc_tile/core/params.hh"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace aimc {
namespace {

constexpr double kMaxLatencyNs = 1e12;        // 1000 s
constexpr double kMinBandwidthGbPerS = 1e-6;  // 1 kB/s
constexpr double kMaxBandwidthGbPerS = 1e6;

void require(bool holds, const char* field, const char* range) {
  if (!holds) throw std::invalid_argument(std::string(field) + " must be " + range);
}

void require_latency(double value, const char* field) {
  require(value >= 0 && value <= kMaxLatencyNs, field, "in [0, 1e12] ns");
}

void require_bandwidth(double value, const char* field) {
  require(value >= kMinBandwidthGbPerS && value <= kMaxBandwidthGbPerS, field,
          "in [1e-6, 1e6] GB/s");
}

uint64_t round_half_up(double value) { return static_cast<uint64_t>(std::floor(value + 0.5)); }

Picoseconds picoseconds(double ns) { return round_half_up(ns * 1000.0); }

uint64_t ps_per_byte_q16(double gb_per_s) { return round_half_up(1000.0 / gb_per_s * 65536.0); }

Picoseconds scaled(uint64_t bytes, uint64_t ps_per_byte_q16) {
  return (bytes * ps_per_byte_q16 + 0x8000) >> 16;
}

}  // namespace

void TileParams::validate() const {
  require(rows >= 1 && rows <= kMaxRows, "rows", "in [1, 16384]");
  require(columns >= 1 && columns <= kMaxColumns, "columns", "in [1, 4096]");
  require(dac_bits >= 2 && dac_bits <= 8, "dac_bits", "in [2, 8]");
  require(adc_bits >= 2 && adc_bits <= 16, "adc_bits", "in [2, 16]");
  require_latency(dac_latency_ns, "dac_latency_ns");
  require_latency(crossbar_latency_ns, "crossbar_latency_ns");
  require_latency(adc_latency_ns, "adc_latency_ns");
  require_latency(program_row_latency_ns, "program_row_latency_ns");
  require_latency(dma_latency_ns, "dma_latency_ns");
  require_bandwidth(io_bandwidth_gb_per_s, "io_bandwidth_gb_per_s");
  require_bandwidth(dma_bandwidth_gb_per_s, "dma_bandwidth_gb_per_s");
  require(dma_outstanding >= 1, "dma_outstanding", "at least 1");
  require(output_noise_lsb >= 0 && output_noise_lsb <= kMaxOutputNoiseLsb, "output_noise_lsb",
          "in [0, 65536] ADC steps");
  require(read_noise_lsb >= 0 && read_noise_lsb <= kMaxReadNoiseLsb, "read_noise_lsb",
          "in [0, 4096] conductance steps");
}

TileTiming::TileTiming(const TileParams& params)
    : mvm_ps(picoseconds(params.dac_latency_ns) + picoseconds(params.crossbar_latency_ns) +
             picoseconds(params.adc_latency_ns)),
      program_row_ps(picoseconds(params.program_row_latency_ns)),
      dma_latency_ps(picoseconds(params.dma_latency_ns)),
      dma_outstanding(params.dma_outstanding),
      io_ps_per_byte_q16(ps_per_byte_q16(params.io_bandwidth_gb_per_s)),
      dma_ps_per_byte_q16(
          std::max(ps_per_byte_q16(params.dma_bandwidth_gb_per_s), io_ps_per_byte_q16)) {}

Picoseconds TileTiming::port_ps(uint64_t bytes) const { return scaled(bytes, io_ps_per_byte_q16); }

Picoseconds TileTiming::transfer_ps(uint64_t bytes, uint64_t bursts) const {
  if (bursts == 0) return 0;
  const Picoseconds waiting = (bursts - 1) * dma_latency_ps / dma_outstanding;
  return dma_latency_ps + std::max(scaled(bytes, dma_ps_per_byte_q16), waiting);
}

uint64_t dma_bursts(uint64_t address, uint64_t bytes) {
  return bytes == 0 ? 0 : (address + bytes - 1) / 64 - address / 64 + 1;
}

}  // namespace aimc
