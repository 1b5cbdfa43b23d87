#include "machine.hh"

#include <stdexcept>

#include "aimc_tile/core/registers.h"
#include "kernels/include/platform.h"
#include "text.hh"

namespace aimc::embedded {

namespace {

constexpr uint32_t kBlocksPerWatch = 1024;
constexpr std::chrono::milliseconds kWatchPeriod(5);
// More than an hour of simulated time.  It is half of the clock's range, so that times in the
// future fit as well.
constexpr Femtoseconds kLongest = INT64_MAX / 2;

RegisterNumbers register_numbers() {
  RegisterNumbers numbers{};
  for (int i = 0; i < 29; ++i) numbers[static_cast<size_t>(i)] = UC_ARM64_REG_X0 + i;
  numbers[29] = UC_ARM64_REG_X29;
  numbers[30] = UC_ARM64_REG_X30;
  numbers[kEvalSp] = UC_ARM64_REG_SP;
  numbers[kEvalFlags] = UC_ARM64_REG_NZCV;
  return numbers;
}

const char* exception_name(uint32_t number) {
  switch (number) {
    case 1:
      return "an undefined instruction";
    case 2:
      return "SVC";
    case 3:
      return "a prefetch abort";
    case 4:
      return "a data abort";
    case 7:
      return "a breakpoint";
    default:
      return "an exception";
  }
}

}  // namespace

Machine::Machine(const UnicornApi& api, const SystemParams& params, const Image& image)
    : api_(api),
      params_(params),
      memory_(PLATFORM_DRAM_BASE, params.dram.size_bytes),
      numbers_(register_numbers()),
      entry_(image.entry) {
  load_image(image, memory_);
  check(api_.open(UC_ARCH_ARM64, UC_MODE_ARM, &engine_), "open");
  try {
    check(api_.ctl(engine_, UC_CTL_WRITE(UC_CTL_CPU_MODEL, 1), UC_CPU_ARM64_MAX), "CPU model");
    check(map_memory(api_, engine_, image, memory_), "DRAM");
    uc_arm64_cp_reg dczid{0, 0, 3, 3, 7, 0};  // DCZID_EL0: [3:0] log2 of words
    check(api_.reg_read(engine_, UC_ARM64_REG_CP_REG, &dczid), "DCZID_EL0");
    params_.zero_block_bytes = 4u << (dczid.val & 15);
    core_ = std::make_unique<CoreModel>(params_, numbers_, memory_);
    core_->set_pseudo_instruction([this](uint32_t op) { return pseudo_instruction(op); });
    core_->set_read_all_registers([this](EvalRegisters& values) { read_all_registers(values); });
    for (size_t i = 0; i < model_registers_.size(); ++i)
      model_registers_[i] = &core_->registers()[i];
    map_device(PLATFORM_M5OPS_BASE, kM5opsBytes);
    map_device(PLATFORM_UART_BASE, kUartBytes);
    if (params_.tiles > 0) map_device(PLATFORM_TILE_BASE, params_.tiles * AIMC_TILE_WINDOW);
    uc_hook hook;
    const auto add = [this, &hook](int type, auto* callback) {
      check(api_.hook_add(engine_, &hook, type, reinterpret_cast<void*>(callback), this, 1, 0),
            "hook");
    };
    add(UC_HOOK_BLOCK, &Machine::on_block);
    add(UC_HOOK_INTR, &Machine::on_interrupt);
    add(UC_HOOK_MEM_UNMAPPED | UC_HOOK_MEM_PROT, &Machine::on_invalid);
  } catch (...) {
    api_.close(engine_);
    throw;
  }
}

Machine::~Machine() {
  if (engine_) api_.close(engine_);
}

void Machine::check(uc_err error, const char* what) const {
  if (error != UC_ERR_OK) {
    throw std::runtime_error(std::string("libunicorn: ") + what + ": " + api_.strerror(error));
  }
}

void Machine::map_device(uint64_t base, uint64_t bytes) {
  windows_.push_back(std::make_unique<Window>(Window{this, base}));
  Window* window = windows_.back().get();
  check(api_.mmio_map(engine_, base, bytes, &Machine::on_read, window, &Machine::on_write, window),
        "device");
}

void Machine::check_itself() {
  uc_hook hook;
  check(api_.hook_add(engine_, &hook, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE,
                      reinterpret_cast<void*>(&Machine::on_access), this, 1, 0),
        "hook");
  core_->set_check([this](const ExpectedAccess& access) { expected_.push_back(access); });
}

uint64_t Machine::read_register(int number) const {
  uint64_t value = 0;
  api_.reg_read(engine_, number, &value);
  return value;
}

void Machine::stop(Ending ending, const std::string& message) {
  if (!stopped_) {
    stopped_ = true;
    outcome_.ending = ending;
    outcome_.message = message;
  }
  api_.emu_stop(engine_);
}

void Machine::stop_with_core() {
  stop(core_->failure().refused() ? Ending::kFault : Ending::kInternal, core_->failure().message());
}

void Machine::restart() {
  restart_ = true;
  expected_.clear();
  api_.emu_stop(engine_);
}

void Machine::on_block(uc_engine*, uint64_t pc, uint32_t bytes, void* self) {
  static_cast<Machine*>(self)->block(pc, bytes);
}

void Machine::block(uint64_t pc, uint32_t bytes) {
  if (stopped_ || restart_) return;
  if (--blocks_until_watch_ == 0) watch_host();
  if (!expected_.empty()) {
    stop(Ending::kInternal, "the access at " + hex(expected_.front().pc) + " did not happen");
    return;
  }
  outcome_.pc = pc;
  Block* block = core_->find_block(pc, bytes);
  if (!block) {
    stop_with_core();
    return;
  }
  if (block->segments.size() > 1 && hook_segments(*block)) {
    restart();
    return;
  }
  if (core_->enter(*block) == CoreModel::Progress::kFailed) {
    stop_with_core();
    return;
  }
  run_segment(0);
  if (limits_.instructions && core_->instructions() > limits_.instructions) {
    stop(Ending::kLimit, "");
  }
}

// Has the emulator call at the start of each later segment.  True: a hook is new, so that the
// emulator's translation of the block lacks it.
bool Machine::hook_segments(const Block& block) {
  bool added = false;
  for (size_t i = 1; i < block.segments.size(); ++i) {
    const uint64_t pc = block.op_pc(block.segments[i].first_op);
    if (!hooked_.insert(pc).second) continue;
    uc_hook hook;
    if (api_.hook_add(engine_, &hook, UC_HOOK_CODE, reinterpret_cast<void*>(&Machine::on_code),
                      this, pc, pc) != UC_ERR_OK) {
      stop(Ending::kInternal, "libunicorn refuses a hook");
      return false;
    }
    added = true;
  }
  return added;
}

void Machine::on_code(uc_engine*, uint64_t pc, uint32_t, void* self) {
  auto* machine = static_cast<Machine*>(self);
  if (machine->stopped_ || machine->restart_) return;
  const std::optional<size_t> segment = machine->core_->next_segment_at(pc);
  if (segment) machine->run_segment(*segment);
}

void Machine::read_registers(const Segment& segment) {
  const size_t count = segment.registers.size();
  if (count == 0) return;
  std::array<void*, kEvalRegisters> targets;
  for (size_t i = 0; i < count; ++i) targets[i] = model_registers_[segment.registers[i]];
  api_.reg_read_batch(engine_, const_cast<int*>(segment.emulator_registers.data()), targets.data(),
                      static_cast<int>(count));
  if (segment.registers.back() == kEvalFlags) {
    uint64_t& flags = core_->registers()[kEvalFlags];
    flags = (flags >> 28) & 15;
  }
}

void Machine::read_all_registers(EvalRegisters& values) {
  std::array<int, kEvalRegisters> numbers;
  std::array<void*, kEvalRegisters> targets;
  int count = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i == kEvalZero || i == kEvalDiscard) continue;
    numbers[static_cast<size_t>(count)] = numbers_[i];
    targets[static_cast<size_t>(count++)] = &values[i];
  }
  api_.reg_read_batch(engine_, numbers.data(), targets.data(), count);
}

