#include "tag_lookup.hh"

namespace aimc::embedded {

void TagLookup::begin(bool quiescent, Cycle last_issue, Cycle now) {
  last_issue_ = last_issue;
  now_ = now;
  looks_up_ = quiescent;
  memoizable_ = true;
  looked_up_ = 0;
  hash_ = 0;
  missed_lines_.clear();
}

Found TagLookup::look_up_both(const MemoryOp& access, uint32_t address) {
  const LineGeometry& lines = l1d_.lines();
  const LineNumber first = lines.line_of(address);
  const LineNumber second = first + 1;
  for (const LineNumber missed : missed_lines_) {
    if (missed == first || missed == second) return Found::kUnknown;
  }
  if (l1d_.is_in_flight(first, last_issue_) || l1d_.is_in_flight(second, last_issue_) ||
      access.bytes > lines.bytes || !l1d_.look_up(first, access.store) ||
      !l1d_.look_up(second, access.store)) {
    return Found::kUnknown;
  }
  const uint32_t in_first = (second << lines.shift) - address;
  if (in_first % access.bus_bytes != 0) l1d_.count_split();
  add_to_key(access.op, uint64_t{in_first} << kBothShift);
  return Found::kHitBoth;
}

Found TagLookup::look_up_l2(const MemoryOp& access, LineNumber line) {
  if (access.prefetch || !l1d_.fill_tags_from_l2(line, access.store, now_)) {
    return Found::kUnknown;
  }
  missed_lines_.push_back(line);
  add_to_key(access.op, kMissCode);
  return Found::kL2;
}

// Instruction `op` of the block made an access encoded as `code`.
void TagLookup::add_to_key(size_t op, uint64_t code) {
  hash_ = (hash_ ^ (op << 16) ^ code) * kMultiplier;
  hash_ ^= hash_ >> 31;
  hash_ += hash_ == 0;
}

}  // namespace aimc::embedded
