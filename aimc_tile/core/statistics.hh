// What a tile counts; the names are those of TILE_EVENTS (harness/engines/events.py) without `tile_`.
#ifndef AIMC_TILE_CORE_STATISTICS_HH
#define AIMC_TILE_CORE_STATISTICS_HH

#include <cstdint>

#include "aimc_tile/core/registers.h"

namespace aimc {

// Sums since the tile was made; neither a RESET nor reading them clears any.
struct Statistics {
  uint64_t mvms = 0;
  uint64_t dac_conversions = 0;  // active rows, summed over MVMs
  uint64_t adc_conversions = 0;  // active columns, summed over MVMs
  uint64_t cell_reads = 0;       // active rows x active columns, summed over MVMs
  uint64_t dac_saturations = 0;
  uint64_t adc_saturations = 0;
  uint64_t bytes_in = 0;   // written to the windows, or read from memory
  uint64_t bytes_out = 0;  // read from the windows, or written to memory
  uint64_t cells_programmed = 0;
  uint64_t device_reads = 0;  // accesses, refused ones too
  uint64_t device_writes = 0;
  uint64_t dma_descriptors = 0;  // completed, failed ones too
  uint64_t guest_errors = 0;
  uint64_t errors_by_kind[AIMC_ERROR_KINDS] = {};  // [i]: those of AIMC_ERROR bit i

  uint64_t busy_ps = 0;      // an MVM converts
  uint64_t transfer_ps = 0;  // DMA moves data
  uint64_t overlap_ps = 0;   // both
  uint64_t wait_ps = 0;      // no MVM converts although one is queued or a descriptor in progress
};

}  // namespace aimc

#endif  // AIMC_TILE_CORE_STATISTICS_HH