void Machine::run_segment(size_t index) {
  read_registers(core_->current()->segments[index]);
  switch (core_->run_segment(index)) {
    case CoreModel::Progress::kReady:
      return;
    case CoreModel::Progress::kRebuild:
      restart();
      return;
    case CoreModel::Progress::kFailed:
      stop_with_core();
      return;
  }
}

void Machine::watch_host() {
  blocks_until_watch_ = kBlocksPerWatch;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_watch_ < kWatchPeriod) return;
  last_watch_ = now;
  if (std::chrono::duration<double>(now - start_).count() > limits_.timeout_s) {
    stop(Ending::kTimeout, "");
  } else if (core_->now_fs() > kLongest) {
    stop(Ending::kTooLong, "");
  } else if (!watch_(core_->instructions(), core_->now_fs())) {
    stop(Ending::kInterrupted, "");
  }
}

uint64_t Machine::on_read(uc_engine*, uint64_t offset, unsigned bytes, void* window) {
  const auto* w = static_cast<Window*>(window);
  Machine& machine = *w->machine;
  uint64_t value = 0;
  if (!machine.stopped_ && !machine.core_->device_read(w->base + offset, bytes, &value)) {
    machine.stop_with_core();
  }
  return value;
}

void Machine::on_write(uc_engine*, uint64_t offset, unsigned bytes, uint64_t value, void* window) {
  const auto* w = static_cast<Window*>(window);
  Machine& machine = *w->machine;
  if (!machine.stopped_ && !machine.core_->device_write(w->base + offset, bytes, value)) {
    machine.stop_with_core();
  }
}

