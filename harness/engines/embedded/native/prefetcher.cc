#include "prefetcher.hh"

#include <algorithm>
#include <cstdlib>

namespace aimc::embedded {

// The entry of `pc`; null: there was none, and now there is one that begins with `address`.
StridePrefetcher::Entry* StridePrefetcher::find(uint64_t pc, uint32_t address) {
  Set& set = table_[((pc >> 1) ^ (pc >> 5)) % kSets];
  for (Entry& entry : set.ways) {
    if (entry.pc == pc) return &entry;
  }
  set.ways[set.next++ % kWays] = Entry{pc, address, 0, kFirstConfidence};
  return nullptr;
}

void StridePrefetcher::train(uint64_t pc, uint32_t address, Cycle now) {
  const LineNumber line = lines_.line_of(address);
  queue_.erase(std::remove_if(queue_.begin(), queue_.end(),
                              [line](const Candidate& queued) { return queued.line == line; }),
               queue_.end());
  Entry* entry = find(pc, address);
  if (!entry) return;
  const auto stride =
      static_cast<int32_t>(static_cast<int64_t>(address) - static_cast<int64_t>(entry->address));
  if (stride == entry->stride && stride != 0) {
    entry->confidence = std::min(entry->confidence + 1, kMostConfidence);
  } else {
    entry->confidence = std::max(entry->confidence - 1, 0);
    if (entry->confidence < kThreshold) entry->stride = stride;
  }
  entry->address = address;
  if (entry->confidence < kThreshold) return;
  const auto line_bytes = static_cast<int64_t>(lines_.bytes);
  const int64_t step = std::abs(stride) < line_bytes ? (stride < 0 ? -line_bytes : line_bytes)
                                                     : static_cast<int64_t>(stride);
  for (int i = 1; i <= degree_; ++i) {
    const int64_t target = static_cast<int64_t>(address) + step * i;
    if (target < 0 || target / kPageBytes != address / kPageBytes) continue;
    add(pc, lines_.line_of(static_cast<uint32_t>(target)), now + 1);
  }
}

// Adds a line unless it is queued; a full queue loses its oldest.
void StridePrefetcher::add(uint64_t pc, LineNumber line, Cycle ready) {
  for (const Candidate& queued : queue_) {
    if (queued.line == line) return;
  }
  if (queue_.size() == kQueue) queue_.pop_front();
  queue_.push_back({line, pc, ready});
}

}  // namespace aimc::embedded
