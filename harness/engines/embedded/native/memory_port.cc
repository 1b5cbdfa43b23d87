#include "memory_port.hh"

#include <algorithm>

namespace aimc::embedded {

namespace {

int32_t saturated(Cycle cycle) { return static_cast<int32_t>(std::min<Cycle>(cycle, INT32_MAX)); }

}  // namespace

void MemoryPort::record(Cycle origin, int64_t first_store, const std::vector<Outcome>& known) {
  recording_ = true;
  fits_ = true;
  origin_ = origin;
  first_store_ = first_store;
  known_ = known;
  requests_.clear();
}

MemoryPort::Answer MemoryPort::ask_recorded(Kind kind, const Access& access, Cycle at,
                                            Cycle until) {
  Request request;
  request.kind = kind;
  request.number = static_cast<int16_t>(access.number - (kind == Kind::kStore ? first_store_ : 0));
  request.at = saturated(at - origin_);
  request.until = saturated(until - origin_);
  if (at > until && repeats(request)) return {at, 0};
  Answer answer{until + 1, 0};
  if (requests_.size() < known_.size()) {
    request.outcome = known_[requests_.size()];
    if (request.outcome != kNotSent) {
      answer.sent = at + static_cast<Cycle>(request.outcome >> kBits);
      answer.data = answer.sent + static_cast<Cycle>(request.outcome & kLimit);
    }
  } else {
    answer = perform(kind, access, at, until);
    request.outcome = outcome_of(answer, at, until);
    fits_ &= request.outcome != kTooLong && at - origin_ < INT32_MAX;
  }
  requests_.push_back(request);
  return answer;
}

// Whether `request`, which is too late anyway, was the last one too, and nothing has changed since.
bool MemoryPort::repeats(const Request& request) const {
  if (requests_.empty()) return false;
  const Request& last = requests_.back();
  return last.at > last.until && last.at >= request.at;
}

// When the data of an access that is sent at `sent` are there.
Cycle MemoryPort::data_of(const Access& access, Cycle sent, bool store) {
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

}  // namespace aimc::embedded
