// Accesses on their way to the memory system, in order, and the store buffer.
//
// An access leaves its unit for a queue of one place, whence it goes to one of two places in which
// it stays until it commits: a load when it is sent to memory, a store at once.  A committed store
// is sent from the store buffer.  Memory has at most two accesses at a time, loads first.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_LOAD_STORE_QUEUE_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_LOAD_STORE_QUEUE_HH_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "access.hh"
#include "activity.hh"
#include "memory_port.hh"
#include "memory_system.hh"
#include "params.hh"
#include "state_bytes.hh"

namespace aimc::embedded {

class LoadStoreQueue {
 public:
  LoadStoreQueue(const CoreParams& core, MemorySystem& memory, MemoryPort& port, Activity& activity)
      : memory_(memory),
        port_(port),
        activity_(activity),
        hit_cycles_(core.data_hit_cycles),
        places_(static_cast<size_t>(core.store_buffer_entries)) {}

  // The first cycle at or after `cycle` in which an access can leave its unit: none does while the
  // next to commit is one that waits for memory.
  Cycle accepts_at(Cycle cycle) const {
    cycle = std::max({cycle, place_free_, barrier_over_});
    for (const Wait& wait : waits_) {
      if (cycle >= wait.begin && cycle < wait.end) cycle = wait.end;
    }
    return cycle;
  }

  // The access that came last is the next to commit from `begin` on and can do so at `end`.
  void wait_as_next(Cycle begin, Cycle end) {
    waits_[0] = waits_[1];
    waits_[1] = {begin, end};
  }

  struct Load {
    Cycle data = 0;      // is there; it can commit
    Cycle data_hit = 0;  // the same if it had not had to wait for memory
  };

  // A load, or a prefetch, that leaves its unit at `cycle`.
  Load load(const Access& access, Cycle cycle, bool prefetch);

  // A store that leaves its unit at `cycle`: when it can commit at the earliest.
  Cycle store(Cycle cycle) {
    place_free_ = enter_at(cycle, transfers_[0]);
    mark_way(cycle, place_free_);
    return place_free_;
  }

  // The first cycle at or after `cycle` in which the store buffer has room.
  Cycle room_at(Cycle cycle);

  // The load or store that came last, or a barrier, commits at `cycle`.
  void commit_load(Cycle cycle) { leave_transfers(cycle); }
  void commit_store(const Access& access, Cycle cycle);
  void commit_barrier(Cycle cycle);

  // A device access that can be sent at `cycle`, as the next to commit: when it is.  `looked`: it
  // was in the queue in the cycle before.
  Cycle send_device(Cycle cycle, bool looked);
  void finish_device(Cycle sent, Cycle over, Cycle committed) {
    occupy(sent, over);
    leave_transfers(committed);
  }

  void apply(Delay delay);

  // Everything is known to hit.
  bool settled() const { return unsent_misses_ == 0; }

  // No access leaves its unit at or before `floor`; the next store has the number `next_store`.
  // Of the stores in the buffer only the numbers are part of the state: see restore_stores().
  void save(StateWriter& state, Cycle floor, int64_t next_store);
  void load(StateReader& state, int64_t next_store);

  // After load(): for each store of the buffer, `access_of(number)`, which knows the rest.
  template <typename AccessOf>
  void restore_stores(AccessOf access_of) {
    for (Store& store : stores_) {
      const Found found = store.access.found;
      store.access = access_of(store.access.number);
      store.access.found = found;
    }
  }

 private:
  static constexpr Cycle kNotSent = MemoryPort::kNoLimit + 1;  // later than any Delay
  static constexpr int kStoresACycle = 2;
  static constexpr int64_t kNumbersBack = 64;  // of a store in the buffer, at most
  static constexpr size_t kInMemory = 2;

  struct Wait {
    Cycle begin = 0;
    Cycle end = 0;
  };

  struct Store {
    Cycle committed = 0;
    Cycle done = 0;
    Access access;
  };

  // An access leaves its unit at `from` and this queue at `to`.
  void mark_way(Cycle from, Cycle to) {
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
  Cycle memory_free() const { return std::min(in_memory_[0], in_memory_[1]); }
  void occupy(Cycle sent, Cycle over) {
    (in_memory_[0] <= sent ? in_memory_[0] : in_memory_[1]) = over;
  }
  size_t remove_done(Cycle cycle);
  void drop_done(Cycle cycle) {
    remove_done(cycle);
    done_ = 0;
  }
  bool send_next(Cycle until);
  void send_all(Cycle until) {
    while (send_next(until)) {
    }
  }
  Cycle hit_data(const Access& access, Cycle sent) const {
    return sent + hit_cycles_ + (access.found == Found::kHitBoth ? 1 : 0);
  }
  Store* overlapping(const Access& access, Cycle cycle);

  MemorySystem& memory_;
  MemoryPort& port_;
  Activity& activity_;
  Cycle hit_cycles_;
  size_t places_;
  Cycle place_free_ = 0;
  std::array<Wait, 2> waits_{};       // of the last two accesses, as the next to commit
  std::array<Cycle, 2> transfers_{};  // when the last two accesses committed
  Cycle stores_committed_ = 0;
  std::array<Cycle, kInMemory> in_memory_{};  // when the last two accesses are over
  std::vector<Store> stores_;                 // in order; those that are done are removed at times
  size_t done_ = 0;                           // removed, but places are not known to be free yet
  size_t sent_ = 0;                           // of them
  Cycle last_sent_ = 0;
  int sent_in_cycle_ = 0;
  int unsent_misses_ = 0;
  Cycle barrier_over_ = 0;
};

}  // namespace aimc::embedded

#endif
