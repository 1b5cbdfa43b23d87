#include "core_model.hh"

#include <algorithm>
#include <cstring>

#include "clock.hh"
#include "text.hh"

namespace aimc::embedded {

namespace {

uint64_t extended(uint64_t value, Extend extend) {
  switch (extend) {
    case Extend::kUxtw:
      return static_cast<uint32_t>(value);
    case Extend::kSxtw:
      return static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(value)));
    default:
      return value;
  }
}

// What a load of `access.element_bytes` from `bytes` puts into a register.
uint64_t loaded_value(const MemoryOp& access, const uint8_t* bytes) {
  uint64_t value = 0;
  std::memcpy(&value, bytes, access.element_bytes);
  if (!access.sign_extend) return value;
  const int shift = 64 - 8 * access.element_bytes;
  const auto result = static_cast<uint64_t>(static_cast<int64_t>(value << shift) >> shift);
  return access.wide ? result : result & 0xffffffffull;
}

}  // namespace

CoreModel::CoreModel(const SystemParams& params, const RegisterNumbers& numbers,
                     GuestMemory& memory)
    : params_(params),
      memory_(memory),
      system_(params.core, params.caches, params.dram, params.dma, events_),
      pipeline_(params.core, system_, events_),
      fetch_(system_),
      predictor_(static_cast<size_t>(params.core.branch_predictor_entries)),
      tiles_(params.tiles, params.tile),
      dma_(tiles_, memory, system_, params.dma, params.tile),
      devices_(params.map, params.attach, tiles_, dma_),
      store_window_(static_cast<uint64_t>(params.core.store_buffer_entries) + 2),
      blocks_(params.core, params.zero_block_bytes, system_.line_shift(), numbers, memory,
              [this](Block& block) { forget(block); }) {
  if (params.tiles > 0 && params.tile.dma) {
    system_.set_catch_up([this](Femtoseconds now) { dma_.advance(now); });
  }
}

bool CoreModel::fail(const std::string& message) {
  if (error_.empty()) error_ = message;
  return false;
}

bool CoreModel::refuse(uint64_t pc, const std::string& message) {
  refused_ = true;
  error_pc_ = pc;
  return fail(message);
}

Block* CoreModel::find_block(uint64_t pc, uint32_t bytes) {
  Block* block = blocks_.find(pc, bytes);
  if (!block) {
    refuse(blocks_.refusal().pc, blocks_.refusal().message);
  }
  return block;
}

void CoreModel::forget(Block& block) {
  block.flush(events_);
  fetch_.forget(block);
  if (block_ == &block) block_ = nullptr;
  leave_rounds();
}

// How the program came from the current block to the one at `next`; nothing: error().
std::optional<Pipeline::Entry> CoreModel::leave_block(uint64_t next) {
  const Block& block = *block_;
  const auto wrong = [this](const std::string& message) {
    fail(message);
    return std::nullopt;
  };
  if (pending_ || next_op_ != block.size()) {
    return wrong("the emulator left the block at " + hex(block.pc) + " before its end");
  }
  if (!block.unknown.empty()) {
    refuse(block.unknown_pc, block.unknown);
    return std::nullopt;
  }
  if (block.branch == BranchKind::kNone) {
    if (next == block.end()) return Pipeline::Entry::kSequential;
    return wrong("the emulator went from " + hex(block.end()) + " to " + hex(next) +
                 " without a branch");
  }
  const bool conditional = block.branch == BranchKind::kConditional;
  const bool taken = !conditional || next != block.end();
  const bool direct =
      conditional || block.branch == BranchKind::kDirect || block.branch == BranchKind::kCall;
  if (direct && taken && next != block.target) {
    return wrong("the emulator took the branch at " + hex(block.end() - 4) + " to " + hex(next));
  }
  // A branch to what follows it changes nothing, wherever it was predicted to go.
  if (direct && !conditional && next == block.end()) return Pipeline::Entry::kSequential;
  if (!predictor_.resolve(block.branch, block.end() - 4, next, block.end())) {
    ++events_[kBranchMispredicts];
    return Pipeline::Entry::kMispredicted;
  }
  return taken ? Pipeline::Entry::kPredictedTaken : Pipeline::Entry::kSequential;
}

CoreModel::Progress CoreModel::enter(Block& block) {
  Pipeline::Entry entry = Pipeline::Entry::kSequential;
  if (rounds_.head) follow_rounds(block);
  if (block_) {
    const std::optional<Pipeline::Entry> how = leave_block(block.pc);
    if (!how) return Progress::kFailed;
    entry = *how;
  }
  block_ = &block;
  if (addresses_.size() < block.memory.size()) {
    addresses_.resize(block.memory.size());
    found_.resize(block.memory.size());
  }
  next_op_ = 0;
  next_memory_ = 0;
  counted_ops_ = 0;
  const bool present = fetch_.present(block);
  if (!present) fetch_.prepare_fetch();
  pipeline_.enter(block, entry, present);
  return Progress::kReady;
}

