#include "core_model.hh"

#include "clock.hh"
#include "text.hh"

namespace aimc::embedded {

CoreModel::CoreModel(const SystemParams& params, const RegisterNumbers& numbers,
                     GuestMemory& memory)
    : period_(params.core.period_fs),
      memory_(params.core, params.caches, params.dram, params.dma, counters_.events()),
      pipeline_(params.core, memory_.l1i(), memory_.l1d(), counters_.events()),
      fetch_(memory_.l1i()),
      predictor_(static_cast<size_t>(params.core.branch_predictor_entries)),
      tiles_(params.tiles, params.tile),
      dma_(tiles_, memory, memory_.dma(), params.dma, params.tile),
      devices_(DevicePath(params.attach, params.caches, params.core.period_fs), tiles_, dma_),
      blocks_(params.core, params.zero_block_bytes, memory_.lines().shift, numbers, memory,
              [this](Block& block) { forget(block); }),
      evaluator_(memory, params.zero_block_bytes),
      tags_(params.core, memory_.l1d()),
      poll_loop_(period_, devices_.path().period(), pipeline_, predictor_, tiles_, dma_, counters_,
                 attribution_),
      device_port_(period_, params.attach.through_caches ? &memory_.l1d() : nullptr, devices_,
                   pipeline_, counters_, attribution_, poll_loop_, failure_) {
  if (params.tiles > 0 && params.tile.dma) {
    memory_.set_catch_up([this](Femtoseconds now) { dma_.advance(now); });
  }
}

Block* CoreModel::find_block(uint64_t pc, uint32_t bytes) {
  Block* block = blocks_.find(pc, bytes);
  if (!block) failure_.refuse(blocks_.refusal().pc, blocks_.refusal().message);
  return block;
}

// `block` is about to be destroyed.
void CoreModel::forget(Block& block) {
  block.flush(counters_.events());
  fetch_.forget(block);
  if (block_ == &block) block_ = nullptr;
  poll_loop_.leave();
}

// How the program got from the current block to the one at `next`.  Nothing: see failure().
std::optional<Pipeline::Entry> CoreModel::leave_block(uint64_t next) {
  const Block& block = *block_;
  const auto wrong = [this](const std::string& message) {
    failure_.fail(message);
    return std::nullopt;
  };
  if (device_port_.pending() || next_op_ != block.size()) {
    return wrong("the emulator left the block at " + hex(block.pc) + " before its end");
  }
  if (!block.unknown.empty()) {
    failure_.refuse(block.unknown_pc, block.unknown);
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
  // A branch to the next instruction has no effect, whatever its prediction was.
  if (direct && !conditional && next == block.end()) return Pipeline::Entry::kSequential;
  if (!predictor_.resolve(block.branch, block.end() - 4, next, block.end())) {
    ++counters_.events()[kBranchMispredicts];
    return Pipeline::Entry::kMispredicted;
  }
  return taken ? Pipeline::Entry::kPredictedTaken : Pipeline::Entry::kSequential;
}

CoreModel::Progress CoreModel::enter(Block& block) {
  Pipeline::Entry entry = Pipeline::Entry::kSequential;
  poll_loop_.enter(block);
  if (block_) {
    const std::optional<Pipeline::Entry> how = leave_block(block.pc);
    if (!how) return Progress::kFailed;
    entry = *how;
  }
  block_ = &block;
  next_op_ = 0;
  counters_.enter();
  evaluator_.enter(block);
  tags_.enter(block);
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
  segment_ = index;
  evaluator_.begin_segment(block_->segments[index]);
  return run_on(true);
}

// Models from the first instruction that has not been modelled to the end of the segment, or to the
// next device access.  `start`: nothing of the segment has been modelled, so that the block can
// still be prepared again.
CoreModel::Progress CoreModel::run_on(bool start) {
  using Step = AddressEvaluator::Step;
  Block& block = *block_;
  tags_.begin(pipeline_.quiescent(), pipeline_.last_issue(), pipeline_.now());
  const Step stop = evaluate();
  if (stop == Step::kOpaque ||
      (stop == Step::kDevice && start && evaluator_.make_opaque_after_device())) {
    if (!start) {
      failure_.fail("the addresses in the block at " + hex(block.pc) + " cannot be followed");
      return Progress::kFailed;
    }
    counters_.count_to(block, next_op_);
    blocks_.make_stale(block);
    block_ = nullptr;
    return Progress::kRebuild;
  }
  if (stop == Step::kEnd) {
    const size_t end = block.segments[segment_].end_op;
    if (next_op_ == 0 && end == block.size() && tags_.memoizable()) {
      pipeline_.run(block, accesses(), tags_.key());
    } else {
      pipeline_.step(block, next_op_, end, accesses());
    }
    next_op_ = end;
    if (end == block.size()) counters_.count_block(block);
    return Progress::kReady;
  }
  const MemoryOp& device = block.memory[evaluator_.slot()];
  pipeline_.step(block, next_op_, device.op, accesses());
  next_op_ = device.op;
  const bool begun = device_port_.begin(block, device, evaluator_.address());
  return begun ? Progress::kReady : Progress::kFailed;
}

// Evaluates addresses and looks them up in the tags, up to the first that is no access to DRAM.
AddressEvaluator::Step CoreModel::evaluate() {
  using Step = AddressEvaluator::Step;
  for (;;) {
    const Step step = evaluator_.next();
    if (step == Step::kEnd || step == Step::kOpaque) return step;
    const size_t slot = evaluator_.slot();
    const MemoryOp& access = block_->memory[slot];
    if (expect_) expect(access);
    if (step == Step::kDevice) return step;
    if (step == Step::kNowhere) {
      tags_.add_nowhere(slot);
    } else {
      tags_.add(slot, access, evaluator_.addresses()[slot]);
    }
  }
}

void CoreModel::expect(const MemoryOp& access) const {
  const uint64_t pc = block_->op_pc(access.op);
  const uint64_t address = evaluator_.address();
  if (access.load) expect_({address, access.bytes, false, pc});
  if (access.store) expect_({address, access.bytes, true, pc});
}

bool CoreModel::device_read(uint64_t address, uint32_t bytes, uint64_t* value) {
  return after_device(device_port_.read(address, bytes, value));
}

bool CoreModel::device_write(uint64_t address, uint32_t bytes, uint64_t value) {
  return after_device(device_port_.write(address, bytes, value));
}

// Models what follows a device access, once it is complete.
bool CoreModel::after_device(DevicePort::Progress progress) {
  if (progress != DevicePort::Progress::kComplete) {
    return progress == DevicePort::Progress::kPending;
  }
  last_device_ = device_port_.take();
  next_op_ = last_device_.op + 1;
  evaluator_.pass_device(&last_device_);
  return run_on(false) != Progress::kFailed;
}

Events CoreModel::totals() {
  if (block_ && next_op_ < block_->size()) {
    counters_.count_to(*block_, next_op_ + (device_port_.pending() ? 1 : 0));
  }
  Events& events = counters_.events();
  blocks_.flush(events);
  dma_.advance(now_fs());
  tiles_.count(picoseconds(now_fs()), events);
  memory_.count_rows(pipeline_.now());
  events[kCycles] = static_cast<uint64_t>(pipeline_.now());
  return events;
}

}  // namespace aimc::embedded
