// The emulator with its memory map and hooks, which drives the core model.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_MACHINE_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_MACHINE_HH_

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core_model.hh"
#include "guest_memory.hh"
#include "memory_map.hh"
#include "unicorn_api.hh"

namespace aimc::embedded {

enum class Ending : uint8_t {
  kExit,         // the exit call, or the fail call with its code
  kFault,        // message says what the program did
  kTimeout,      // of the host
  kTooLong,      // in simulated time
  kLimit,        // of instructions
  kInterrupted,  // the caller asked
  kInternal,     // a defect of the engine
};

struct Limits {
  double timeout_s = 0;
  uint64_t instructions = 0;  // 0: none
};

struct Outcome {
  Ending ending = Ending::kInternal;
  std::string message;
  uint64_t pc = 0;
  uint64_t exit_code = 0;
  std::optional<uint64_t> open_region;
  std::string console;
  uint64_t instructions = 0;
  Femtoseconds simulated_fs = 0;
  bool polls = false;  // at the end, of a tile
  Events events{};
  std::map<uint64_t, RegionTotals> regions;
};

// Called every few milliseconds with instructions and simulated time.  False: stop.
using Watch = std::function<bool(uint64_t instructions, Femtoseconds simulated)>;

class Machine {
 public:
  // Throws std::runtime_error, std::invalid_argument or std::bad_alloc.
  Machine(const UnicornApi& api, const SystemParams& params, const Image& image);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // Compares every expected access with the emulator's own, and takes no shortcuts in timing.  The
  // results are the same, at a tenth of the speed.
  void check_itself();

  Outcome run(const Limits& limits, const Watch& watch);

 private:
  struct Window {
    Machine* machine;
    uint64_t base;
  };

  static void on_block(uc_engine*, uint64_t pc, uint32_t bytes, void* self);
  static void on_code(uc_engine*, uint64_t pc, uint32_t bytes, void* self);
  static void on_access(uc_engine*, uc_mem_type type, uint64_t address, int bytes, int64_t value,
                        void* self);
  static bool on_invalid(uc_engine*, uc_mem_type type, uint64_t address, int bytes, int64_t value,
                         void* self);
  static void on_interrupt(uc_engine*, uint32_t number, void* self);
  static uint64_t on_read(uc_engine*, uint64_t offset, unsigned bytes, void* window);
  static void on_write(uc_engine*, uint64_t offset, unsigned bytes, uint64_t value, void* window);

  void check(uc_err error, const char* what) const;
  void map_device(uint64_t base, uint64_t bytes);
  void block(uint64_t pc, uint32_t bytes);
  bool hook_segments(const Block& block);
  void run_segment(size_t index);
  void read_registers(const Segment& segment);
  void read_all_registers(EvalRegisters& values);
  void watch_host();
  bool pseudo_instruction(uint32_t operation);
  uint64_t read_register(int number) const;
  void stop(Ending ending, const std::string& message);
  void stop_with_core();
  void restart();
  void compare_access(uint64_t address, uint32_t bytes, bool store);

  const UnicornApi& api_;
  SystemParams params_;
  GuestMemory memory_;
  uc_engine* engine_ = nullptr;
  std::unique_ptr<CoreModel> core_;
  std::vector<std::unique_ptr<Window>> windows_;
  RegisterNumbers numbers_{};
  std::array<void*, kEvalRegisters> model_registers_{};  // addresses of the model's registers
  uint64_t entry_;
  std::set<uint64_t> hooked_;
  std::deque<ExpectedAccess> expected_;

  Limits limits_;
  Watch watch_;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point last_watch_;
  uint32_t blocks_until_watch_ = 0;
  bool stopped_ = false;
  bool restart_ = false;
  Outcome outcome_;
};

}  // namespace aimc::embedded

#endif
