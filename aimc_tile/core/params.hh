// What a tile is made of, as configured, and the same in the integer units that it computes with.
#ifndef AIMC_TILE_CORE_PARAMS_HH
#define AIMC_TILE_CORE_PARAMS_HH

#include <cstdint>

namespace aimc {

using Picoseconds = uint64_t;
constexpr Picoseconds kNever = UINT64_MAX;

// Limits that keep every intermediate value of docs/architecture.md within int64.
constexpr uint32_t kMaxRows = 16384;
constexpr uint32_t kMaxColumns = 4096;
constexpr double kMaxReadNoiseLsb = 4096.0;
constexpr double kMaxOutputNoiseLsb = 65536.0;

// One tile, and its way to memory.  Fields are those of `TileConfig` and `AttachConfig`
// (harness/config/schema.py).
struct TileParams {
  uint32_t rows = 256;
  uint32_t columns = 256;
  int dac_bits = 8;
  int adc_bits = 8;

  double dac_latency_ns = 0;
  double crossbar_latency_ns = 0;
  double adc_latency_ns = 0;
  double program_row_latency_ns = 0;
  double io_bandwidth_gb_per_s = 1;  // between the port and the buffers
  bool double_buffer = false;

  bool dma = true;            // false: no DESCRIPTOR register, no CONTROL_PROGRAM
  double dma_latency_ns = 0;  // of one burst of up to 64 bytes
  double dma_bandwidth_gb_per_s = 1;
  uint32_t dma_outstanding = 8;  // bursts of one transfer in flight at a time

  bool noise = false;
  double output_noise_lsb = 0;  // standard deviation at the ADC, in ADC steps
  double read_noise_lsb = 0;    // standard deviation of one cell, in conductance steps
  uint64_t seed = 0;
  uint32_t tile = 0;  // index in the system; part of the noise key

  // Throws std::invalid_argument that names the first field that is out of its range.
  void validate() const;
};

// TileParams' times in integer picoseconds, rounded half up once, here.
struct TileTiming {
  explicit TileTiming(const TileParams& params);

  Picoseconds mvm_ps;  // DAC, crossbar and ADC
  Picoseconds program_row_ps;
  Picoseconds dma_latency_ps;
  uint32_t dma_outstanding;
  uint64_t io_ps_per_byte_q16;
  uint64_t dma_ps_per_byte_q16;  // of the slower of the DMA path and the port

  // Time that an access of `bytes` holds the port.
  Picoseconds port_ps(uint64_t bytes) const;

  // Time of one DMA transfer of `bytes` in `bursts`: the first burst's latency, and then whichever
  // is longer, moving the bytes or waiting for the latency of bursts beyond those in flight.
  Picoseconds transfer_ps(uint64_t bytes, uint64_t bursts) const;
};

// Bursts (aligned blocks of 64 bytes) that [address, address + bytes) touches.
uint64_t dma_bursts(uint64_t address, uint64_t bytes);

}  // namespace aimc

#endif  // AIMC_TILE_CORE_PARAMS_HH
