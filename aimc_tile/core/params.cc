#include "aimc_tile/core/params.hh"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <stdexcept>

namespace aimc {
namespace {

const char* text(Unit unit) {
  switch (unit) {
    case Unit::kNanoseconds:
      return " ns";
    case Unit::kGigabytesPerSecond:
      return " GB/s";
    case Unit::kAdcSteps:
      return " ADC steps";
    case Unit::kConductanceSteps:
      return " conductance steps";
    default:
      return "";
  }
}

template <typename T>
void require_within(const char* name, Unit unit, T value, T least, T most) {
  if (value >= least && value <= most) return;
  std::ostringstream message;
  message << name << " must be in [" << least << ", " << most << "]" << text(unit);
  throw std::invalid_argument(message.str());
}

uint64_t round_half_up(double value) { return static_cast<uint64_t>(std::floor(value + 0.5)); }

Picoseconds picoseconds(double ns) { return round_half_up(ns * 1000.0); }

uint64_t ps_per_byte_q16(double gb_per_s) { return round_half_up(1000.0 / gb_per_s * 65536.0); }

Picoseconds scaled(uint64_t bytes, uint64_t ps_per_byte_q16) {
  return (bytes * ps_per_byte_q16 + 0x8000) >> 16;
}

}  // namespace

void TileParams::validate() const {
#define AIMC_CHECK(Type, name, unit, gem5, initial, least, most) \
  require_within<Type>(#name, Unit::unit, name, least, most);
  AIMC_TILE_PARAMS(AIMC_CHECK)
  AIMC_TILE_MEMORY_PARAMS(AIMC_CHECK)
#undef AIMC_CHECK
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
