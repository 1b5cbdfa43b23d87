// The in-order scoreboard: when each instruction issues, and what the core waits for.
//
// Two forms of the same state.  The absolute form holds the cycle at which each register is ready
// and is stepped instruction by instruction.  When nothing is under way beyond the L1, the state
// relative to the last issue is one of few; it is then a number, and what a block of L1 hits does
// to it is remembered (MemoEntry): the same result as stepping, without the stepping.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_PIPELINE_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_PIPELINE_HH_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "block.hh"
#include "events.hh"
#include "memory_system.hh"
#include "params.hh"

namespace aimc::embedded {

class Pipeline {
 public:
  Pipeline(const CoreParams& core, MemorySystem& memory, Events& events);

  // The cycle in which the last instruction issued.
  Cycle now() const { return now_; }

  // After a branch that was predicted: the next instruction issues in a later cycle.
  void take_branch();

  // After a branch that was not: the next instruction waits for the pipeline to refill.
  void mispredict();

  // Nothing issues before `cycle`; the wait counts as `cause`.
  void stall_until(Cycle cycle, Event cause);

  // Nothing issues until all outstanding memory accesses have arrived.
  void drain() { stall_until(quiet_at(), kCyclesMemory); }

  // Steps ops [first, end) of `block`.  `addresses` are those of its memory ops, as offsets in
  // DRAM; `next_memory` is the first of them, and the first `known_hits` of the range have been
  // looked up in the L1D and found.
  void step(const Block& block, size_t first, size_t end, const uint32_t* addresses,
            size_t next_memory, size_t known_hits);

  // Issues op `op` of `block`, a device access, without its latency.
  void issue_device(const Block& block, size_t op);

  // The result of the device load that issued last is ready at `now`.
  void finish_device(const Block& block, size_t op);

  // Runs all of `block`, whose memory accesses all hit the L1D, from memory or by stepping.
  // Requires quiet().
  void run_hits(Block& block, const uint32_t* addresses);

  // Steps always.  The same times, to check the rest by.
  void set_forgetful() { forgetful_ = true; }

  // Nothing is under way beyond the L1.
  bool quiet() const { return now_ >= quiet_at(); }

 private:
  static constexpr size_t kReady = 72;
  static constexpr size_t kVectors = 32;
  static constexpr uint32_t kAbsolute = 0;  // number of "not a numbered state"
  static constexpr size_t kMaxStates = 1u << 16;

  // Cycles after the last issue at which things are ready, as bytes.
  struct RelativeState {
    std::array<uint8_t, kRegFlags + 1> ready{};
    std::array<uint8_t, kVectors> accumulator{};
    uint8_t issued = 0;
    uint8_t int_used = 0;
    uint8_t simd_used = 0;
    uint8_t load_store_free = 0;
    uint8_t load_store_used = 0;
    uint8_t int_divider_free = 0;
    uint8_t simd_divider_free = 0;

    bool operator==(const RelativeState& other) const;
  };
  struct StateHash {
    size_t operator()(const RelativeState& state) const;
  };

  Cycle quiet_at() const { return std::max(memory_.quiet_at(), stores_done_); }

  // Lets `cycle` be the current one.
  void advance(Cycle cycle, Event cause) {
    events_[cause] += static_cast<uint64_t>(cycle - now_);
    now_ = cycle;
    issued_ = int_used_ = simd_used_ = 0;
  }
  void step_ops(const Block& block, size_t first, size_t end, const uint32_t* addresses,
                size_t next_memory, size_t known_hits);
  void next_cycle() { advance(now_ + 1, kCyclesCompute); }
  Cycle operands_ready(const MicroOp& op) const;
  void wait_for_operands(const MicroOp& op, Cycle latest);
  void wait_if_special(const MicroOp& op);
  void take_unit(const MicroOp& op);
  void take_load_store_unit(const MicroOp& op);
  void write_results(const MicroOp& op, Cycle memory_ready);
  void finish_special(const MicroOp& op);
  Cycle access_memory(const MicroOp& op, const MemoryOp& access, uint32_t address, uint64_t pc);
  void wait_for_store_buffer();
  void enter_store_buffer(Cycle ready);
  Cycle touch_lines(const MemoryOp& access, uint32_t address, bool store, uint64_t pc);

  // Between the two forms.
  void make_absolute();
  bool make_numbered();  // false: the state has no number
  uint32_t number_of(const RelativeState& state);
  uint32_t after_taken(uint32_t state);

  CoreParams core_;
  MemorySystem& memory_;
  Events& events_;

  // Absolute form.  `core_ready` is when a register would be ready if all loads hit the L1D.
  Cycle now_ = 0;
  std::array<Cycle, kReady> ready_{};
  std::array<Cycle, kReady> core_ready_{};
  std::array<Cycle, kReady> accumulator_ready_{};
  int issued_ = 0;
  int int_used_ = 0;
  int simd_used_ = 0;
  Cycle load_store_cycle_ = 0;
  int load_store_used_ = 0;
  Cycle int_divider_free_ = 0;
  Cycle simd_divider_free_ = 0;

  // Times at which the last stores leave the store buffer, oldest first from `store_next_`.
  std::vector<Cycle> store_leaves_;
  size_t store_next_ = 0;
  Cycle last_store_leaves_ = 0;
  Cycle stores_done_ = 0;

  // Numbered form.
  static constexpr int kHitsToNumber = 3;
  bool forgetful_ = false;
  int hits_in_a_row_ = 0;  // blocks since one did not only hit
  uint32_t number_ = kAbsolute;
  std::vector<RelativeState> states_;
  std::vector<uint32_t> after_taken_;
  std::unordered_map<RelativeState, uint32_t, StateHash> numbers_;
};

}  // namespace aimc::embedded

#endif
