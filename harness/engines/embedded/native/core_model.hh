// The simulated core: what one block of instructions after the other costs.
//
// The emulator tells what it is about to execute; the model runs ahead of it to the block's end, or
// to the next device access, whose result and time it settles when the emulator performs it.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_CORE_MODEL_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_CORE_MODEL_HH_

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "block.hh"
#include "block_cache.hh"
#include "branch_predictor.hh"
#include "device_access.hh"
#include "devices.hh"
#include "dma_host.hh"
#include "events.hh"
#include "fetch_unit.hh"
#include "guest_memory.hh"
#include "memory_system.hh"
#include "pipeline.hh"
#include "regions.hh"
#include "tiles.hh"

namespace aimc::embedded {

struct SystemParams {
  CoreParams core;
  CachesParams caches;
  DramParams dram;
  AttachParams attach;
  DmaPathParams dma;
  PlatformMap map;
  size_t tiles = 0;
  TileParams tile;
  uint32_t zero_block_bytes = 64;  // of DC ZVA, as the emulator has it
};

// A load or store that the model says the next instructions perform.
struct ExpectedAccess {
  uint64_t address;
  uint32_t bytes;
  bool store;
  uint64_t pc;
};

class CoreModel {
 public:
  // Reads the general registers `numbers` of the emulator into `values`.
  using ReadRegisters = std::function<void(const Segment& segment, EvalRegisters& values)>;

  CoreModel(const SystemParams& params, const RegisterNumbers& numbers, GuestMemory& memory);

  // The prepared block of `bytes` bytes at `pc`; nothing, and error() says why, if it cannot be.
  Block* find_block(uint64_t pc, uint32_t bytes);

  enum class Progress : uint8_t {
    kReady,    // the emulator may go on
    kRebuild,  // prepare the block again, with more segments: ask find_block() again
    kFailed,   // error()
  };

  // The emulator is about to execute `block`; `registers` has what its first segment reads.
  Progress enter(Block& block);

  // Then, with registers() set: runs the segment `index` of the current block.
  Progress run_segment(size_t index);

  // The segment of the current block that starts at `pc` and is next to run, if there is one.
  std::optional<size_t> next_segment_at(uint64_t pc) const;

  Block* current() { return block_; }
  EvalRegisters& registers() { return registers_; }

  // The emulator performs a piece of a device access.  False: error(), or the guest has exited.
  bool device_read(uint64_t address, uint32_t bytes, uint64_t* value);
  bool device_write(uint64_t address, uint32_t bytes, uint64_t value);

  // Handles the guest's pseudo-instruction `operation`; false: stop.
  using PseudoInstruction = std::function<bool(uint32_t operation)>;
  void set_pseudo_instruction(PseudoInstruction handler) { pseudo_ = std::move(handler); }

  // Reads all of the emulator's general registers, SP and flags.
  using ReadAllRegisters = std::function<void(EvalRegisters& values)>;
  void set_read_all_registers(ReadAllRegisters read) { read_all_registers_ = std::move(read); }

  // For checking: reports each access in program order when it becomes known, and takes no
  // shortcuts in timing.
  void set_check(std::function<void(const ExpectedAccess&)> expect) {
    expect_ = std::move(expect);
    pipeline_.set_forgetful();
    fetch_.set_eager();
  }

  // All events up to now.
  Events totals();
  Regions& regions() { return regions_; }

  uint64_t instructions() const { return instructions_; }
  Femtoseconds now_fs() const { return pipeline_.now() * params_.core.period_fs; }
  // The last device access was a poll of a tile.
  bool polls() const { return poll_.valid; }
  const std::string& console() const { return devices_.console(); }
  const std::string& error() const { return error_; }
  bool refused() const { return refused_; }  // error() is the program's doing
  // The instruction that error() is about, where it is not the current one.
  std::optional<uint64_t> error_pc() const { return pending_ ? pending_->pc : error_pc_; }

 private:
  enum class Stop : uint8_t { kEnd, kDevice, kOpaque };

  // The last poll of a tile's progress.
  struct Poll {
    uint64_t pc = 0;
    uint64_t address = 0;
    uint64_t compute_cycles = 0;  // in all until then
    uint64_t instructions = 0;
    Event cause = kCyclesTileTransfer;
    bool valid = false;
  };

  // What a round of a loop around polls begins with.
  struct RoundStart {
    EvalRegisters registers{};
    std::string pipeline;
    uint64_t far = 0;
    uint64_t happened = 0;  // in tiles and DMA
    Events events{};
    uint64_t instructions = 0;
    Cycle cycle = 0;
  };

