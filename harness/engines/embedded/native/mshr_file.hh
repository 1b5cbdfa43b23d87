// The miss status holding registers (MSHRs) of one cache: its fills in flight.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_MSHR_FILE_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_MSHR_FILE_HH_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "line_geometry.hh"
#include "params.hh"

namespace aimc::embedded {

// At most `capacity` fills are in flight at a time.  All times of one file have the same unit,
// cycles or femtoseconds.
class MshrFile {
 public:
  explicit MshrFile(int capacity) : capacity_(static_cast<size_t>(capacity)) {}

  // Fill time of `line` if it is in flight after `now`; otherwise some time at or before `now`.
  Cycle fill_time(LineNumber line, Cycle now) const {
    if (last_fill_ <= now) return 0;
    for (const Entry& entry : entries_) {
      if (entry.line == line) return entry.fill_time;
    }
    return 0;
  }

  // Number of fills in flight after `now`.
  size_t in_flight(Cycle now) const {
    if (last_fill_ <= now) return 0;
    return static_cast<size_t>(
        std::count_if(entries_.begin(), entries_.end(),
                      [now](const Entry& entry) { return entry.fill_time > now; }));
  }

  // The first time at or after `now` at which an MSHR is free.
  Cycle free_at(Cycle now) {
    if (first_fill_ <= now) retire(now);
    return entries_.size() < capacity_ ? now : first_free();
  }

  // The first time at or after `now` at which a prefetch may take an MSHR: two others stay free, as
  // in gem5's caches.  kNever: there are not that many.
  Cycle free_for_prefetch_at(Cycle now) {
    if (capacity_ <= kKeptFree) return kNever;
    if (first_fill_ <= now) retire(now);
    return entries_.size() < capacity_ - kKeptFree ? now : free_with(capacity_ - kKeptFree);
  }

  static constexpr Cycle kNever = INT64_MAX;

  // `line` is in flight until `fill_time`.  Replaces an earlier fill of the same line.
  void allocate(LineNumber line, Cycle fill_time) {
    deallocate(line);
    entries_.push_back({line, fill_time});
    first_fill_ = std::min(first_fill_, fill_time);
    last_fill_ = std::max(last_fill_, fill_time);
  }

  // `line` is no longer in flight.
  void deallocate(LineNumber line);

 private:
  struct Entry {
    LineNumber line;
    Cycle fill_time;
  };

  static constexpr size_t kKeptFree = 2;

  void retire(Cycle now);
  Cycle first_free() const { return free_with(capacity_); }
  Cycle free_with(size_t capacity) const;

  size_t capacity_;
  Cycle first_fill_ = INT64_MAX;  // no entry has an earlier fill time
  Cycle last_fill_ = 0;           // no entry has ever had a later one
  std::vector<Entry> entries_;
};

}  // namespace aimc::embedded

#endif
