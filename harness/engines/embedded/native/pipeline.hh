// Issue and commit of an in-order core: when each micro-operation leaves, and what it waits for.
//
// Micro-operations issue in order, pass through the units, and commit in order once they are at the
// end of their unit and, for loads, the data are there.  A micro-operation that cannot commit
// stalls its unit.
//
// Timing is memoized, as in FastSim (E. Schnarr and J. Larus, "Fast out-of-order processor
// simulation using memoization", ASPLOS 1998).  The state has two forms.  The absolute form holds
// cycles and is stepped per micro-operation.  Relative to the last commit only few states occur, so
// each gets a number: the numbered form.  What a block does to a numbered state is kept in a table
// (BlockMemo) and replayed; it depends on the key of the table and on the answers of the memory
// system alone.
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
#include "data_cache.hh"
#include "events.hh"
#include "front_end.hh"
#include "functional_unit.hh"
#include "instruction_cache.hh"
#include "load_store_queue.hh"
#include "memory_port.hh"
#include "params.hh"

namespace aimc::embedded {

class Pipeline {
 public:
  Pipeline(const CoreParams& core, InstructionCache& l1i, DataCache& l1d, Events& events);

  // The cycle in which the last micro-operation committed.
  Cycle now() const { return commit_cycle_; }

  enum class Entry : uint8_t {
    kSequential,
    kPredictedTaken,
    kMispredicted,
  };

  // The next instruction is the first of `block`.  `present`: the block's lines are in the L1I.
  void enter(const Block& block, Entry entry, bool present);

  // A block's accesses to memory, per memory op: the addresses, as offsets in DRAM (kNowhere:
  // outside), and what the tag lookups found.
  struct Accesses {
    const uint32_t* addresses = nullptr;
    const Found* found = nullptr;
  };

  // Steps the instructions [first, end) of `block`.
  void step(const Block& block, size_t first, size_t end, Accesses accesses);

  // Runs all of `block`, from the table or by stepping.  `found_key` is the part of the table's key
  // that encodes `accesses.found`.  Timing may depend only on the state, that key and the answers
  // of the memory system.
  void run(Block& block, Accesses accesses, uint64_t found_key);

  // Begins the device access of instruction `index` of `block`.  Returns the issue cycle of its
  // first micro-operation that accesses memory.
  Cycle begin_device(const Block& block, size_t index);
  // The micro-operation that is issued is complete at `complete_cycle`.
  void finish_device(Cycle complete_cycle, Event cause);
  // Returns the issue cycle of the next one; 0: the instruction has no more.
  Cycle next_device_access();

  // Writes the state relative to now() into `bytes`.  Two equal states have an equal future if the
  // memory system, which is not part of the state, answers alike.  False: the state has no such
  // form.
  bool describe(std::string& bytes);
  // How often the future has depended on more than describe() tells.
  uint64_t window_overruns() const { return activity_.overruns(); }
  // Moves the state `cycles` ahead, unchanged.  False: it has no number.
  bool advance(Cycle cycles);

  // Steps every block.  The times are the same; this is to check the memoization.
  void disable_memo() { memo_enabled_ = false; }

  // Whether tag lookups before issue give what lookups at issue would: all stores that have not
  // issued are known hits, and at most one fill is in flight.
  bool quiescent() const {
    const bool only_hits = number_ == kAbsolute ? queue_.only_hits() : states_[number_].only_hits;
    return only_hits && l1d_.fills_in_flight(last_issue()) <= kQuiescentFills;
  }
  // No access issues at or before that cycle any more.
  Cycle last_issue() const {
    return number_ == kAbsolute ? issue_cycle_ : commit_cycle_ - states_[number_].issue_behind;
  }

 private:
  static constexpr uint32_t kAbsolute = 0;  // the number of no state: the form is absolute
  static constexpr size_t kMaxStates = 1u << 16;
  static constexpr int kNumberingPause = 32;
  static constexpr size_t kRecentStores = 64;
  static constexpr size_t kRecentWrites = 64;
  static constexpr size_t kQuiescentFills = 1;

  // When a register can be used.
  struct Register {
    Cycle result = 0;
    Cycle committed = 0;  // by its last writer: twice the cycle, plus 1 if that cycle was then full
  };

  // What entering a block does to a state.
  struct Transition {
    uint32_t out = kAbsolute;  // kAbsolute: not known yet
    uint32_t fetches = 0;
  };
  struct State {
    const std::string* bytes = nullptr;
    Cycle issue_behind = 0;             // from the last issue to the last commit
    bool only_hits = true;              // of the queue
    std::array<Transition, 2> entered;  // predicted taken, mispredicted
  };

  // A micro-operation that has issued and not committed.
  struct InFlight {
    FunctionalUnit* unit = nullptr;
    Cycle at_end = 0;  // of its unit
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
  InFlight issue(const MicroOp& op);
  FunctionalUnit* choose_unit(const MicroOp& op, Cycle& cycle);
  Cycle operands_at(const MicroOp& op) const;
  Cycle address_at(const MicroOp& op) const;
  void run(const MicroOp& op);
  void run_access(const MicroOp& op, Access access);
  void commit(const MicroOp& op, Cycle ready, Cycle ready_hit);
  void enter_front_end(Entry entry, LineNumber line);
  void note_stores(const Block& block, Accesses accesses);

  // pipeline_memo.cc: between the two forms.
  void make_absolute();
  bool make_numbered();  // false: the state has no number
  bool write_state(std::string& bytes);
  void read_state(const std::string& bytes, Cycle origin);
  uint32_t number_of(const std::string& bytes, bool only_hits);
  void clear_memo();

  int width_;
  int memory_width_;
  DataCache& l1d_;
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

  // The device access in flight.
  const Block* device_block_ = nullptr;
  size_t device_op_ = 0;
  size_t device_end_ = 0;
  InFlight device_in_flight_;
  Cycle device_issue_cycle_ = 0;

  // The last stores, to restore the store buffer from its numbers.
  std::array<Access, kRecentStores> recent_stores_{};
  int64_t next_store_ = 0;

  // Numbered form.
  bool memo_enabled_ = true;
  bool both_forms_ = false;  // there is a number, and the absolute form is up to date as well
  int numbering_pause_ = 0;  // instructions before the next attempt to number a state
  uint32_t number_ = kAbsolute;
  std::vector<State> states_;
  std::unordered_map<std::string, uint32_t> numbers_;
  std::string scratch_;
  BlockMemo memo_;
  std::vector<MemoryPort::Outcome> answers_;  // of the current block's replay
};

}  // namespace aimc::embedded

#endif
