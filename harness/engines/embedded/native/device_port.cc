#include "device_port.hh"

#include <cstring>

#include "clock.hh"
#include "text.hh"

namespace aimc::embedded {

bool DevicePort::begin(Block& block, const MemoryOp& access, uint64_t address) {
  DeviceAccess device;
  device.op = access.op;
  device.pc = block.op_pc(access.op);
  device.address = address;
  device.bytes = access.bytes;
  device.store = access.store;
  device.bus_width = access.bus_bytes;
  if (devices_.find(address, device.bytes) != DeviceKind::kNone) {
    const bool atomic = access.load && access.store;
    if (atomic || access.alignment == 0 || device.bytes > DeviceAccess::kMaxBytes) {
      return failure_.refuse(
          device.pc, "the program made an atomic or block access to the device at " + hex(address));
    }
    if (address % access.alignment != 0) {
      return failure_.refuse(
          device.pc, "the program made a misaligned access to the device at " + hex(address));
    }
  }
  block_ = &block;
  pending_ = device;
  begin_bus_access(pipeline_.begin_device(block, access.op));
  return true;
}

bool DevicePort::check_piece(uint64_t address, uint32_t bytes, bool store) {
  if (pending_ && pending_->store == store && pending_->address + pending_->done == address &&
      bytes <= pending_->bytes - pending_->done) {
    return true;
  }
  return failure_.fail("the emulator made a device access to " + hex(address) +
                       " that was not foreseen" + (pending_ ? " at " + hex(pending_->pc) : ""));
}

DevicePort::Progress DevicePort::read(uint64_t address, uint32_t bytes, uint64_t* value) {
  if (!check_piece(address, bytes, false)) return Progress::kFailed;
  const DeviceAccess& access = *pending_;
  if (access.done % access.bus_width == 0 && !bus_access()) return Progress::kFailed;
  std::memcpy(value, access.data.data() + access.done, bytes);
  return advance(bytes);
}

DevicePort::Progress DevicePort::write(uint64_t address, uint32_t bytes, uint64_t value) {
  if (!check_piece(address, bytes, true)) return Progress::kFailed;
  DeviceAccess& access = *pending_;
  std::memcpy(access.data.data() + access.done, &value, bytes);
  const uint32_t bus_end = access.bus_begin() + access.bus_bytes();
  if (access.done + bytes >= bus_end && !bus_access()) return Progress::kFailed;
  return advance(bytes);
}

DevicePort::Progress DevicePort::advance(uint32_t bytes) {
  pending_->done += bytes;
  return pending_->done < pending_->bytes ? Progress::kPending : Progress::kComplete;
}

DeviceAccess DevicePort::take() {
  const DeviceAccess access = *pending_;
  pending_.reset();
  return access;
}

void DevicePort::begin_bus_access(Cycle issue_cycle) {
  pending_->time = (passes_ ? passes_->accepts_at(issue_cycle) : issue_cycle) * period_;
}

// Performs the bus access that holds byte `done` of the pending access.
bool DevicePort::bus_access() {
  DeviceAccess& access = *pending_;
  const uint32_t begin = access.bus_begin();
  const uint32_t bytes = access.bus_bytes();
  const uint64_t address = access.address + begin;
  uint8_t* data = access.data.data() + begin;
  Events& events = counters_.events();
  --events[kL1dAccesses];  // it bypasses the caches
  if (devices_.find(address, bytes) == DeviceKind::kM5ops) {
    return pseudo_instruction(address, begin == 0);
  }
  const Devices::Outcome outcome = access.store ? devices_.write(address, bytes, data, access.time)
                                                : devices_.read(address, bytes, data, access.time);
  pipeline_.finish_device(up_to_cycle(outcome.end, period_), outcome.cause);
  if (outcome.is_poll) {
    attribution_.poll(access.pc, access.address, outcome.cause, counters_.instructions(), events);
    poll_loop_.note_poll(*block_, outcome.end);
  } else {
    attribution_.other_access();
    poll_loop_.leave();
  }
  begin_bus_access(pipeline_.next_device_access());
  return true;
}

// A pseudo-instruction takes no time, and effect with its `first` bus access.
bool DevicePort::pseudo_instruction(uint64_t address, bool first) {
  attribution_.other_access();
  poll_loop_.leave();
  pipeline_.finish_device(pending_->time / period_, kCyclesCompute);
  begin_bus_access(pipeline_.next_device_access());
  return !first || pseudo_(devices_.m5op(address));
}

}  // namespace aimc::embedded
