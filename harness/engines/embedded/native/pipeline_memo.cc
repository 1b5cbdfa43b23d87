// Memoized timing: the pipeline's state as a number, and blocks replayed from the table.
#include <utility>

#include "pipeline.hh"

namespace aimc::embedded {

void Pipeline::run(Block& block, Accesses accesses, uint64_t found_key) {
  if (memo_.full() || states_.size() >= kMaxStates) clear_memo();
  if (number_ == kAbsolute) {
    bool number = memo_enabled_ && front_end_.present();
    if (number && numbering_pause_ > 0) {
      numbering_pause_ -= static_cast<int>(block.size());
      number = false;
    }
    if (number && !make_numbered()) {
      numbering_pause_ = kNumberingPause;
      number = false;
    }
    if (!number) {
      step_instructions(block, 0, block.size(), accesses);
      return;
    }
  }
  const BlockMemo::Key key{block.serial, found_key,
                           2 * number_ + front_end_.in_line(block.first_line)};
  answers_.clear();
  uint32_t node = memo_.root(key);
  if (node == BlockMemo::kNone || !replay(block, accesses, node)) {
    step_recorded(block, accesses, key, node);
  }
}

// Replays the table from `node` on.  True: the block has run.  False: an answer of the memory
// system is not in the table; `node` is the request that got it, and answers_ has the answers so
// far.
bool Pipeline::replay(const Block& block, Accesses accesses, uint32_t& node) {
  const Cycle origin = commit_cycle_;
  for (;;) {
    const BlockMemo::Node& here = memo_.node(node);
    if (here.effect != BlockMemo::kNone) {
      const BlockMemo::Effect& effect = memo_.effect(here);
      number_ = effect.out;
      both_forms_ = false;
      commit_cycle_ += effect.compute_cycles + effect.memory_cycles;
      events_[kCyclesCompute] += effect.compute_cycles;
      events_[kCyclesMemory] += effect.memory_cycles;
      events_[kL1iAccesses] += effect.fetches;
      front_end_.set_line(block.last_line());
      note_stores(block, accesses);
      return true;
    }
    const MemoryPort::Request& request = here.request;
    const size_t index = static_cast<size_t>(request.number);
    const Access access = request.kind == MemoryPort::Kind::kStore
                              ? store_of(block, request.number, accesses)
                              : access_of(block, index, accesses);
    const Cycle ready = origin + request.ready;
    const Cycle limit = request.limit == INT32_MAX ? MemoryPort::kNoLimit : origin + request.limit;
    const MemoryPort::Outcome outcome =
        MemoryPort::outcome_of(port_.perform(request.kind, access, ready, limit), ready, limit);
    answers_.push_back(outcome);
    const uint32_t next = memo_.next(here, outcome);
    if (next == BlockMemo::kNone) return false;
    node = next;
  }
}

// Steps all of `block`, whose first requests answers_ answers, and adds the rest to the table after
// `node`.
void Pipeline::step_recorded(const Block& block, Accesses accesses, const BlockMemo::Key& key,
                             uint32_t node) {
  const Events before = events_;
  const Cycle origin = commit_cycle_;
  make_absolute();
  activity_.take_overrun();
  port_.record(origin, next_store_, answers_);
  step_instructions(block, 0, block.size(), accesses);
  port_.stop();
  if (!port_.recorded() || activity_.take_overrun() || !make_numbered()) return;
  const auto grown = [this, &before](Event event) {
    return static_cast<uint32_t>(events_[event] - before[event]);
  };
  memo_.add(key, node, answers_.size(), port_.requests(),
            {number_, grown(kCyclesCompute), grown(kCyclesMemory), grown(kL1iAccesses)});
}

void Pipeline::note_stores(const Block& block, Accesses accesses) {
  const size_t count = block.stores.size();
  for (size_t i = count > kRecentStores ? count - kRecentStores : 0; i < count; ++i) {
    const Access access = access_of(block, block.stores[i], accesses);
    recent_stores_[(static_cast<size_t>(next_store_) + i) % kRecentStores] = access;
  }
  next_store_ += static_cast<int64_t>(count);
}

void Pipeline::make_absolute() {
  if (number_ == kAbsolute) return;
  const uint32_t number = std::exchange(number_, kAbsolute);
  if (both_forms_) return;
  read_state(*states_[number].bytes, commit_cycle_);
  queue_.restore_stores([this](int64_t number) {
    Access access = recent_stores_[static_cast<size_t>(number) % kRecentStores];
    access.number = number;
    return access;
  });
}

bool Pipeline::write_state(std::string& bytes) {
  StateWriter state(bytes, commit_cycle_);
  front_end_.save(state);
  activity_.save(state, front_end_.cycle());
  state.exact(issue_cycle_);
  state.small(static_cast<unsigned>(issued_));
  state.small(static_cast<unsigned>(issued_accesses_));
  state.small(issue_full_);
  state.small(static_cast<unsigned>(committed_));
  state.small(static_cast<unsigned>(committed_accesses_));
  for (const FunctionalUnit& unit : units_) unit.save(state, issue_cycle_);
  queue_.save(state, issue_cycle_, next_store_);
  for (size_t i = 0; i < registers_.size(); ++i) {
    const Register& reg = registers_[i];
    if (reg.committed <= 2 * issue_cycle_ + 1) continue;
    state.small(static_cast<unsigned>(i));
    state.cycle(reg.result, issue_cycle_);
    state.exact(reg.committed >> 1);
    state.small(static_cast<unsigned>(reg.committed & 1) + (dot_results_[i] ? 2 : 0));
  }
  return state.fits();
}

void Pipeline::read_state(const std::string& bytes, Cycle origin) {
  StateReader state(bytes, origin);
  front_end_.load(state);
  activity_.load(state, front_end_.cycle());
  issue_cycle_ = state.cycle();
  issued_ = static_cast<int>(state.small());
  issued_accesses_ = static_cast<int>(state.small());
  issue_full_ = state.small() != 0;
  committed_ = static_cast<int>(state.small());
  committed_accesses_ = static_cast<int>(state.small());
  for (FunctionalUnit& unit : units_) unit.load(state);
  queue_.load(state, next_store_);
  registers_ = {};
  recent_writes_.fill({});
  while (!state.at_end()) {
    const unsigned number = state.small();
    Register& reg = registers_[number];
    reg.result = state.cycle();
    reg.committed = 2 * state.cycle();
    const unsigned flags = state.small();
    reg.committed += flags & 1;
    dot_results_[number] = (flags & 2) != 0;
  }
}

bool Pipeline::make_numbered() {
  scratch_.clear();
  const bool only_hits = queue_.only_hits();
  if (!write_state(scratch_)) return false;
  number_ = number_of(scratch_, only_hits);
  both_forms_ = true;
  return number_ != kAbsolute;
}

bool Pipeline::describe(std::string& bytes) {
  bytes.clear();
  if (!front_end_.present()) return false;
  if (number_ == kAbsolute) return write_state(bytes);
  bytes = *states_[number_].bytes;
  return true;
}

bool Pipeline::advance(Cycle cycles) {
  if (number_ == kAbsolute && !make_numbered()) return false;
  both_forms_ = false;
  commit_cycle_ += cycles;
  return true;
}

uint32_t Pipeline::number_of(const std::string& bytes, bool only_hits) {
  const auto found = numbers_.find(bytes);
  if (found != numbers_.end()) return found->second;
  if (states_.size() >= kMaxStates) return kAbsolute;
  const auto number = static_cast<uint32_t>(states_.size());
  const auto added = numbers_.emplace(bytes, number).first;
  states_.push_back({&added->first, commit_cycle_ - issue_cycle_, only_hits, {}});
  return number;
}

void Pipeline::clear_memo() {
  make_absolute();
  memo_.clear();
  states_.resize(1);
  numbers_.clear();
}

}  // namespace aimc::embedded
