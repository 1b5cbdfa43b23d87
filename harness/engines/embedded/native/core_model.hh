// The simulated core: the time of one block of instructions after the other.
//
// The emulator announces the block that it is about to execute.  The model runs ahead of it, to the
// block's end or to the next device access.  It settles the result and the time of that access when
// the emulator performs it.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_CORE_MODEL_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_CORE_MODEL_HH_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "address_evaluator.hh"
#include "block.hh"
#include "block_cache.hh"
#include "branch_predictor.hh"
#include "counters.hh"
#include "device_port.hh"
#include "devices.hh"
#include "dma_host.hh"
#include "events.hh"
#include "failure.hh"
#include "fetch_unit.hh"
#include "guest_memory.hh"
#include "memory_system.hh"
#include "pipeline.hh"
#include "poll_attribution.hh"
#include "poll_loop.hh"
#include "regions.hh"
#include "tag_lookup.hh"
#include "tiles.hh"

namespace aimc::embedded {

// A load or store that the model expects the emulator to perform next.
struct ExpectedAccess {
  uint64_t address;
  uint32_t bytes;
  bool store;
  uint64_t pc;
};

class CoreModel {
 public:
  CoreModel(const SystemParams& params, const RegisterNumbers& numbers, GuestMemory& memory);

  // The prepared block of `bytes` bytes at `pc`.  Null: it cannot be prepared; see failure().
  Block* find_block(uint64_t pc, uint32_t bytes);

  enum class Progress : uint8_t {
    kReady,    // the emulator may go on
    kRebuild,  // the block must be prepared again, with more segments: ask find_block()
    kFailed,   // see failure()
  };

  // The emulator is about to execute `block`.
  Progress enter(Block& block);

  // Runs segment `index` of the current block.  registers() must have the values that it reads.
  Progress run_segment(size_t index);

  // The segment of the current block that starts at `pc`, if it is the next to run.
  std::optional<size_t> next_segment_at(uint64_t pc) const;

  Block* current() { return block_; }
  EvalRegisters& registers() { return evaluator_.registers(); }

  // The emulator performs a piece of a device access.  False: see failure(), or the guest has
  // exited.
  bool device_read(uint64_t address, uint32_t bytes, uint64_t* value);
  bool device_write(uint64_t address, uint32_t bytes, uint64_t value);

  // See DevicePort.
  void set_pseudo_instruction(DevicePort::PseudoInstruction handler) {
    device_port_.set_pseudo_instruction(std::move(handler));
  }

  // See PollLoop.
  void set_read_all_registers(PollLoop::ReadRegisters read) {
    poll_loop_.set_read_registers(std::move(read));
  }

  // For checking: `expect` is called with each access in program order once its address is known,
  // and timing takes no shortcuts.
  void set_check(std::function<void(const ExpectedAccess&)> expect) {
    expect_ = std::move(expect);
    pipeline_.disable_memo();
    fetch_.set_eager();
    poll_loop_.disable();
  }

  // All events up to now.
  Events totals();
  Regions& regions() { return regions_; }

  uint64_t instructions() const { return counters_.instructions(); }
  Femtoseconds now_fs() const { return pipeline_.now() * period_; }
  // The last device access was a poll of a tile.
  bool polls() const { return attribution_.active(); }
  const std::string& console() const { return devices_.console(); }
  const Failure& failure() const { return failure_; }
  // The instruction that failure() is about, where it is not the current one.
  std::optional<uint64_t> failure_pc() const {
    const std::optional<DeviceAccess>& pending = device_port_.pending();
    return pending ? pending->pc : failure_.pc();
  }

 private:
  void forget(Block& block);
  std::optional<Pipeline::Entry> leave_block(uint64_t next);
  Progress run_on(bool start);
  AddressEvaluator::Step evaluate();
  Pipeline::Accesses accesses() const { return {evaluator_.addresses(), tags_.found()}; }
  void expect(const MemoryOp& access) const;
  bool after_device(DevicePort::Progress progress);

  Femtoseconds period_;
  Counters counters_;
  MemorySystem memory_;
  Pipeline pipeline_;
  FetchUnit fetch_;
  BranchPredictor predictor_;
  Tiles tiles_;
  DmaHost dma_;
  Devices devices_;
  Regions regions_;
  Failure failure_;
  BlockCache blocks_;
  AddressEvaluator evaluator_;
  TagLookup tags_;
  PollAttribution attribution_;
  PollLoop poll_loop_;
  DevicePort device_port_;
  std::function<void(const ExpectedAccess&)> expect_;

  Block* block_ = nullptr;    // the current one
  size_t segment_ = 0;        // index of its current segment
  size_t next_op_ = 0;        // its first instruction that has not been modelled
  DeviceAccess last_device_;  // whose bytes the evaluator may need
};

}  // namespace aimc::embedded

#endif
