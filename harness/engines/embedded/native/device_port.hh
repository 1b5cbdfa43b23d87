// The guest's device accesses.  The emulator performs one in pieces, the bus in accesses of its
// width, and the core as one instruction.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_DEVICE_PORT_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_DEVICE_PORT_HH_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "block.hh"
#include "counters.hh"
#include "data_cache.hh"
#include "device_access.hh"
#include "devices.hh"
#include "failure.hh"
#include "params.hh"
#include "pipeline.hh"
#include "poll_attribution.hh"
#include "poll_loop.hh"

namespace aimc::embedded {

class DevicePort {
 public:
  // `passes`: the cache that accesses pass, which blocks them while its MSHRs are full; may be
  // null.
  DevicePort(Femtoseconds period, DataCache* passes, Devices& devices, Pipeline& pipeline,
             Counters& counters, PollAttribution& attribution, PollLoop& poll_loop,
             Failure& failure)
      : period_(period),
        passes_(passes),
        devices_(devices),
        pipeline_(pipeline),
        counters_(counters),
        attribution_(attribution),
        poll_loop_(poll_loop),
        failure_(failure) {}

  // Handles the guest's pseudo-instruction `operation`; false: stop.
  using PseudoInstruction = std::function<bool(uint32_t operation)>;
  void set_pseudo_instruction(PseudoInstruction handler) { pseudo_ = std::move(handler); }

  // Memory op `access` of `block` accesses `address`, outside DRAM.  False: failed.
  bool begin(Block& block, const MemoryOp& access, uint64_t address);

  enum class Progress : uint8_t {
    kFailed,    // or the guest has exited
    kPending,   // the emulator has pieces of the access left
    kComplete,  // the access is done: see take()
  };

  // The emulator performs a piece of the pending access.
  Progress read(uint64_t address, uint32_t bytes, uint64_t* value);
  Progress write(uint64_t address, uint32_t bytes, uint64_t value);

  const std::optional<DeviceAccess>& pending() const { return pending_; }

  // The access that is complete; it is no longer pending.
  DeviceAccess take();

 private:
  bool check_piece(uint64_t address, uint32_t bytes, bool store);
  Progress advance(uint32_t bytes);
  void begin_bus_access(Cycle issue_cycle);
  bool bus_access();
  bool pseudo_instruction(uint64_t address, bool first);

  Femtoseconds period_;
  DataCache* passes_;
  Devices& devices_;
  Pipeline& pipeline_;
  Counters& counters_;
  PollAttribution& attribution_;
  PollLoop& poll_loop_;
  Failure& failure_;
  PseudoInstruction pseudo_;
  Block* block_ = nullptr;  // of the pending access
  std::optional<DeviceAccess> pending_;
};

}  // namespace aimc::embedded

#endif
