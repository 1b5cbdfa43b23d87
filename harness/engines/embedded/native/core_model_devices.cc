// The core model's device accesses: the emulator performs them in pieces, the bus in accesses of
// its width, and the core as one instruction.
#include <cstring>

#include "core_model.hh"
#include "text.hh"

namespace aimc::embedded {

namespace {

constexpr uint64_t kPollLoopInstructions = 32;

}  // namespace

// Once the emulator performs a device access the block can no longer be prepared otherwise: from
// then on no value may be needed that a store not yet executed could change.
bool CoreModel::make_opaque_after_device() {
  Block& block = *block_;
  const uint32_t end = block.segments[segment_].program_end;
  bool store_seen = false;
  bool changed = false;
  for (uint32_t i = program_next_; i < end; ++i) {
    const AddressOp& op = block.program[i];
    if (op.kind == AddressKind::kLoadValue) {
      if (store_seen) changed |= block.opaque_loads.insert(block.memory[op.slot].op).second;
    } else if (op.kind == AddressKind::kOffset || op.kind == AddressKind::kIndexed ||
               op.kind == AddressKind::kZeroBlock) {
      store_seen |= block.memory[op.slot].store;
    }
  }
  return changed;
}

bool CoreModel::begin_device() {
  const MemoryOp& access = block_->memory[next_memory_];
  DeviceAccess device;
  device.op = access.op;
  device.pc = block_->op_pc(access.op);
  device.address = device_address_;
  device.bytes = access.bytes;
  device.store = access.store;
  const DeviceKind kind = devices_.find(device.address, device.bytes);
  if (kind != DeviceKind::kNone) {
    const bool atomic = access.load && access.store;
    if (atomic || access.alignment == 0 || device.bytes > DeviceAccess::kMaxBytes) {
      return refuse(device.pc, "the program made an atomic or block access to the device at " +
                                   hex(device.address));
    }
    if (device.address % access.alignment != 0) {
      return refuse(device.pc,
                    "the program made a misaligned access to the device at " + hex(device.address));
    }
  }
  device.bus_width = access.bus_bytes;
  pending_ = device;
  begin_bus_access(pipeline_.begin_device(*block_, access.op));
  return true;
}

bool CoreModel::check_piece(uint64_t address, uint32_t bytes, bool store) {
  if (pending_ && pending_->store == store && pending_->address + pending_->done == address &&
      bytes <= pending_->bytes - pending_->done) {
    return true;
  }
  return fail("the emulator made a device access to " + hex(address) + " that was not foreseen" +
              (pending_ ? " at " + hex(pending_->pc) : ""));
}

bool CoreModel::device_read(uint64_t address, uint32_t bytes, uint64_t* value) {
  if (!check_piece(address, bytes, false)) return false;
  DeviceAccess& access = *pending_;
  if (access.done % access.bus_width == 0 && !bus_access()) return false;
  std::memcpy(value, access.data.data() + access.done, bytes);
  access.done += bytes;
  return access.done < access.bytes || finish_device();
}

bool CoreModel::device_write(uint64_t address, uint32_t bytes, uint64_t value) {
  if (!check_piece(address, bytes, true)) return false;
  DeviceAccess& access = *pending_;
  std::memcpy(access.data.data() + access.done, &value, bytes);
  const uint32_t bus_end = access.bus_begin() + access.bus_bytes();
  if (access.done + bytes >= bus_end && !bus_access()) return false;
  access.done += bytes;
  return access.done < access.bytes || finish_device();
}

void CoreModel::begin_bus_access(Cycle sent) { pending_->time = sent * params_.core.period_fs; }

// Performs the bus access that holds byte `done` of the pending access.
bool CoreModel::bus_access() {
  DeviceAccess& access = *pending_;
  const uint32_t begin = access.bus_begin();
  const uint64_t address = access.address + begin;
  uint8_t* data = access.data.data() + begin;
  --events_[kL1dAccesses];  // it goes past the caches
  const Femtoseconds period = params_.core.period_fs;
  if (devices_.find(address, access.bus_bytes()) == DeviceKind::kM5ops) {
    poll_.valid = false;
    leave_rounds();
    pipeline_.finish_device(access.time / period, kCyclesCompute);
    begin_bus_access(pipeline_.next_device_access());
    return begin != 0 || pseudo_(devices_.m5op(address));
  }
  const Devices::Outcome outcome =
      access.store ? devices_.write(address, access.bus_bytes(), data, access.time)
                   : devices_.read(address, access.bus_bytes(), data, access.time);
  pipeline_.finish_device((outcome.end + period - 1) / period, outcome.cause);
  if (!outcome.is_poll) {
    poll_.valid = false;
    leave_rounds();
  }
  if (poll_.valid) count_poll_loop();
  if (outcome.is_poll) {
    poll_ = {access.pc,     access.address, events_[kCyclesCompute],
             instructions_, outcome.cause,  true};
    note_poll(outcome.end);
  }
  begin_bus_access(pipeline_.next_device_access());
  return true;
}

// A poll follows a poll: if it is the same one in a loop, the core's work in between was waiting.
void CoreModel::count_poll_loop() {
  if (poll_.pc != pending_->pc || poll_.address != pending_->address) return;
  if (instructions_ - poll_.instructions > kPollLoopInstructions) return;
  const uint64_t loop = events_[kCyclesCompute] - poll_.compute_cycles;
  events_[kCyclesCompute] -= loop;
  events_[poll_.cause] += loop;
}

bool CoreModel::finish_device() {
  next_op_ = pending_->op + 1;
  ++next_memory_;
  executed_memory_ = next_memory_;
  last_device_ = *pending_;
  pending_.reset();
  const bool ok = run_on(false) != Progress::kFailed;
  last_device_.reset();
  return ok;
}

}  // namespace aimc::embedded