bool Machine::pseudo_instruction(uint32_t operation) {
  Regions& regions = core_->regions();
  const uint64_t x0 = read_register(UC_ARM64_REG_X0);
  std::optional<std::string> wrong;
  switch (operation) {
    case PLATFORM_M5_EXIT:
      stop(Ending::kExit, "");
      return false;
    case PLATFORM_M5_FAIL:
      outcome_.exit_code = read_register(UC_ARM64_REG_X1);
      stop(Ending::kExit, "");
      return false;
    case PLATFORM_M5_WORK_BEGIN:
      wrong = regions.begin(x0, core_->totals());
      break;
    case PLATFORM_M5_WORK_END:
      wrong = regions.end(x0, core_->totals());
      break;
    default:
      wrong = "the pseudo-instruction " + hex(operation) + " is not supported";
      break;
  }
  if (wrong) stop(Ending::kFault, *wrong);
  return !wrong;
}

bool Machine::on_invalid(uc_engine*, uc_mem_type type, uint64_t address, int bytes, int64_t,
                         void* self) {
  std::string what;
  switch (type) {
    case UC_MEM_WRITE_PROT:
      what = "the program wrote to its code at " + hex(address);
      break;
    case UC_MEM_FETCH_PROT:
      what = "the program executes at " + hex(address) + ", which is no code";
      break;
    default:
      what = std::string("the program ") +
             (type == UC_MEM_WRITE_UNMAPPED  ? "wrote "
              : type == UC_MEM_READ_UNMAPPED ? "read "
                                             : "fetched ") +
             std::to_string(bytes) + " bytes at " + hex(address) + ", where nothing is";
      break;
  }
  static_cast<Machine*>(self)->stop(Ending::kFault, what);
  return false;
}

void Machine::on_interrupt(uc_engine*, uint32_t number, void* self) {
  auto* machine = static_cast<Machine*>(self);
  machine->stop(Ending::kFault, std::string("the program raised ") + exception_name(number) + " (" +
                                    std::to_string(number) + ")");
}

void Machine::on_access(uc_engine*, uc_mem_type type, uint64_t address, int bytes, int64_t,
                        void* self) {
  static_cast<Machine*>(self)->compare_access(address, static_cast<uint32_t>(bytes),
                                              type == UC_MEM_WRITE);
}

void Machine::compare_access(uint64_t address, uint32_t bytes, bool store) {
  if (stopped_ || restart_) return;
  if (expected_.empty()) {
    stop(Ending::kInternal, "the access to " + hex(address) + " was not foreseen");
    return;
  }
  ExpectedAccess& access = expected_.front();
  if (access.address != address || access.store != store || access.bytes < bytes) {
    stop(Ending::kInternal, "the access at " + hex(access.pc) + " was foreseen at " +
                                hex(access.address) + " and went to " + hex(address));
    return;
  }
  access.address += bytes;
  access.bytes -= bytes;
  if (access.bytes == 0) expected_.pop_front();
}

Outcome Machine::run(const Limits& limits, const Watch& watch) {
  limits_ = limits;
  watch_ = watch;
  start_ = last_watch_ = std::chrono::steady_clock::now();
  blocks_until_watch_ = kBlocksPerWatch;
  uint64_t pc = entry_;
  uc_err error = UC_ERR_OK;
  do {
    restart_ = false;
    error = api_.emu_start(engine_, pc, ~0ull, 0, 0);
    pc = read_register(UC_ARM64_REG_PC);
    if (restart_ && !stopped_) {
      // Translations of these addresses have no calls to the new hooks.
      check(api_.ctl(engine_, UC_CTL_WRITE(UC_CTL_TB_REMOVE_CACHE, 2), pc, pc + 4), "cache");
    }
  } while (restart_ && !stopped_ && error == UC_ERR_OK);

  outcome_.pc = core_->failure_pc().value_or(pc);
  if (!stopped_) {
    stopped_ = true;
    outcome_.ending = Ending::kFault;
    outcome_.message = error == UC_ERR_OK
                           ? std::string("the program stopped without its exit call")
                           : std::string("the emulator gave up: ") + api_.strerror(error);
  }
  outcome_.events = core_->totals();
  outcome_.console = core_->console();
  outcome_.instructions = core_->instructions();
  outcome_.simulated_fs = core_->now_fs();
  outcome_.polls = core_->polls();
  outcome_.open_region = core_->regions().open();
  outcome_.regions = core_->regions().totals();
  return outcome_;
}

}  // namespace aimc::embedded
