// Everything that a tile holds and a checkpoint must keep.
#ifndef AIMC_TILE_CORE_TILE_STATE_HH
#define AIMC_TILE_CORE_TILE_STATE_HH

#include <array>
#include <cstdint>
#include <vector>

#include "aimc_tile/core/arithmetic.hh"
#include "aimc_tile/core/crossbar.hh"
#include "aimc_tile/core/params.hh"
#include "aimc_tile/core/registers.h"
#include "aimc_tile/core/statistics.hh"

namespace aimc {

constexpr uint32_t kDescriptorSlots = 2;
constexpr uint32_t kMaxBanks = 2;

enum class BankState : uint8_t { kEmpty, kFilling, kReady, kConverting, kFull };

// Empty -> (Filling, by DMA) -> Ready -> Converting -> Empty.
struct InputBank {
  BankState state = BankState::kEmpty;
  bool written = false;  // holds inputs that were not started
  bool dma = false;
  uint8_t slot = 0;  // of the descriptor, if dma
  uint32_t pixel = 0;
  uint32_t rows = 0;
  uint32_t columns = 0;
  uint32_t epoch = 0;
  uint32_t mvm = 0;
  Picoseconds ready_ps = 0;    // the port has delivered the inputs
  std::vector<uint8_t> bytes;  // int8 inputs; 0 where none was written
};

// Empty -> Converting -> Full -> Empty.
struct OutputBank {
  BankState state = BankState::kEmpty;
  bool dma = false;
  uint8_t slot = 0;
  uint32_t pixel = 0;
  uint32_t columns = 0;
  std::vector<uint8_t> bytes;  // codes as the guest sees them
};

enum class SlotState : uint8_t { kQueued, kFetching, kRunning, kFailed };

struct Slot {
  SlotState state = SlotState::kQueued;
  uint64_t address = 0;
  aimc_descriptor descriptor = {};
  uint32_t gathered = 0;  // pixels whose patch is in a bank or beyond
  uint32_t stored = 0;    // pixels whose codes are in memory
  uint32_t limit = 0;     // pixels to do: all, or fewer after a failure
};

enum class TransferKind : uint8_t { kNone, kFetch, kGather, kImage, kStore };

// A DMA transfer under way: one descriptor, one patch, one row of an image, one pixel's codes.
struct Channel {
  TransferKind kind = TransferKind::kNone;
  uint8_t slot = 0;
  uint32_t pixel = 0;
  Picoseconds done_ps = 0;  // kNever while the host performs it
  uint32_t bytes = 0;       // from or to memory; padding is none
  bool failed = false;

  // Of the host's requests.  Not kept in a checkpoint: a restored tile makes them again.
  uint64_t id = 0;
  uint32_t cursor = 0;   // where the next one begins
  uint32_t missing = 0;  // bytes not answered for

  bool active() const { return kind != TransferKind::kNone; }
};

// Rows [0, rows) are programmed one after the other; "row" `rows` is the ADC scales.
struct Programming {
  bool active = false;
  bool writing = false;  // cells are being written, until cells_busy_until_ps
  uint64_t address = 0;
  uint32_t rows = 0;
  uint32_t columns = 0;
  uint32_t row = 0;
};

struct TileState {
  TileState(uint32_t rows, uint32_t columns, uint32_t code_bytes);

  Picoseconds now_ps = 0;
  Picoseconds port_free_ps = 0;
  Picoseconds cells_busy_until_ps = 0;

  uint32_t error = 0;
  uint32_t error_count = 0;
  uint32_t active_rows;
  uint32_t active_columns;
  uint32_t noise_epoch = 0;
  uint32_t mvm_count = 0;
  uint32_t dma_done = 0;
  uint32_t dma_pixels = 0;
  uint64_t program_address = 0;
  uint32_t program_rows;
  uint32_t program_columns;
  uint32_t program_row = 0;
  bool program_row_open = false;  // its programming latency has been charged

  std::array<InputBank, kMaxBanks> inputs;
  std::array<OutputBank, kMaxBanks> outputs;
  uint8_t fill = 0;         // input bank that is or will be filled
  uint8_t convert_in = 0;   // input bank that is or will be converted
  uint8_t convert_out = 0;  // output bank that it goes to
  uint8_t drain = 0;        // output bank that is or will be read
  bool converting = false;
  Picoseconds converted_ps = 0;

  std::array<Slot, kDescriptorSlots> slots;
  uint8_t head = 0;       // the oldest descriptor's slot
  uint8_t queued = 0;     // descriptors not completed
  uint8_t gathering = 0;  // the descriptor that gathers, counted from the oldest
  Channel reader;
  Channel writer;
  Programming programming;

  Crossbar crossbar;
  std::vector<AdcScale> scales;
  Statistics statistics;
};

}  // namespace aimc

#endif  // AIMC_TILE_CORE_TILE_STATE_HH
