// The load/store queue, with the store buffer: when accesses issue to memory and complete.
//
// The queue has the structure of gem5's Minor (src/cpu/minor/lsq.hh).  Each access passes through a
// one-entry requests queue into a two-entry transfers queue and stays there until it commits.  A
// store enters the transfers queue at once, a load when memory accepts it.  A committed store moves
// to the store buffer and issues from there.  Memory holds at most two accesses at a time; loads
// come first.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_LOAD_STORE_QUEUE_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_LOAD_STORE_QUEUE_HH_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "access.hh"
#include "activity.hh"
#include "data_cache.hh"
#include "memory_port.hh"
#include "params.hh"
#include "state_bytes.hh"

namespace aimc::embedded {

// The states of a store after its commit, as in Minor's LSQRequestState.  Loads, and stores before
// their commit, keep no state: load() and store() compute at once when they leave each queue.
enum class StoreState : uint8_t {
  kInStoreBuffer,  // committed, not issued to memory (Minor: StoreInStoreBuffer)
  kIssued,         // in memory, which has not completed it (Minor: StoreBufferIssuing)
  kComplete,       // written; its entry of the store buffer is free (Minor: Complete)
};

class LoadStoreQueue {
 public:
  LoadStoreQueue(const CoreParams& core, DataCache& l1d, MemoryPort& port, Activity& activity)
      : l1d_(l1d),
        port_(port),
        activity_(activity),
        hit_cycles_(core.data_hit_cycles),
        store_buffer_entries_(static_cast<size_t>(core.store_buffer_entries)) {}

  // The first cycle at or after `cycle` in which an access can leave its unit.  No access does
  // while the next to commit is one that waits for memory.
  Cycle accepts_at(Cycle cycle) const {
    cycle = std::max({cycle, requests_free_, barrier_end_});
    for (const Wait& wait : head_waits_) {
      if (cycle >= wait.begin && cycle < wait.end) cycle = wait.end;
    }
    return cycle;
  }

  // The most recent access is the next to commit from `begin` on, and can commit at `end`.
  void wait_at_head(Cycle begin, Cycle end) {
    head_waits_[0] = head_waits_[1];
    head_waits_[1] = {begin, end};
  }

  struct Load {
    Cycle data_cycle = 0;  // the data are there: it can commit
    Cycle hit_cycle = 0;   // the same, had it not waited for memory
  };

  // A load, or a software prefetch, that leaves its unit at `cycle`.
  Load load(const Access& access, Cycle cycle, bool prefetch);

  // A store that leaves its unit at `cycle`.  Returns the first cycle in which it can commit.
  Cycle store(Cycle cycle) {
    requests_free_ = enter_at(cycle, transfers_[0]);
    mark_requests(cycle, requests_free_);
    return requests_free_;
  }

  // The first cycle at or after `cycle` in which the store buffer has a free entry.
  Cycle store_buffer_free_at(Cycle cycle);

  // The most recent load commits at `cycle`.
  void commit_load(Cycle cycle) { leave_transfers(cycle); }
  // The most recent store, `access`, commits at `cycle`.
  void commit_store(const Access& access, Cycle cycle);
  // A barrier commits at `cycle`.
  void commit_barrier(Cycle cycle);

  // A device access that can issue from `cycle` on, as the next to commit.  Returns its issue
  // cycle. `looked_at`: the queue has already looked at it in the cycle before.
  Cycle issue_device(Cycle cycle, bool looked_at);
  // The device access issued at `issue_cycle` is complete at `complete_cycle`.
  void finish_device(Cycle issue_cycle, Cycle complete_cycle, Cycle commit_cycle) {
    enter_memory(issue_cycle, complete_cycle);
    leave_transfers(commit_cycle);
  }

  void apply(Delay delay);

  // All stores in the buffer that have not issued are known L1D hits.
  bool only_hits() const { return unissued_misses_ == 0; }