std::optional<size_t> CoreModel::next_segment_at(uint64_t pc) const {
  if (!block_ || segment_ + 1 >= block_->segments.size()) return std::nullopt;
  const size_t op = block_->segments[segment_ + 1].first_op;
  if (block_->op_pc(op) != pc || next_op_ != op) return std::nullopt;
  return segment_ + 1;
}

CoreModel::Progress CoreModel::run_segment(size_t index) {
  const Segment& segment = block_->segments[index];
  segment_ = index;
  program_next_ = segment.program_begin;
  executed_memory_ = segment.first_memory;
  return run_on(true);
}

// Models from the first instruction not modelled to the end of the segment, or to the next device
// access.  At the `start` of a segment the block can still be prepared otherwise.
CoreModel::Progress CoreModel::run_on(bool start) {
  Block& block = *block_;
  const Segment& segment = block.segments[segment_];
  all_found_ = pipeline_.calm();
  last_issue_ = pipeline_.last_issue();
  repeatable_ = true;
  known_ = 0;
  misses_ = 0;
  missed_lines_.clear();
  evaluated_memory_ = next_memory_;
  const Stop stop = evaluate();
  if (stop == Stop::kOpaque || (stop == Stop::kDevice && start && make_opaque_after_device())) {
    if (!start) {
      fail("the addresses in the block at " + hex(block.pc) + " cannot be followed");
      return Progress::kFailed;
    }
    count_ops(next_op_);
    blocks_.make_stale(block);
    block_ = nullptr;
    return Progress::kRebuild;
  }
  if (stop == Stop::kEnd) {
    const size_t end = segment.end_op;
    if (next_op_ == 0 && end == block.size()) {
      if (repeatable_) {
        pipeline_.run(block, accesses(), pattern());
      } else {
        pipeline_.step(block, 0, end, accesses());
      }
    } else {
      pipeline_.step(block, next_op_, end, accesses());
    }
    next_op_ = end;
    next_memory_ = evaluated_memory_;
    if (end == block.size()) count_block();
    return Progress::kReady;
  }
  const size_t op = block.memory[evaluated_memory_].op;
  pipeline_.step(block, next_op_, op, accesses());
  next_op_ = op;
  next_memory_ = evaluated_memory_;
  return begin_device() ? Progress::kReady : Progress::kFailed;
}

// Counts the current block, which has been modelled to its end.
void CoreModel::count_block() {
  if (counted_ops_ == 0) {
    ++block_->executions;
    instructions_ += block_->size();
  } else {
    count_ops(block_->size());
  }
}

// Counts the current block's instructions before `end` that are not counted yet.
void CoreModel::count_ops(size_t end) {
  StaticCounts counts;
  const std::vector<InstructionInfo>& infos = block_->instructions;
  const MicroOp* ops = block_->ops.data();
  for (size_t i = counted_ops_; i < end; ++i) {
    counts.add(ops + infos[i].first_op, ops + infos[i + 1].first_op);
  }
  counts.add_to(events_, 1);
  instructions_ += end - counted_ops_;
  counted_ops_ = end;
}

CoreModel::Stop CoreModel::evaluate() {
  const Block& block = *block_;
  const uint32_t end = block.segments[segment_].program_end;
  const uint64_t size = memory_.size();
  EvalRegisters& r = registers_;
  while (program_next_ < end) {
    const AddressOp& op = block.program[program_next_++];
    uint64_t address = r[op.base] + static_cast<uint64_t>(op.offset);
    switch (op.kind) {
      case AddressKind::kOffset:
        break;
      case AddressKind::kIndexed:
        address += extended(r[op.index], op.extend) << op.shift;
        break;
      case AddressKind::kZeroBlock:
        address &= ~static_cast<uint64_t>(params_.zero_block_bytes - 1);
        break;
      case AddressKind::kAddImmediate:
        r[op.dst] = address;
        continue;
      case AddressKind::kInteger:
        aimc::embedded::evaluate(block.integer_ops[op.slot], r);
        continue;
      case AddressKind::kLoadValue:
        if (!load_value(op)) {
          block_->opaque_loads.insert(block.memory[op.slot].op);
          return Stop::kOpaque;
        }
        continue;
    }
    const MemoryOp& access = block.memory[op.slot];
    const uint64_t offset = address - memory_.base();
    if (expect_) report(access, address);
    if (offset >= size || access.bytes > size - offset) {
      if (access.prefetch) {
        addresses_[op.slot] = Pipeline::kNowhere;
        found_[op.slot] = Found::kUnknown;
        ++evaluated_memory_;
        all_found_ = repeatable_ = false;
        continue;
      }
      device_address_ = address;
      return Stop::kDevice;
    }
    const auto first = static_cast<uint32_t>(offset);
    addresses_[op.slot] = first;
    ++evaluated_memory_;
    if (access.load) {
      if (stored_of_late(first, access.bytes)) all_found_ = repeatable_ = false;
      if (stores_ < blurred_until_) repeatable_ = false;
    }
    if (access.store) note_store(first, access.bytes);
    Found& found = found_[op.slot];
    found = all_found_ ? look_up(access, first) : Found::kUnknown;
    all_found_ = found != Found::kUnknown;
    known_ += all_found_;
  }
  return Stop::kEnd;
}