  // A loop around polls: its rounds, from the block `head` to the block `head`.
  struct Rounds {
    static constexpr size_t kBlocks = 16;

    Block* head = nullptr;
    unsigned entered = 0;     // blocks of the round under way, beside the head
    unsigned until_look = 0;  // rounds
    unsigned patience = 0;    // the same after the next look
    unsigned looks = 0;       // since `start`
    RoundStart start;
    // Since then, or since the last round began.
    Cycle began = 0;
    uint64_t polls = 0;
    Femtoseconds polled = 0;  // the last of them
    size_t count = 0;
    std::array<std::pair<Block*, uint64_t>, kBlocks> blocks{};  // with their executions before
  };

  // core_model_idle.cc: rounds of polls that find nothing new are passed over.
  void note_poll(Femtoseconds end);
  void leave_rounds();
  void follow_rounds(Block& block);
  void begin_round();
  bool add_to_round(Block& block);
  void look_first();
  void look_again();
  void look_later();
  RoundStart round_start();
  bool repeats(const RoundStart& now) const;
  void pass_rounds(const RoundStart& now);

  void forget(Block& block);
  std::optional<Pipeline::Entry> leave_block(uint64_t next);
  Progress run_on(bool start);
  Stop evaluate();
  bool stored_of_late(uint32_t address, uint32_t bytes) const;
  void note_store(uint32_t address, uint32_t bytes);
  Found look_up(const MemoryOp& access, uint32_t address);
  void note_miss(size_t op, size_t how);
  uint64_t pattern() const;
  Pipeline::Accesses accesses() const { return {addresses_.data(), found_.data()}; }
  void report(const MemoryOp& access, uint64_t address) const;
  bool load_value(const AddressOp& op);
  bool make_opaque_after_device();
  void count_block();
  void count_ops(size_t end);
  bool begin_device();
  bool check_piece(uint64_t address, uint32_t bytes, bool store);
  void begin_bus_access(Cycle sent);
  bool bus_access();
  void count_poll_loop();
  bool finish_device();
  bool fail(const std::string& message);                 // a defect of the engine
  bool refuse(uint64_t pc, const std::string& message);  // the program's doing

  SystemParams params_;
  GuestMemory& memory_;
  Events events_{};
  MemorySystem system_;
  Pipeline pipeline_;
  FetchUnit fetch_;
  BranchPredictor predictor_;
  Tiles tiles_;
  DmaHost dma_;
  Devices devices_;
  Regions regions_;

  // Where the last stores went, in units of 16 bytes.
  static constexpr int kStoreShift = 4;
  struct LateStore {
    uint32_t where = ~0u;
    uint64_t number = 0;
  };
  std::array<LateStore, 256> late_stores_{};
  uint64_t stores_ = 0;
  uint64_t blurred_until_ = 0;  // number of the store before which late_stores_ lacks some
  uint64_t store_window_;

  BlockCache blocks_;
  uint64_t instructions_ = 0;
  PseudoInstruction pseudo_;
  std::function<void(const ExpectedAccess&)> expect_;
  std::string error_;
  bool refused_ = false;
  std::optional<uint64_t> error_pc_;

  // The block under way: what has been modelled and what not.
  Block* block_ = nullptr;
  size_t segment_ = 0;      // index of the segment under way
  size_t next_op_ = 0;      // first instruction not modelled
  size_t counted_ops_ = 0;  // instructions in the events already
  size_t next_memory_ = 0;  // its first memory op
  uint32_t program_next_ = 0;
  size_t evaluated_memory_ = 0;  // memory ops with an address
  size_t executed_memory_ = 0;   // memory ops before this one have been executed by the emulator
  bool all_found_ = false;       // and all of those have been looked up
  bool repeatable_ = false;      // and no load may read from the store buffer
  size_t known_ = 0;             // how many of them have been looked up
  uint64_t misses_ = 0;          // which of them are not in the L1D, and how; 0: none
  std::vector<uint32_t> addresses_;
  std::vector<Found> found_;
  std::vector<LineNumber> missed_lines_;  // of those
  Cycle last_issue_ = 0;                  // before the block
  EvalRegisters registers_{};
  std::optional<DeviceAccess> pending_;
  std::optional<DeviceAccess> last_device_;  // while the rest of its block is modelled
  uint64_t device_address_ = 0;
  Poll poll_;
  Rounds rounds_;
  ReadAllRegisters read_all_registers_;
};

}  // namespace aimc::embedded

#endif
