#include "front_end.hh"

namespace aimc::embedded {

// Requests `line` at `now`.  Returns when it can be used.
Cycle FrontEnd::request(LineNumber line, Cycle now) {
  l1i_.count_fetch();
  const Cycle hit = now + fetch_cycles_;
  const Cycle ready = present_ ? hit : l1i_.fetch(line, now) + 1;
  activity_.mark(now);
  activity_.await(now, ready - 1);
  missed_ += ready - hit;
  return ready;
}

void FrontEnd::apply(Delay delay) {
  for (Cycle* value : {&line_ready_, &next_requested_, &next_ready_, &cycle_, &decode_cycle_}) {
    delay.apply(*value);
  }
  for (Cycle& value : decoded_.cycles) delay.apply(value);
  for (Cycle& value : issued_.cycles) delay.apply(value);
}

void FrontEnd::enter_next_line(LineNumber line) {
  // The queue holds two lines: the one after the next is requested once this one is used up.
  line_ = line;
  line_ready_ = next_ready_;
  next_requested_ = std::max(next_ready_, cycle_);
  next_ready_ = request(line + 1, next_requested_);
}

void FrontEnd::begin_line(LineNumber line, Cycle requested) {
  line_ = line;
  line_ready_ = request(line, requested);
  next_requested_ = line_ready_;
  next_ready_ = request(line + 1, next_requested_);
}

void FrontEnd::predicted_taken(LineNumber target) {
  Cycle requested = cycle_ + 1;
  if (next_requested_ <= cycle_) {
    if (next_ready_ > cycle_) {
      requested = std::max(requested, next_ready_);
    } else {
      // The queue was full until now, so that one more line has just been requested.
      l1i_.count_fetch();
      activity_.mark(cycle_);
      requested = cycle_ + fetch_cycles_;
      activity_.await(cycle_, requested - 1);
    }
  }
  begin_line(target, requested);
}

void FrontEnd::refill(Cycle commit, LineNumber target) {
  begin_line(target, commit + branch_delay_ + kFetchInFlight);
}

void FrontEnd::save(StateWriter& state) const {
  state.require(missed_ == 0);
  state.cycle(line_ready_, cycle_);
  state.cycle(next_requested_, cycle_);
  state.cycle(next_ready_, cycle_);
  state.exact(cycle_);
  state.small(static_cast<unsigned>(taken_));
  state.exact(decode_cycle_);
  state.small(static_cast<unsigned>(decoded_ops_));
  for (size_t i = 0; i < kDecodeQueue; ++i) {
    state.cycle(decoded_.cycles[(decoded_.next + i) % kDecodeQueue], cycle_);
  }
  for (size_t i = 0; i < kIssueQueue; ++i) {
    state.cycle(issued_.cycles[(issued_.next + i) % kIssueQueue], decode_cycle_);
  }
}

void FrontEnd::load(StateReader& state) {
  line_ready_ = state.cycle();
  next_requested_ = state.cycle();
  next_ready_ = state.cycle();
  cycle_ = state.cycle();
  taken_ = static_cast<int>(state.small());
  decode_cycle_ = state.cycle();
  decoded_ops_ = static_cast<int>(state.small());
  decoded_.next = issued_.next = 0;
  for (Cycle& cycle : decoded_.cycles) cycle = state.cycle();
  for (Cycle& cycle : issued_.cycles) cycle = state.cycle();
}

}  // namespace aimc::embedded
