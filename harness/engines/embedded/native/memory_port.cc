#include "memory_port.hh"

#include <algorithm>

namespace aimc::embedded {

namespace {

int32_t saturated(Cycle cycle) { return static_cast<int32_t>(std::min<Cycle>(cycle, INT32_MAX)); }

}  // namespace

void MemoryPort::record(Cycle origin, int64_t first_store, const std::vector<Outcome>& replayed) {
  recording_ = true;
  fits_ = true;
  origin_ = origin;
  first_store_ = first_store;
  replayed_ = replayed;
  requests_.clear();
}

MemoryPort::Answer MemoryPort::issue_recorded(Kind kind, const Access& access, Cycle ready,
                                              Cycle limit) {
  Request request;
  request.kind = kind;
  request.number = static_cast<int16_t>(access.number - (kind == Kind::kStore ? first_store_ : 0));
  request.ready = saturated(ready - origin_);
  request.limit = saturated(limit - origin_);
  if (ready > limit && repeats(request)) return {ready, 0};
  Answer answer{limit + 1, 0};
  if (requests_.size() < replayed_.size()) {
    request.outcome = replayed_[requests_.size()];
    if (request.outcome != kNotIssued) {
      answer.issue_cycle = ready + static_cast<Cycle>(request.outcome >> kBits);
      answer.data_cycle = answer.issue_cycle + static_cast<Cycle>(request.outcome & kMost);
    }
  } else {
    answer = perform(kind, access, ready, limit);
    request.outcome = outcome_of(answer, ready, limit);
    fits_ &= request.outcome != kTooLong && ready - origin_ < INT32_MAX;
  }
  requests_.push_back(request);
  return answer;
}

// Whether the last request was too late to issue as well, and no answer can have changed since.
bool MemoryPort::repeats(const Request& request) const {
  if (requests_.empty()) return false;
  const Request& last = requests_.back();
  return last.ready > last.limit && last.ready >= request.ready;
}

Cycle MemoryPort::data_cycle(const Access& access, Cycle issue_cycle, bool store) {
  const LineGeometry& lines = l1d_.lines();
  const LineNumber first = lines.line_of(access.address);
  if (access.found == Found::kL2) return l1d_.fill_from_l2(first, issue_cycle);
  if (access.found == Found::kInFlight) return l1d_.hit_in_flight(first, issue_cycle);
  const LineNumber last = lines.line_of(access.address + access.bytes - 1);
  Cycle data = l1d_.access(access.address, store, access.pc, issue_cycle);
  if (last != first) {
    l1d_.count_split();
    data = std::max(data, l1d_.access(last << lines.shift, store, access.pc, issue_cycle + 1));
  }
  return data;
}

}  // namespace aimc::embedded