// Looks an access up in the caches' tags, if it is a simple one.
Found CoreModel::look_up(const MemoryOp& access, uint32_t address) {
  Cache& l1d = system_.l1d();
  const LineNumber line = address >> system_.line_shift();
  if (system_.over_two_lines(address, access.bytes)) {
    const LineNumber second = line + 1;
    for (const LineNumber missed : missed_lines_) {
      if (missed == line || missed == second) return Found::kUnknown;
    }
    if (system_.arrival_after(line, last_issue_) || system_.arrival_after(second, last_issue_) ||
        access.bytes > system_.line_bytes() || !l1d.hit(line, access.store) ||
        !l1d.hit(second, access.store)) {
      return Found::kUnknown;
    }
    const uint32_t in_first = (second << system_.line_shift()) - address;
    if (in_first % access.bus_bytes != 0) system_.count_split();
    note_miss(access.op, in_first << 16);
    return Found::kHitBoth;
  }
  if (l1d.hit_most_recent(line, access.store) || l1d.hit(line, access.store)) {
    for (size_t i = 0; i < missed_lines_.size(); ++i) {
      if (missed_lines_[i] != line) continue;
      note_miss(access.op, i + 2);
      return Found::kUnderWay;
    }
    return system_.arrival_after(line, last_issue_) == 0 ? Found::kHit : Found::kUnknown;
  }
  if (access.prefetch || !system_.take_from_l2(line, access.store, pipeline_.now())) {
    return Found::kUnknown;
  }
  missed_lines_.push_back(line);
  note_miss(access.op, 1);
  return Found::kL2;
}

// Tells what has been found of the memory ops from what else might have been; 0: all hit.
uint64_t CoreModel::pattern() const {
  return all_found_ ? misses_ : misses_ ^ (known_ + 1) * 0x9e3779b97f4a7c15ull;
}

// `how`: 1 for a miss, 2 and more for an access to the line of the first, second... miss; more than
// that: an access over two lines.
void CoreModel::note_miss(size_t op, size_t how) {
  misses_ = (misses_ ^ (op << 16) ^ how) * 0x9e3779b97f4a7c15ull;
  misses_ ^= misses_ >> 31;
  misses_ += misses_ == 0;
}

// Whether one of the last stores, as many as the store buffer may hold, may have written there.
bool CoreModel::stored_of_late(uint32_t address, uint32_t bytes) const {
  for (uint32_t at = address >> kStoreShift; at <= (address + bytes - 1) >> kStoreShift; ++at) {
    const LateStore& late = late_stores_[at % late_stores_.size()];
    if (late.where == at && stores_ - late.number < store_window_) return true;
  }
  return false;
}

void CoreModel::note_store(uint32_t address, uint32_t bytes) {
  ++stores_;
  for (uint32_t at = address >> kStoreShift; at <= (address + bytes - 1) >> kStoreShift; ++at) {
    LateStore& late = late_stores_[at % late_stores_.size()];
    if (late.where != at && stores_ - late.number < store_window_) {
      blurred_until_ = late.number + store_window_;
    }
    late = {at, stores_};
  }
}

void CoreModel::report(const MemoryOp& access, uint64_t address) const {
  const uint64_t pc = block_->op_pc(access.op);
  if (access.load) expect_({address, access.bytes, false, pc});
  if (access.store) expect_({address, access.bytes, true, pc});
}

// Puts what the load of `op` will load into its destinations.  False: a store that the emulator
// has yet to execute may change it.
bool CoreModel::load_value(const AddressOp& op) {
  const std::vector<MemoryOp>& memory = block_->memory;
  const MemoryOp& access = memory[op.slot];
  const uint8_t* bytes;
  if (last_device_ && last_device_->op == access.op) {
    bytes = last_device_->data.data();
  } else {
    const uint32_t begin = addresses_[op.slot];
    const uint32_t end = begin + access.bytes;
    for (size_t i = executed_memory_; i < op.slot; ++i) {
      if (memory[i].store && addresses_[i] < end && begin < addresses_[i] + memory[i].bytes) {
        return false;
      }
    }
    bytes = memory_.data() + begin;
  }
  registers_[op.dst] = loaded_value(access, bytes);
  if (op.index != kEvalDiscard) {
    registers_[op.index] = loaded_value(access, bytes + access.element_bytes);
  }
  return true;
}

Events CoreModel::totals() {
  if (block_ && next_op_ < block_->size()) count_ops(next_op_ + (pending_ ? 1 : 0));
  blocks_.flush(events_);
  dma_.advance(now_fs());
  tiles_.count(picoseconds(now_fs()), events_);
  system_.count_rows(pipeline_.now());
  events_[kCycles] = static_cast<uint64_t>(pipeline_.now());
  return events_;
}

}  // namespace aimc::embedded
