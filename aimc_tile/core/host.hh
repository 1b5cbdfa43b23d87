// The two ways in which a host lets a tile reach memory.
#ifndef AIMC_TILE_CORE_HOST_HH
#define AIMC_TILE_CORE_HOST_HH

#include <cstddef>
#include <cstdint>

namespace aimc {

// Memory that answers at once; the tile itself accounts for the time, as TileTiming has it.
// An access happens when simulated time reaches the end of its transfer.
class HostMemory {
 public:
  virtual ~HostMemory() = default;

  // False, and nothing is changed, if any byte of [address, address + size) is not memory.
  virtual bool read(uint64_t address, void* data, size_t size) = 0;
  virtual bool write(uint64_t address, const void* data, size_t size) = 0;
};

// One contiguous access that the host performs itself, in its own time; any number may be under
// way, and they may complete in any order.
struct DmaRequest {
  bool is_write;
  uint64_t address;
  uint32_t size;
  const uint8_t* data;  // of a write; valid until the tile is next called
  uint64_t transfer;    // the tile's own
  uint32_t offset;      // the tile's own
};

}  // namespace aimc

#endif  // AIMC_TILE_CORE_HOST_HH
