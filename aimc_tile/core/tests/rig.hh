// A tile with memory and a clock, and the guest's side of its registers.
#ifndef AIMC_TILE_CORE_TESTS_RIG_HH
#define AIMC_TILE_CORE_TESTS_RIG_HH

#include <cstdint>
#include <vector>

#include "aimc_tile/core/bytes.hh"
#include "aimc_tile/core/patch.hh"
#include "aimc_tile/core/registers.h"
#include "aimc_tile/core/tests/random.hh"
#include "aimc_tile/core/tile.hh"

namespace aimc_test {

constexpr uint64_t kMemoryBase = 0x80000000;

class Memory : public aimc::HostMemory {
 public:
  explicit Memory(size_t size) : bytes(size, 0) {}
  bool read(uint64_t address, void* data, size_t size) override;
  bool write(uint64_t address, const void* data, size_t size) override;

  uint8_t* at(uint64_t address) { return &bytes[address - kMemoryBase]; }

  std::vector<uint8_t> bytes;
};

struct Rig {
  explicit Rig(const aimc::TileParams& params, size_t memory_bytes = 1 << 16);
  Rig(const Rig&) = delete;

  uint32_t get(uint32_t offset);
  uint64_t get64(uint32_t offset);
  void put(uint32_t offset, uint32_t value);
  void put64(uint32_t offset, uint64_t value);
  void put_bytes(uint32_t offset, const void* data, uint32_t size, uint32_t step = 1);
  std::vector<uint8_t> get_bytes(uint32_t offset, uint32_t size);

  // The errors since the last call of this, which clears them.
  uint32_t take_error();

  // Fills the crossbar and the scales through the PROGRAM window, and waits.
  void program(const std::vector<int16_t>& cells, uint16_t multiplier, uint16_t shift);
  void program_random(uint64_t seed, uint16_t multiplier, uint16_t shift);

  void queue(uint64_t address, const aimc_descriptor& descriptor);

  // Moves the clock to where nothing more happens; at most `limit` events.
  void settle(int limit = 1000000);

  Memory memory;
  aimc::Tile tile;
  aimc::Picoseconds now = 0;
  std::vector<int16_t> cells;  // what program() has written, row-major
};

// 16 x 16, 8 bits, 60 ns an MVM, 250 ps a byte, 50 ns DMA latency.
aimc::TileParams small_params();

// A 3 x 3 convolution of an 8 x 6 map of 5 channels at kMemoryBase, padded by 1; output behind it.
aimc_descriptor small_descriptor();

}  // namespace aimc_test

#endif  // AIMC_TILE_CORE_TESTS_RIG_HH
