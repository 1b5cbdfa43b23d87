#include "load_store_queue.hh"

namespace aimc::embedded {

// Removes the stores that are done at `cycle`; returns how many.
size_t LoadStoreQueue::remove_done(Cycle cycle) {
  const size_t before = stores_.size();
  size_t kept = 0;
  size_t sent = 0;
  for (size_t i = 0; i < stores_.size(); ++i) {
    if (stores_[i].done <= cycle) continue;
    sent += i < sent_;
    if (kept != i) stores_[kept] = stores_[i];
    ++kept;
  }
  stores_.resize(kept);
  sent_ = sent;
  return before - kept;
}

// Sends the next store of the buffer, if that is at or before `until`.
bool LoadStoreQueue::send_next(Cycle until) {
  if (sent_ == stores_.size()) return false;
  Store& store = stores_[sent_];
  Cycle cycle = std::max({store.committed + 1, last_sent_, memory_free()});
  if (cycle == last_sent_ && sent_in_cycle_ == kStoresACycle) ++cycle;
  Cycle done = hit_data(store.access, cycle);
  if (!store.access.hits()) {
    const auto answer = port_.ask(MemoryPort::Kind::kStore, store.access, cycle, until);
    cycle = answer.sent;
    done = answer.data;
  }
  if (cycle > until) return false;
  sent_in_cycle_ = cycle == last_sent_ ? sent_in_cycle_ + 1 : 1;
  last_sent_ = cycle;
  unsent_misses_ -= !store.access.hits();
  store.done = done;
  occupy(cycle, store.done);
  ++sent_;
  return true;
}

LoadStoreQueue::Store* LoadStoreQueue::overlapping(const Access& access, Cycle cycle) {
  for (size_t i = stores_.size(); i-- > 0;) {
    Store& store = stores_[i];
    if (store.done > cycle && access.address < store.access.address + store.access.bytes &&
        store.access.address < access.address + access.bytes) {
      return &store;
    }
  }
  return nullptr;
}

LoadStoreQueue::Load LoadStoreQueue::load(const Access& access, Cycle cycle, bool prefetch) {
  // It stays behind stores that have not committed, and behind all but one access.
  Cycle sent = enter_at(cycle, std::max(transfers_[0], stores_committed_));
  const Cycle hit = sent + hit_cycles_;
  send_all(sent == cycle ? sent : sent - 1);
  while (const Store* store = overlapping(access, sent)) {
    const Access& stored = store->access;
    if (stored.address <= access.address &&
        access.address + access.bytes <= stored.address + stored.bytes) {
      place_free_ = sent;
      mark_way(cycle, sent);
      memory_.count_forwarded();
      return {sent, sent};
    }
    while (store->done == kNotSent) send_next(kNotSent - 1);
    sent = store->done;
    send_all(sent - 1);
  }
  sent = std::max(sent, memory_free());
  Cycle data = prefetch ? sent + hit_cycles_ : hit_data(access, sent);
  if (!access.hits()) {
    const auto kind = prefetch ? MemoryPort::Kind::kPrefetch : MemoryPort::Kind::kLoad;
    const auto answer = port_.ask(kind, access, sent, MemoryPort::kNoLimit);
    sent = answer.sent;
    data = prefetch ? sent + hit_cycles_ : answer.data;
  }
  place_free_ = sent;
  occupy(sent, data);
  mark_way(cycle, sent);
  activity_.await(sent, data);
  return {data, hit};
}

Cycle LoadStoreQueue::room_at(Cycle cycle) {
  if (stores_.size() + done_ < places_) return cycle;
  send_all(cycle);
  drop_done(cycle);
  while (stores_.size() >= places_) {
    send_all(kNotSent - 1);
    Cycle first = kNotSent;
    for (const Store& store : stores_) first = std::min(first, store.done);
    activity_.await(cycle, first);
    drop_done(first);
    cycle = std::max(cycle, first);
  }
  return cycle;
}

void LoadStoreQueue::commit_store(const Access& access, Cycle cycle) {
  leave_transfers(cycle);
  stores_committed_ = cycle;
  unsent_misses_ += !access.hits();
  stores_.push_back({cycle, kNotSent, access});
  activity_.mark(cycle);
}

void LoadStoreQueue::commit_barrier(Cycle cycle) {
  send_all(kNotSent - 1);
  barrier_over_ = cycle + 1;
  for (const Store& store : stores_) barrier_over_ = std::max(barrier_over_, store.done);
}

void LoadStoreQueue::apply(Delay delay) {
  for (Cycle* value : {&place_free_, &stores_committed_, &last_sent_, &barrier_over_}) {
    delay.apply(*value);
  }
  for (Wait& wait : waits_) {
    delay.apply(wait.begin);
    delay.apply(wait.end);
  }
  for (Cycle& value : transfers_) delay.apply(value);
  for (Cycle& value : in_memory_) delay.apply(value);
  for (Store& store : stores_) {
    delay.apply(store.committed);
    delay.apply(store.done);  // not of one that has not been sent
  }
}

Cycle LoadStoreQueue::send_device(Cycle cycle, bool looked) {
  send_all(cycle);
  const Cycle sent = std::max(cycle, memory_free());
  place_free_ = sent;
  if (looked || sent > cycle) activity_.mark(sent - 1);
  activity_.mark(sent);
  return sent;
}

void LoadStoreQueue::save(StateWriter& state, Cycle floor, int64_t next_store) {
  // What asks the memory system is sent in its turn, which other requests may come before.
  while (sent_ < stores_.size() && stores_[sent_].access.hits() && send_next(floor)) {
  }
  done_ += remove_done(floor);
  const bool unsent = sent_ < stores_.size();
  const Cycle sends_after = unsent ? std::min(floor, stores_[sent_].committed) : floor;
  state.cycle(place_free_, floor);
  for (const Wait& wait : waits_) {
    state.cycle(wait.end > floor ? wait.begin : floor, floor);
    state.cycle(wait.end, floor);
  }
  for (const Cycle cycle : transfers_) state.cycle(cycle, floor);
  state.cycle(stores_committed_, floor);
  const bool ordered = unsent || in_memory_[0] <= in_memory_[1];
  state.cycle(in_memory_[ordered ? 0 : 1], sends_after);
  state.cycle(in_memory_[ordered ? 1 : 0], sends_after);
  state.cycle(barrier_over_, floor);
  state.cycle(last_sent_, sends_after);
  state.small(last_sent_ > sends_after ? static_cast<unsigned>(sent_in_cycle_) : 0);
  state.small(static_cast<unsigned>(done_));
  state.small(static_cast<unsigned>(stores_.size()));
  state.small(static_cast<unsigned>(sent_));
  for (size_t i = 0; i < stores_.size(); ++i) {
    const Store& store = stores_[i];
    const int64_t back = next_store - store.access.number;
    state.require(back <= kNumbersBack);
    state.small(static_cast<unsigned>(back));
    state.exact(i < sent_ ? store.done : store.committed);
    if (i >= sent_) state.small(static_cast<unsigned>(store.access.found));
  }
}

void LoadStoreQueue::load(StateReader& state, int64_t next_store) {
  place_free_ = state.cycle();
  for (Wait& wait : waits_) {
    wait.begin = state.cycle();
    wait.end = state.cycle();
  }
  for (Cycle& cycle : transfers_) cycle = state.cycle();
  stores_committed_ = state.cycle();
  for (Cycle& cycle : in_memory_) cycle = state.cycle();
  barrier_over_ = state.cycle();
  last_sent_ = state.cycle();
  sent_in_cycle_ = static_cast<int>(state.small());
  done_ = state.small();
  stores_.resize(state.small());
  sent_ = state.small();
  unsent_misses_ = 0;
  for (size_t i = 0; i < stores_.size(); ++i) {
    Store& store = stores_[i];
    store.access = Access{};
    store.access.number = next_store - static_cast<int64_t>(state.small());
    (i < sent_ ? store.done : store.committed) = state.cycle();
    if (i < sent_) continue;
    store.done = kNotSent;
    store.access.found = static_cast<Found>(state.small());
    unsent_misses_ += !store.access.hits();
  }
}

}  // namespace aimc::embedded
