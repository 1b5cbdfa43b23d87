#include "mshr_file.hh"

namespace aimc::embedded {

void MshrFile::retire(Cycle now) {
  entries_.erase(std::remove_if(entries_.begin(), entries_.end(),
                                [now](const Entry& entry) { return entry.fill_time <= now; }),
                 entries_.end());
  first_fill_ = INT64_MAX;
  for (const Entry& entry : entries_) first_fill_ = std::min(first_fill_, entry.fill_time);
}

// An MSHR is free once all but `capacity` - 1 of the fills have completed.
Cycle MshrFile::free_with(size_t capacity) const {
  if (entries_.size() == capacity) {
    Cycle first = INT64_MAX;
    for (const Entry& entry : entries_) first = std::min(first, entry.fill_time);
    return first;
  }
  std::vector<Cycle> fill_times;
  fill_times.reserve(entries_.size());
  for (const Entry& entry : entries_) fill_times.push_back(entry.fill_time);
  const size_t last = entries_.size() - capacity;
  std::nth_element(fill_times.begin(), fill_times.begin() + static_cast<ptrdiff_t>(last),
                   fill_times.end());
  return fill_times[last];
}

void MshrFile::deallocate(LineNumber line) {
  entries_.erase(std::remove_if(entries_.begin(), entries_.end(),
                                [line](const Entry& entry) { return entry.line == line; }),
                 entries_.end());
}

}  // namespace aimc::embedded
