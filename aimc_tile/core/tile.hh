// One AIMC tile as a device: registers, windows, banks, DMA and time, knowing no simulator.
//
// Time is the host's: it says with every call what time it is, in picoseconds, and the tile catches
// up with all that has happened since.  A time before the last one counts as the last one.  A host
// without events just calls; one with events calls advance() at next_event_ps().  Either way the
// same accesses at the same times give the same bytes, errors and counts.
#ifndef AIMC_TILE_CORE_TILE_HH
#define AIMC_TILE_CORE_TILE_HH

#include <cstdint>
#include <vector>

#include "aimc_tile/core/arithmetic.hh"
#include "aimc_tile/core/host.hh"
#include "aimc_tile/core/params.hh"
#include "aimc_tile/core/statistics.hh"
#include "aimc_tile/core/tile_state.hh"

namespace aimc {

class Tile {
 public:
  // With `memory` (which must outlive the tile), the tile times its DMA itself; without, the host
  // performs it: take_dma_request() and complete_dma().
  // Throws std::invalid_argument if a parameter is out of its range.
  explicit Tile(const TileParams& params, HostMemory* memory = nullptr);

  // A guest's access of `size` bytes, 1 to 16, at `offset` in the tile's AIMC_TILE_WINDOW bytes.
  // Returns when the port is done with it, at or after `now`; the host's own path comes on top.
  // A refused read gives zeros.
  Picoseconds read(Picoseconds now, uint64_t offset, uint32_t size, void* data);
  Picoseconds write(Picoseconds now, uint64_t offset, uint32_t size, const void* data);

  // Lets everything happen that happens up to and at `now`.
  void advance(Picoseconds now);

  // When something happens next by itself, after the last call; kNever if nothing will.
  Picoseconds next_event_ps() const;

  // The time of the last call.
  Picoseconds now_ps() const { return s_.now_ps; }

  // As of the last call: AIMC_STATUS_*; an MVM converts; DMA moves data.
  uint32_t status() const;
  bool converting() const { return s_.converting; }
  bool transferring() const { return s_.reader.active() || s_.writer.active(); }

  // Without `memory`: the next access for the host to perform.  False if there is none now; more
  // may come with any other call.  A restored tile asks again for what was under way.
  bool take_dma_request(DmaRequest* request);

  // The host's answer to a request; `data` are the bytes of a successful read.  A request that a
  // RESET or a restore has made void is ignored.
  void complete_dma(Picoseconds now, const DmaRequest& request, bool ok,
                    const void* data = nullptr);

  const TileParams& params() const { return params_; }
  const Statistics& statistics() const { return s_.statistics; }

  // Everything that the tile holds, in a versioned format that does not depend on the host.
  std::vector<uint8_t> save() const;

  // Takes over what save() gave.  Latencies and bandwidths may differ from the saved tile's.
  // Throws std::invalid_argument, and changes nothing, if `bytes` are damaged, of another version,
  // or of a tile with another geometry, converter width, seed, noise or index.
  void restore(const std::vector<uint8_t>& bytes);

 private:
  // A contiguous piece of a transfer.
  struct Run {
    uint64_t address;
    uint32_t offset;  // in the transfer's buffer
    uint32_t length;
  };

  // tile.cc: what happens by itself
  void integrate(Picoseconds t);
  void happen(Picoseconds t);
  void dispatch();
  bool start_conversion();
  void finish_conversion();
  void raise(uint32_t error);
  void reset();

  // tile_access.cc: what the guest does
  void read_register(uint32_t offset, uint32_t size, uint8_t* data);
  void write_register(uint32_t offset, uint32_t size, const uint8_t* data);
  void control(uint32_t bits);
  void start();
  void pop();
  void write_input(uint32_t offset, uint32_t size, const uint8_t* data);
  void read_output(uint32_t offset, uint32_t size, uint8_t* data);
  void read_program(uint32_t offset, uint32_t size, uint8_t* data);
  void write_program(uint32_t offset, uint32_t size, const uint8_t* data);
  uint32_t program_window_bytes() const;
  void use_port(uint32_t bytes);

  // tile_dma.cc: descriptors, images and the steps that they take
  void queue_descriptor(uint64_t address);
  void queue_again();
  void start_programming();
  bool start_read();
  bool start_gather();
  bool start_store();
  bool retire();
  void finish_read();
  void finish_store();
  void finish_fetch(const Channel& transfer);
  void finish_gather(const Channel& transfer);
  void finish_image(const Channel& transfer);
  void abort_descriptor(uint8_t slot);

  // tile_checkpoint.cc
  std::vector<uint64_t> identity() const;
  bool consistent(const TileState& state) const;

  // tile_transfer.cc: moving the bytes of one step
  void begin(Channel* channel, TransferKind kind, uint8_t slot, uint32_t pixel);
  void move(Channel* channel);
  bool next_run(const Channel& channel, uint32_t* cursor, Run* run) const;
  uint8_t* buffer(const Channel& channel, size_t* size);
  bool take_from(Channel* channel, DmaRequest* request);
  void resume(Channel* channel);

  bool double_buffer() const { return params_.double_buffer; }
  uint8_t next_bank(uint8_t bank) const { return double_buffer() ? bank ^ 1 : 0; }
  Slot& slot(uint8_t from_oldest) { return s_.slots[(s_.head + from_oldest) % kDescriptorSlots]; }
  bool mvm_pending() const;
  bool pio_in_use() const;
  bool input_ready() const;
  bool output_valid() const;
  bool descriptor_ready() const;
  bool cells_in_use() const;
  Picoseconds conversion_gate() const;

  TileParams params_;
  TileTiming timing_;
  HostMemory* memory_;
  uint32_t code_bytes_;
  TileState s_;
  uint64_t last_transfer_ = 0;

  // Scratch; holds nothing between calls except what a transfer under way has delivered.
  MvmUnit unit_;
  std::vector<int16_t> codes_;
  std::vector<uint8_t> staging_;
};

}  // namespace aimc

#endif  // AIMC_TILE_CORE_TILE_HH
