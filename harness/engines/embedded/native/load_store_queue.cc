#include "load_store_queue.hh"

namespace aimc::embedded {

void LoadStoreQueue::drop_done(Cycle cycle) {
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
}

// When the data of an access that is sent at `sent` are there.
Cycle LoadStoreQueue::data_of(const Access& access, Cycle sent, bool store) {
  if (access.found == Found::kHit) return sent + hit_cycles_;
  if (access.found == Found::kHitBoth) return sent + 1 + hit_cycles_;
  const int shift = memory_.line_shift();
  const LineNumber first = access.address >> shift;
  if (access.found == Found::kL2) return memory_.fill_from_l2(first, sent);
  if (access.found == Found::kUnderWay) return memory_.under_way(first, sent);
  const LineNumber last = (access.address + access.bytes - 1) >> shift;
  Cycle data = memory_.access_data(first, store, access.pc, sent);
  if (last != first) {
    memory_.count_split();
    data = std::max(data, memory_.access_data(last, store, access.pc, sent + 1));
  }
  return data;
}

// Sends the next store of the buffer, if that is at or before `until`.
bool LoadStoreQueue::send_next(Cycle until) {
  if (sent_ == stores_.size()) return false;
  Store& store = stores_[sent_];
  Cycle cycle = std::max({store.committed + 1, last_sent_, memory_free()});
  if (cycle == last_sent_ && sent_in_cycle_ == kStoresACycle) ++cycle;
  if (!hits(store.access)) cycle = memory_.accepts_at(cycle);
  if (cycle > until) return false;
  sent_in_cycle_ = cycle == last_sent_ ? sent_in_cycle_ + 1 : 1;
  last_sent_ = cycle;
  unsent_misses_ -= !hits(store.access);
  store.done = data_of(store.access, cycle, true);
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
  if (!hits(access)) sent = memory_.accepts_at(sent);
  place_free_ = sent;
  Cycle data = sent + hit_cycles_;
  if (!prefetch) {
    data = data_of(access, sent, false);
  } else if (!hits(access)) {
    memory_.prefetch_data(access.address >> memory_.line_shift(), sent);
  }
  occupy(sent, data);
  mark_way(cycle, sent);
  activity_.await(sent, data);
  return {data, hit};
}

Cycle LoadStoreQueue::room_at(Cycle cycle) {
  if (stores_.size() < places_) return cycle;
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
  unsent_misses_ += !hits(access);
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

Cycle LoadStoreQueue::send_device(Cycle cycle) {
  send_all(cycle);
  const Cycle sent = std::max(cycle, memory_free());
  place_free_ = sent;
  activity_.mark(sent - 1);
  activity_.mark(sent);
  return sent;
}

void LoadStoreQueue::save(StateWriter& state, Cycle floor) {
  send_all(floor);
  drop_done(floor);
  state.cycle(place_free_, floor);
  for (const Wait& wait : waits_) {
    state.cycle(wait.end > floor ? wait.begin : floor, floor);
    state.cycle(wait.end, floor);
  }
  for (const Cycle cycle : transfers_) state.cycle(cycle, floor);
  state.cycle(stores_committed_, floor);
  state.cycle(std::min(in_memory_[0], in_memory_[1]), floor);
  state.cycle(std::max(in_memory_[0], in_memory_[1]), floor);
  state.cycle(barrier_over_, floor);
  state.cycle(last_sent_, floor);
  state.small(last_sent_ > floor ? static_cast<unsigned>(sent_in_cycle_) : 0);
  state.small(static_cast<unsigned>(stores_.size()));
  state.small(static_cast<unsigned>(sent_));
  for (size_t i = 0; i < stores_.size(); ++i) {
    state.exact(i < sent_ ? stores_[i].done : stores_[i].committed);
    state.small(i >= sent_ && stores_[i].access.found == Found::kHitBoth);
  }
}

void LoadStoreQueue::load(StateReader& state) {
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
  stores_.resize(state.small());
  sent_ = state.small();
  for (size_t i = 0; i < stores_.size(); ++i) {
    Store& store = stores_[i];
    store.access = Access{};
    (i < sent_ ? store.done : store.committed) = state.cycle();
    store.access.found = state.small() != 0 ? Found::kHitBoth : Found::kHit;
    if (i >= sent_) store.done = kNotSent;
  }
}

}  // namespace aimc::embedded
