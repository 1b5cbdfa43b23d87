// What a tile is made of, as configured, and its times in the integers that it computes with.
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
constexpr double kMaxLatencyNs = 1e12;  // 1000 s
constexpr double kMinGbPerS = 1e-6;     // 1 kB/s
constexpr double kMaxGbPerS = 1e6;

enum class Unit { kNone, kNanoseconds, kGigabytesPerSecond, kAdcSteps, kConductanceSteps };

// Every parameter of one tile and of its way to memory.  The names are those of `TileConfig` and
// `AttachConfig` (harness/config/schema.py), which describes them.
//   X(type, name, unit, gem5's parameter, initial value, least, most)
#define AIMC_TILE_PARAMS(X)                                                                        \
  X(uint32_t, rows, kNone, rows, 256, 1, kMaxRows)                                                 \
  X(uint32_t, columns, kNone, columns, 256, 1, kMaxColumns)                                        \
  X(int, dac_bits, kNone, dac_bits, 8, 2, 8)                                                       \
  X(int, adc_bits, kNone, adc_bits, 8, 2, 16)                                                      \
  X(double, dac_latency_ns, kNanoseconds, dac_latency, 0, 0, kMaxLatencyNs)                        \
  X(double, crossbar_latency_ns, kNanoseconds, crossbar_latency, 0, 0, kMaxLatencyNs)              \
  X(double, adc_latency_ns, kNanoseconds, adc_latency, 0, 0, kMaxLatencyNs)                        \
  X(double, program_row_latency_ns, kNanoseconds, program_row_latency, 0, 0, kMaxLatencyNs)        \
  X(double, io_bandwidth_gb_per_s, kGigabytesPerSecond, io_bandwidth, 1, kMinGbPerS, kMaxGbPerS)   \
  X(bool, double_buffer, kNone, double_buffer, false, false, true)                                 \
  X(bool, dma, kNone, use_dma, true, false, true)                                                  \
  X(double, dma_bandwidth_gb_per_s, kGigabytesPerSecond, dma_bandwidth, 1, kMinGbPerS, kMaxGbPerS) \
  X(uint32_t, dma_outstanding, kNone, dma_outstanding, 8, 1, UINT32_MAX)                           \
  X(bool, noise, kNone, noise, false, false, true)                                                 \
  X(double, output_noise_lsb, kAdcSteps, output_noise, 0, 0, kMaxOutputNoiseLsb)                   \
  X(double, read_noise_lsb, kConductanceSteps, read_noise, 0, 0, kMaxReadNoiseLsb)                 \
  X(uint64_t, seed, kNone, seed, 0, 0, UINT64_MAX)                                                 \
  X(uint32_t, tile, kNone, index, 0, 0, UINT32_MAX)

// The parameters of a host without a memory system.
#define AIMC_TILE_MEMORY_PARAMS(X) \
  X(double, dma_latency_ns, kNanoseconds, none, 0, 0, kMaxLatencyNs)

struct TileParams {
#define AIMC_FIELD(Type, name, unit, gem5, initial, ...) Type name = initial;
  AIMC_TILE_PARAMS(AIMC_FIELD)
  AIMC_TILE_MEMORY_PARAMS(AIMC_FIELD)
#undef AIMC_FIELD

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
