// Issue and commit of an in-order core: when each micro-operation leaves, and what it waits for.
//
// Micro-operations issue in order, go through the units, and commit in order when they are at the
// end of theirs and, of loads, the data are there.  One that cannot commit holds up its unit.
//
// Two forms of the same state.  The absolute form holds the cycles of everything and is stepped
// micro-operation by micro-operation.  While nothing is under way beyond the L1s, the state
// relative to the last commit is one of few; it is then a number, and what a block of L1 hits does
// to it is remembered (MemoEntry): the same result as stepping, without the stepping.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_PIPELINE_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_PIPELINE_HH_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "activity.hh"
#include "block.hh"
#include "events.hh"
#include "front_end.hh"
#include "functional_unit.hh"
#include "load_store_queue.hh"
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
    const LineNumber* missed = nullptr;  // lines that are not in the L1D
    size_t missed_count = 0;
  };

  // Steps the instructions [first, end) of `block`, whose first memory op is `next_memory`.
  void step(const Block& block, size_t first, size_t end, Accesses accesses, size_t next_memory);

  // Runs all of `block`, of whose memory accesses all was found, and which read nothing that the
  // store buffer may hold, from memory or by stepping.  `misses` tells which of them do not hit the
  // L1D, and how; 0: all do.  Requires calm(), and that no access is to a line under way.
  void run_found(Block& block, Accesses accesses, uint64_t misses);

  // Begins instruction `index` of `block`, a device access: up to its first access, or after
  // finish_device() to its next one.  Returns when that is sent; 0: there is none, it is done.
  Cycle begin_device(const Block& block, size_t index);
  void finish_device(Cycle over, Event cause);
  Cycle next_device_access();

  // Steps always.  The same times, to check the rest by.
  void set_forgetful() { forgetful_ = true; }

  // What the next instructions do does not depend on what is under way beyond the L1s, as long as
  // they do not access that.
  bool calm() const {
    return queue_.settled() && memory_.lines_under_way(last_issue()) <= kCalmLines;
  }
  // No access is sent at or before that cycle any more.
  Cycle last_issue() const {
    return number_ == kAbsolute ? issue_cycle_ : commit_cycle_ - states_[number_].issue_behind;
  }

  static constexpr uint32_t kNowhere = ~0u;

 private:
  static constexpr uint32_t kAbsolute = 0;  // number of "not a numbered state"
  static constexpr size_t kMaxStates = 1u << 17;
  static constexpr int kHitsToNumber = 32;
  static constexpr size_t kRecentStores = 16;
  static constexpr size_t kCalmLines = 1;
  static constexpr size_t kMissEntries = 1u << 16;

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
    std::string bytes;
    Cycle issue_behind = 0;             // the last issue was so long before the last commit
    std::array<Transition, 2> entered;  // predicted taken, mispredicted
  };

  // What a block with misses does to a state.
  struct MissEntry {
    uint64_t block = 0;  // serial number; 0: none
    uint64_t misses = 0;
    uint32_t in = 0;  // as in MemoEntry
    uint32_t out = 0;
    uint32_t computing = 0;
    uint32_t waiting = 0;
    uint32_t fetches = 0;
    // Of the missed lines, the one that is under way at the end, and until how long after it.
    int16_t under_way = -1;
    int16_t arrives_after = 0;
  };

  // One micro-operation on its way.
  struct Flight {
    FunctionalUnit* unit = nullptr;
    Cycle at_end = 0;
  };

  void fetch(LineNumber line);
  void delay_from(Cycle cycle);
  void step_instructions(const Block& block, size_t first, size_t end, Accesses accesses,
                         size_t next_memory);
  template <typename Remembered>
  void count(const Remembered& entry);
  bool recall(Block& block, uint32_t key, Accesses accesses, uint64_t misses);
  void remember(Block& block, uint32_t key, Accesses accesses, uint64_t misses,
                const Events& before);
  Flight issue(const MicroOp& op);
  FunctionalUnit* choose_unit(const MicroOp& op, Cycle& cycle);
  Cycle operands_at(const MicroOp& op) const;
  Cycle address_at(const MicroOp& op) const;
  void run(const MicroOp& op);
  void run_access(const MicroOp& op, const Access& access);
  void commit(const MicroOp& op, Cycle ready, Cycle ready_hit);
  void enter_front_end(Entry entry, LineNumber line);
  void remember_stores(const Block& block, const uint32_t* addresses);

  // Between the two forms.
  void make_absolute();
  bool make_numbered();  // false: the state has no number
  bool write_state(std::string& bytes);
  void read_state(const std::string& bytes, Cycle origin);
  uint32_t number_of(const std::string& bytes);

  int width_;
  int memory_width_;
  MemorySystem& memory_;
  Events& events_;
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
  struct Stored {
    uint32_t address = 0;
    uint32_t bytes = 0;
  };
  std::array<Stored, kRecentStores> recent_stores_{};
  size_t next_store_ = 0;

  // Numbered form.
  bool forgetful_ = false;
  int hits_in_a_row_ = 0;  // instructions of blocks since one did not only hit
  uint32_t number_ = kAbsolute;
  std::vector<State> states_;
  std::unordered_map<std::string, uint32_t> numbers_;
  std::string scratch_;
  std::vector<MissEntry> miss_entries_ = std::vector<MissEntry>(kMissEntries);

  MissEntry& miss_entry(const Block& block, uint32_t key, uint64_t misses) {
    uint64_t hash = (block.serial * 0x9e3779b97f4a7c15ull ^ key) * 0xff51afd7ed558ccdull ^ misses;
    hash ^= hash >> 29;
    return miss_entries_[(hash * 0x9e3779b97f4a7c15ull) >> 48];
  }
};

}  // namespace aimc::embedded

#endif
