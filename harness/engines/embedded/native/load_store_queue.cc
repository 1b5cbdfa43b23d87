#include "load_store_queue.hh"

namespace aimc::embedded {

// Removes the stores that are complete at `cycle`.  Returns how many.
size_t LoadStoreQueue::remove_complete(Cycle cycle) {
  const size_t before = stores_.size();
  size_t kept = 0;
  size_t issued = 0;
  for (size_t i = 0; i < stores_.size(); ++i) {
    if (stores_[i].state(cycle) == StoreState::kComplete) continue;
    issued += i < issued_;
    if (kept != i) stores_[kept] = stores_[i];
    ++kept;
  }
  stores_.resize(kept);
  issued_ = issued;
  return before - kept;
}

// Issues the oldest store that has not issued.  False: there is none, or it cannot issue by
// `limit`.
bool LoadStoreQueue::issue_next_store(Cycle limit) {
  if (issued_ == stores_.size()) return false;
  Store& store = stores_[issued_];
  Cycle issue_cycle = std::max({store.commit_cycle + 1, last_store_issue_, memory_free_at()});
  if (issue_cycle == last_store_issue_ && stores_issued_in_cycle_ == kStoresPerCycle) ++issue_cycle;
  Cycle complete_cycle = hit_data_cycle(store.access, issue_cycle);
  if (!store.access.hits()) {
    const auto answer = port_.issue(MemoryPort::Kind::kStore, store.access, issue_cycle, limit);
    issue_cycle = answer.issue_cycle;
    complete_cycle = answer.data_cycle;
  }
  if (issue_cycle > limit) return false;
  stores_issued_in_cycle_ = issue_cycle == last_store_issue_ ? stores_issued_in_cycle_ + 1 : 1;
  last_store_issue_ = issue_cycle;
  unissued_misses_ -= !store.access.hits();
  store.complete_cycle = complete_cycle;
  enter_memory(issue_cycle, complete_cycle);
  ++issued_;
  return true;
}

// The youngest store in the buffer at `cycle` that writes bytes of `access`, or null.
const LoadStoreQueue::Store* LoadStoreQueue::youngest_overlap(const Access& access,
                                                              Cycle cycle) const {
  for (size_t i = stores_.size(); i-- > 0;) {
    const Store& store = stores_[i];
    if (store.overlaps(access) && store.state(cycle) != StoreState::kComplete) return &store;
  }
  return nullptr;
}

LoadStoreQueue::Load LoadStoreQueue::load(const Access& access, Cycle cycle, bool prefetch) {
  // It leaves the requests queue after the stores before it have committed, and after all but one
  // of the accesses before it.
  Cycle issue_cycle = enter_at(cycle, std::max(transfers_[0], last_store_commit_));
  const Cycle hit_cycle = issue_cycle + hit_cycles_;
  issue_stores(issue_cycle == cycle ? issue_cycle : issue_cycle - 1);
  while (const Store* store = youngest_overlap(access, issue_cycle)) {
    if (store->covers(access)) {  // the store buffer forwards the data
      requests_free_ = issue_cycle;
      mark_requests(cycle, issue_cycle);
      l1d_.count_forwarded();
      return {issue_cycle, issue_cycle};
    }
    while (store->state(issue_cycle) == StoreState::kInStoreBuffer)
      issue_next_store(kNotIssued - 1);
    issue_cycle = store->complete_cycle;
    issue_stores(issue_cycle - 1);
  }
  issue_cycle = std::max(issue_cycle, memory_free_at());
  Cycle data_cycle = prefetch ? issue_cycle + hit_cycles_ : hit_data_cycle(access, issue_cycle);
  if (!access.hits()) {
    const auto kind = prefetch ? MemoryPort::Kind::kPrefetch : MemoryPort::Kind::kLoad;
    const auto answer = port_.issue(kind, access, issue_cycle, MemoryPort::kNoLimit);
    issue_cycle = answer.issue_cycle;
    data_cycle = prefetch ? issue_cycle + hit_cycles_ : answer.data_cycle;
  }
  requests_free_ = issue_cycle;
  enter_memory(issue_cycle, data_cycle);
  mark_requests(cycle, issue_cycle);
  activity_.await(issue_cycle, data_cycle);
  return {data_cycle, hit_cycle};
}

Cycle LoadStoreQueue::store_buffer_free_at(Cycle cycle) {
  if (stores_.size() + removed_ < store_buffer_entries_) return cycle;
  issue_stores(cycle);
  free_complete(cycle);
  while (stores_.size() >= store_buffer_entries_) {
    issue_stores(kNotIssued - 1);
    Cycle first = kNotIssued;
    for (const Store& store : stores_) first = std::min(first, store.complete_cycle);
    activity_.await(cycle, first);
    free_complete(first);
    cycle = std::max(cycle, first);
  }
  return cycle;
}

void LoadStoreQueue::commit_store(const Access& access, Cycle cycle) {
  leave_transfers(cycle);
  last_store_commit_ = cycle;
  unissued_misses_ += !access.hits();
  stores_.push_back({cycle, kNotIssued, access});
  activity_.mark(cycle);
}

void LoadStoreQueue::commit_barrier(Cycle cycle) {
  issue_stores(kNotIssued - 1);
  barrier_end_ = cycle + 1;
  for (const Store& store : stores_) barrier_end_ = std::max(barrier_end_, store.complete_cycle);
}

void LoadStoreQueue::apply(Delay delay) {
  for (Cycle* value : {&requests_free_, &last_store_commit_, &last_store_issue_, &barrier_end_}) {
    delay.apply(*value);
  }
  for (Wait& wait : head_waits_) {
    delay.apply(wait.begin);
    delay.apply(wait.end);
  }
  for (Cycle& value : transfers_) delay.apply(value);
  for (Cycle& value : memory_) delay.apply(value);
  for (Store& store : stores_) {
    delay.apply(store.commit_cycle);
    delay.apply(store.complete_cycle);  // kNotIssued stays
  }
}

Cycle LoadStoreQueue::issue_device(Cycle cycle, bool looked_at) {
  issue_stores(cycle);
  const Cycle issue_cycle = std::max(cycle, memory_free_at());
  requests_free_ = issue_cycle;
  if (looked_at || issue_cycle > cycle) activity_.mark(issue_cycle - 1);
  activity_.mark(issue_cycle);
  return issue_cycle;
}

void LoadStoreQueue::save(StateWriter& state, Cycle floor, int64_t next_store) {
  // A store that is no known hit issues in its turn, after requests that may come before it.
  while (issued_ < stores_.size() && stores_[issued_].access.hits() && issue_next_store(floor)) {
  }
  removed_ += remove_complete(floor);
  const bool unissued = issued_ < stores_.size();
  const Cycle issues_after = unissued ? std::min(floor, stores_[issued_].commit_cycle) : floor;
  state.cycle(requests_free_, floor);
  for (const Wait& wait : head_waits_) {
    state.cycle(wait.end > floor ? wait.begin : floor, floor);
    state.cycle(wait.end, floor);
  }
  for (const Cycle cycle : transfers_) state.cycle(cycle, floor);
  state.cycle(last_store_commit_, floor);
  const bool ordered = unissued || memory_[0] <= memory_[1];
  state.cycle(memory_[ordered ? 0 : 1], issues_after);
  state.cycle(memory_[ordered ? 1 : 0], issues_after);
  state.cycle(barrier_end_, floor);
  state.cycle(last_store_issue_, issues_after);
  state.small(last_store_issue_ > issues_after ? static_cast<unsigned>(stores_issued_in_cycle_)
                                               : 0);
  state.small(static_cast<unsigned>(removed_));
  state.small(static_cast<unsigned>(stores_.size()));
  state.small(static_cast<unsigned>(issued_));
  for (size_t i = 0; i < stores_.size(); ++i) {
    const Store& store = stores_[i];
    const int64_t back = next_store - store.access.number;
    state.require(back <= kNumbersBack);
    state.small(static_cast<unsigned>(back));
    state.exact(i < issued_ ? store.complete_cycle : store.commit_cycle);
    if (i >= issued_) state.small(static_cast<unsigned>(store.access.found));
  }
}

void LoadStoreQueue::load(StateReader& state, int64_t next_store) {
  requests_free_ = state.cycle();
  for (Wait& wait : head_waits_) {
    wait.begin = state.cycle();
    wait.end = state.cycle();
  }
  for (Cycle& cycle : transfers_) cycle = state.cycle();
  last_store_commit_ = state.cycle();
  for (Cycle& cycle : memory_) cycle = state.cycle();
  barrier_end_ = state.cycle();
  last_store_issue_ = state.cycle();
  stores_issued_in_cycle_ = static_cast<int>(state.small());
  removed_ = state.small();
  stores_.resize(state.small());
  issued_ = state.small();
  unissued_misses_ = 0;
  for (size_t i = 0; i < stores_.size(); ++i) {
    Store& store = stores_[i];
    store.access = Access{};
    store.access.number = next_store - static_cast<int64_t>(state.small());
    (i < issued_ ? store.complete_cycle : store.commit_cycle) = state.cycle();
    if (i < issued_) continue;
    store.complete_cycle = kNotIssued;
    store.access.found = static_cast<Found>(state.small());
    unissued_misses_ += !store.access.hits();
  }
}

}  // namespace aimc::embedded