  // No access leaves its unit at or before `floor`; the next store has the number `next_store`.  Of
  // the stores in the buffer only their numbers are in the state: see restore_stores().
  void save(StateWriter& state, Cycle floor, int64_t next_store);
  void load(StateReader& state, int64_t next_store);

  // After load(): asks `access_of(number)` for the rest of each store in the buffer.
  template <typename AccessOf>
  void restore_stores(AccessOf access_of) {
    for (Store& store : stores_) {
      const Found found = store.access.found;
      store.access = access_of(store.access.number);
      store.access.found = found;
    }
  }

 private:
  static constexpr Cycle kNotIssued = MemoryPort::kNoLimit + 1;  // later than any Delay
  static constexpr int kStoresPerCycle = 2;
  static constexpr int64_t kNumbersBack = 64;  // of a store in the buffer, at most
  static constexpr size_t kMemoryEntries = 2;

  struct Wait {
    Cycle begin = 0;
    Cycle end = 0;
  };

  // A store in the buffer.
  struct Store {
    Cycle commit_cycle = 0;
    Cycle complete_cycle = 0;  // kNotIssued until it issues
    Access access;

    StoreState state(Cycle cycle) const {
      if (complete_cycle <= cycle) return StoreState::kComplete;
      return complete_cycle == kNotIssued ? StoreState::kInStoreBuffer : StoreState::kIssued;
    }
    bool overlaps(const Access& other) const {
      return other.address < access.address + access.bytes &&
             access.address < other.address + other.bytes;
    }
    bool covers(const Access& other) const {
      return access.address <= other.address &&
             other.address + other.bytes <= access.address + access.bytes;
    }
  };

  // The core is active as an access leaves its unit at `from` and the requests queue at `to`.
  void mark_requests(Cycle from, Cycle to) {
    activity_.mark(from);
    if (to == from) return;
    activity_.mark(to - 1);
    activity_.mark(to);
  }
  static Cycle enter_at(Cycle cycle, Cycle free) { return free <= cycle ? cycle : free + 1; }
  void leave_transfers(Cycle cycle) {
    transfers_[0] = transfers_[1];
    transfers_[1] = cycle;
  }
  Cycle memory_free_at() const { return std::min(memory_[0], memory_[1]); }
  void enter_memory(Cycle issue_cycle, Cycle complete_cycle) {
    (memory_[0] <= issue_cycle ? memory_[0] : memory_[1]) = complete_cycle;
  }
  size_t remove_complete(Cycle cycle);
  void free_complete(Cycle cycle) {
    remove_complete(cycle);
    removed_ = 0;
  }
  bool issue_next_store(Cycle limit);
  void issue_stores(Cycle limit) {
    while (issue_next_store(limit)) {
    }
  }
  Cycle hit_data_cycle(const Access& access, Cycle issue_cycle) const {
    return issue_cycle + hit_cycles_ + (access.found == Found::kHitBoth ? 1 : 0);
  }
  const Store* youngest_overlap(const Access& access, Cycle cycle) const;

  DataCache& l1d_;
  MemoryPort& port_;
  Activity& activity_;
  Cycle hit_cycles_;
  size_t store_buffer_entries_;

  Cycle requests_free_ = 0;                     // the entry of the requests queue
  std::array<Cycle, 2> transfers_{};            // when the last two accesses committed
  std::array<Wait, 2> head_waits_{};            // of the last two accesses
  std::array<Cycle, kMemoryEntries> memory_{};  // when the last two accesses in memory complete
  Cycle barrier_end_ = 0;                       // accesses after the last barrier can leave units
  Cycle last_store_commit_ = 0;

  std::vector<Store> stores_;   // the store buffer, in order; complete stores are removed lazily
  size_t removed_ = 0;          // removed stores whose entries may not be free yet
  size_t issued_ = 0;           // stores of the buffer that have issued: the first ones
  Cycle last_store_issue_ = 0;  // issue cycle of the last store
  int stores_issued_in_cycle_ = 0;  // in that cycle
  int unissued_misses_ = 0;  // stores of the buffer that have not issued and are no known hits
};

}  // namespace aimc::embedded

#endif
