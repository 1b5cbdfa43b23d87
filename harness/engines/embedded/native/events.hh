// What the engine counts; names and meanings are those of harness/engines/events.py.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_EVENTS_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_EVENTS_HH_

#include <array>
#include <cstddef>
#include <cstdint>

namespace aimc::embedded {

enum Event : int {
  kCycles,
  kCyclesCompute,
  kCyclesMemory,
  kCyclesTileTransfer,
  kCyclesTileMvm,
  kInstructions,
  kIntOps,
  kSimdOps,
  kDotOps,
  kFpOps,
  kLoads,
  kStores,
  kBranches,
  kBranchMispredicts,
  kL1iAccesses,
  kL1iMisses,
  kL1dAccesses,
  kL1dMisses,
  kL1dWritebacks,
  kL2Accesses,
  kL2Misses,
  kL2Writebacks,
  kDramReadBytes,
  kDramWriteBytes,
  kDramActivates,
  kDramOpenPs,
  kTileMvms,
  kTileDacConversions,
  kTileAdcConversions,
  kTileCellReads,
  kTileAdcSaturations,
  kTileBytesIn,
  kTileBytesOut,
  kTileCellsProgrammed,
  kTileDeviceReads,
  kTileDeviceWrites,
  kTileDmaDescriptors,
  kTileGuestErrors,
  kTileBusyPs,
  kEvents,
};

constexpr std::array<const char*, kEvents> kEventNames = {
    "cycles",
    "cycles_compute",
    "cycles_memory",
    "cycles_tile_transfer",
    "cycles_tile_mvm",
    "instructions",
    "int_ops",
    "simd_ops",
    "dot_ops",
    "fp_ops",
    "loads",
    "stores",
    "branches",
    "branch_mispredicts",
    "l1i_accesses",
    "l1i_misses",
    "l1d_accesses",
    "l1d_misses",
    "l1d_writebacks",
    "l2_accesses",
    "l2_misses",
    "l2_writebacks",
    "dram_read_bytes",
    "dram_write_bytes",
    "dram_activates",
    "dram_open_ps",
    "tile_mvms",
    "tile_dac_conversions",
    "tile_adc_conversions",
    "tile_cell_reads",
    "tile_adc_saturations",
    "tile_bytes_in",
    "tile_bytes_out",
    "tile_cells_programmed",
    "tile_device_reads",
    "tile_device_writes",
    "tile_dma_descriptors",
    "tile_guest_errors",
    "tile_busy_ps",
};

using Events = std::array<uint64_t, kEvents>;

// Adds `after - before` to `sum`.
inline void add_difference(Events& sum, const Events& before, const Events& after) {
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += after[i] - before[i];
}

}  // namespace aimc::embedded

#endif
