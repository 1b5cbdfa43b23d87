// Issue and commit of an in-order core: when each micro-operation leaves, and what it waits for.
//
// Micro-operations issue in order, go through the units, and commit in order when they are at the
// end of theirs and, of loads, the data are there.  One that cannot commit holds up its unit.
//
// Two forms of the same state.  The absolute form holds the cycles of everything and is stepped
// micro-operation by micro-operation.  Relative to the last commit the state is one of few; it is
// then a number, and what a block does to it is remembered (BlockMemo), for each sequence of
// answers of the memory system: the same result as stepping, without the stepping.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_PIPELINE_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_PIPELINE_HH_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "access.hh"
#include "activity.hh"
#include "block.hh"
#include "block_memo.hh"
#include "events.hh"
#include "front_end.hh"
#include "functional_unit.hh"
#include "load_store_queue.hh"
#include "memory_port.hh"
#include "memory_system.hh"
#include "params.hh"

namespace aimc::embedded {

class Pipeline {
 public:
  Pipeline(const CoreParams& core, MemorySystem& memory, Events& events);

  // The cycle in which the last micro-operation committed.
  Cycle now() const { return commit_cycle_; }

  enum class Entry : uint8_t {
    kSequential,
    kPredictedTaken,
    kMispredicted,
  };

  // The next instruction is the first of `block`; `present`: its lines are in the L1I.
  void enter(const Block& block, Entry entry, bool present);

  // What has been evaluated of a block's memory ops: `addresses`, as offsets in DRAM (kNowhere:
  // elsewhere), and what was `found` in the caches; one each for a memory op.
  struct Accesses {
    const uint32_t* addresses = nullptr;
    const Found* found = nullptr;
  };

  // Steps the instructions [first, end) of `block`.
  void step(const Block& block, size_t first, size_t end, Accesses accesses);

  // Runs all of `block`, from memory or by stepping.  `pattern` tells what was found from what else
  // might have been; nothing but that and the answers of the memory system may make a difference.
  void run(Block& block, Accesses accesses, uint64_t pattern);

  // Begins instruction `index` of `block`, a device access: up to its first access, or after
  // finish_device() to its next one.  Returns when that is sent; 0: there is none, it is done.
  Cycle begin_device(const Block& block, size_t index);
  void finish_device(Cycle over, Event cause);
  Cycle next_device_access();

  // The state in bytes relative to now(): equal ones have an equal future, as far as the memory
  // system, which they do not have, answers alike.  False: it cannot be told.
  bool describe(std::string& bytes);
  // How often the future has depended on more than that.
  uint64_t far() const { return activity_.far(); }
  // The state becomes what it is, `cycles` later.  False: it cannot.
  bool pass(Cycle cycles);

  // Steps always.  The same times, to check the rest by.
  void set_forgetful() { forgetful_ = true; }

  // What the next instructions do does not depend on what is under way beyond the L1s, as long as
  // they do not access that.
  bool calm() const {
    const bool settled = number_ == kAbsolute ? queue_.settled() : states_[number_].settled;
    return settled && memory_.lines_under_way(last_issue()) <= kCalmLines;
  }
  // No access is sent at or before that cycle any more.
  Cycle last_issue() const {
    return number_ == kAbsolute ? issue_cycle_ : commit_cycle_ - states_[number_].issue_behind;
  }

  static constexpr uint32_t kNowhere = ~0u;

 private:
  static constexpr uint32_t kAbsolute = 0;  // number of "not a numbered state"
  static constexpr size_t kMaxStates = 1u << 16;
  static constexpr int kPatience = 32;
  static constexpr size_t kRecentStores = 64;
  static constexpr size_t kRecentWrites = 64;
  static constexpr size_t kCalmLines = 1;

  // When a register can be used.
  struct Register {
    Cycle result = 0;
    Cycle committed = 0;  // its last writer: twice the cycle, and 1 if that cycle was then full
  };

  // What a state becomes as the next block is entered.
  struct Transition {
    uint32_t out = kAbsolute;
    uint32_t fetches = 0;
  };
  struct State {
    const std::string* bytes = nullptr;
    Cycle issue_behind = 0;             // the last issue was so long before the last commit
    bool settled = true;                // of the queue
    std::array<Transition, 2> entered;  // predicted taken, mispredicted
  };

  // One micro-operation on its way.
  struct Flight {
    FunctionalUnit* unit = nullptr;
    Cycle at_end = 0;
  };

  void fetch(LineNumber line);
  void delay_from(Cycle cycle);
  void delay_registers(Delay delay);
  void step_instructions(const Block& block, size_t first, size_t end, Accesses accesses);
  Access access_of(const Block& block, size_t index, Accesses accesses) const;
  Access store_of(const Block& block, int64_t number, Accesses accesses) const;
  bool replay(const Block& block, Accesses accesses, uint32_t& node);
  void step_recorded(const Block& block, Accesses accesses, const BlockMemo::Key& key,
                     uint32_t node);
  Flight issue(const MicroOp& op);
  FunctionalUnit* choose_unit(const MicroOp& op, Cycle& cycle);
  Cycle operands_at(const MicroOp& op) const;
  Cycle address_at(const MicroOp& op) const;
  void run(const MicroOp& op);
  void run_access(const MicroOp& op, Access access);
  void commit(const MicroOp& op, Cycle ready, Cycle ready_hit);
  void enter_front_end(Entry entry, LineNumber line);
  void note_stores(const Block& block, Accesses accesses);

  // Between the two forms.
  void make_absolute();
  bool make_numbered();  // false: the state has no number
  bool write_state(std::string& bytes);
  void read_state(const std::string& bytes, Cycle origin);
  uint32_t number_of(const std::string& bytes, bool settled);
  void forget_all();

  int width_;
  int memory_width_;
  MemorySystem& memory_;
  Events& events_;
  MemoryPort port_;
  Activity activity_;
  FrontEnd front_end_;
  LoadStoreQueue queue_;
  std::vector<FunctionalUnit> units_;
  struct Range {
    size_t begin = 0;
    size_t end = 0;
  };
  std::array<Range, kUnits> unit_ranges_{};  // of each kind in units_

  std::array<Register, kTracked> registers_{};
  std::array<bool, kTracked> dot_results_{};
  struct Write {
    uint8_t number = kNoReg;  // of the register; kNoReg: not known
    Cycle committed = 0;      // as in Register
  };
  std::array<Write, kRecentWrites> recent_writes_{};
  size_t next_write_ = 0;
  Cycle issue_cycle_ = 0;
  int issued_ = 0;  // in that cycle
  int issued_accesses_ = 0;
  bool issue_full_ = false;  // nothing more can issue in it
  Cycle commit_cycle_ = 0;
  int committed_ = 0;  // in that cycle
  int committed_accesses_ = 0;

  // Of the device access under way.
  const Block* device_block_ = nullptr;
  size_t device_op_ = 0;
  size_t device_end_ = 0;
  Flight device_flight_;
  Cycle device_sent_ = 0;

  // The last stores, for when the store buffer's content must be known again.
  std::array<Access, kRecentStores> recent_stores_{};
  int64_t next_store_ = 0;

  // Numbered form.
  bool forgetful_ = false;
  bool both_forms_ = false;  // the absolute form is up to date although there is a number
  int patience_ = 0;         // instructions before the next attempt to number a state
  uint32_t number_ = kAbsolute;
  std::vector<State> states_;
  std::unordered_map<std::string, uint32_t> numbers_;
  std::string scratch_;
  BlockMemo memo_;
  std::vector<MemoryPort::Outcome> known_;  // of the block under way
};

}  // namespace aimc::embedded

#endif
