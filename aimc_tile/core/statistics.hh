// What a tile counts.  The lists here are the only ones: the core's checkpoint, gem5's statistics,
// the Python dictionary and the embedded engine's events are made from them.
#ifndef AIMC_TILE_CORE_STATISTICS_HH
#define AIMC_TILE_CORE_STATISTICS_HH

#include <cstdint>

#include "aimc_tile/core/registers.h"

namespace aimc {

// X(use, name, gem5Name, Unit, what).  With `use` EVENT, `tile_<name>` is an event of every engine
// (harness/engines/events.py); with DETAIL it is not.  `gem5Name` and `Unit` are gem5's.
#define AIMC_TILE_COUNTS(X)                                                                  \
  X(EVENT, mvms, mvms, Count, "Matrix-vector multiplications started")                       \
  X(EVENT, dac_conversions, dacConversions, Count, "Inputs converted")                       \
  X(EVENT, adc_conversions, adcConversions, Count, "Outputs converted")                      \
  X(EVENT, cell_reads, cellReads, Count,                                                     \
    "Active rows x active columns, summed over multiplications")                             \
  X(DETAIL, dac_saturations, dacSaturations, Count, "Inputs beyond the DAC's range")         \
  X(EVENT, adc_saturations, adcSaturations, Count, "Outputs beyond the ADC's range")         \
  X(EVENT, bytes_in, bytesIn, Byte, "Written to the windows or read from memory")            \
  X(EVENT, bytes_out, bytesOut, Byte, "Read from the windows or written to memory")          \
  X(EVENT, cells_programmed, cellsProgrammed, Count, "Cells programmed")                     \
  X(EVENT, device_reads, deviceReads, Count, "Read accesses, refused ones too")              \
  X(EVENT, device_writes, deviceWrites, Count, "Write accesses, refused ones too")           \
  X(EVENT, dma_descriptors, dmaDescriptors, Count, "Descriptors completed, failed ones too") \
  X(EVENT, guest_errors, guestErrors, Count, "Errors of the guest")

// The same for times, which are picoseconds here and ticks in gem5.
#define AIMC_TILE_TIMES(X)                                                                    \
  X(EVENT, busy_ps, busyTicks, Tick, "A multiplication converts")                             \
  X(DETAIL, transfer_ps, transferTicks, Tick, "DMA moves data")                               \
  X(DETAIL, overlap_ps, overlapTicks, Tick, "A multiplication converts while DMA moves data") \
  X(DETAIL, wait_ps, waitTicks, Tick,                                                         \
    "Nothing converts although a multiplication is queued or a descriptor in progress")

// AIMC_IF_##use(code): the code for events only.
#define AIMC_IF_EVENT(...) __VA_ARGS__
#define AIMC_IF_DETAIL(...)

// Sums since the tile was made; neither a RESET nor reading them clears any.
struct Statistics {
#define AIMC_MEMBER(use, name, gem5Name, Unit, what) uint64_t name = 0;
  AIMC_TILE_COUNTS(AIMC_MEMBER)
  uint64_t errors_by_kind[AIMC_ERROR_KINDS] = {};  // [i]: those of AIMC_ERROR bit i
  AIMC_TILE_TIMES(AIMC_MEMBER)
#undef AIMC_MEMBER
};

}  // namespace aimc

#endif  // AIMC_TILE_CORE_STATISTICS_HH
