// What the engine counts; the meanings are in harness/engines/events.py.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_EVENTS_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_EVENTS_HH_

#include <array>
#include <cstddef>
#include <cstdint>

#include "aimc_tile/core/statistics.hh"

namespace aimc::embedded {

// X(Name, name): the core's and the memory's events.
#define AIMC_CORE_EVENTS(X)                   \
  X(Cycles, cycles)                           \
  X(CyclesCompute, cycles_compute)            \
  X(CyclesMemory, cycles_memory)              \
  X(CyclesTileTransfer, cycles_tile_transfer) \
  X(CyclesTileMvm, cycles_tile_mvm)           \
  X(Instructions, instructions)               \
  X(IntOps, int_ops)                          \
  X(SimdOps, simd_ops)                        \
  X(DotOps, dot_ops)                          \
  X(FpOps, fp_ops)                            \
  X(Loads, loads)                             \
  X(Stores, stores)                           \
  X(Branches, branches)                       \
  X(BranchMispredicts, branch_mispredicts)    \
  X(L1iAccesses, l1i_accesses)                \
  X(L1iMisses, l1i_misses)                    \
  X(L1dAccesses, l1d_accesses)                \
  X(L1dMisses, l1d_misses)                    \
  X(L1dWritebacks, l1d_writebacks)            \
  X(L2Accesses, l2_accesses)                  \
  X(L2Misses, l2_misses)                      \
  X(L2Writebacks, l2_writebacks)              \
  X(DramReadBytes, dram_read_bytes)           \
  X(DramWriteBytes, dram_write_bytes)         \
  X(DramActivates, dram_activates)            \
  X(DramOpenPs, dram_open_ps)

// kCycles and so on, then kTile_mvms and so on.
enum Event : int {
#define AIMC_EVENT(Name, name) k##Name,
#define AIMC_TILE_EVENT(use, name, gem5Name, Unit, what) AIMC_IF_##use(kTile_##name, )
  AIMC_CORE_EVENTS(AIMC_EVENT) AIMC_TILE_COUNTS(AIMC_TILE_EVENT) AIMC_TILE_TIMES(AIMC_TILE_EVENT)
#undef AIMC_EVENT
#undef AIMC_TILE_EVENT
      kEvents,
};

constexpr int kFirstTileEvent = kTile_mvms;

constexpr std::array<const char*, kEvents> kEventNames = {
#define AIMC_EVENT(Name, name) #name,
#define AIMC_TILE_EVENT(use, name, gem5Name, Unit, what) AIMC_IF_##use("tile_" #name, )
    AIMC_CORE_EVENTS(AIMC_EVENT) AIMC_TILE_COUNTS(AIMC_TILE_EVENT) AIMC_TILE_TIMES(AIMC_TILE_EVENT)
#undef AIMC_EVENT
#undef AIMC_TILE_EVENT
};

using Events = std::array<uint64_t, kEvents>;

// Adds `after - before` to `sum`.
inline void add_difference(Events& sum, const Events& before, const Events& after) {
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += after[i] - before[i];
}

}  // namespace aimc::embedded

#endif
