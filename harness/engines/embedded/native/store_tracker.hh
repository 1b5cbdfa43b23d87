// Where the most recent stores went, to find loads that the store buffer may forward to.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_STORE_TRACKER_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_STORE_TRACKER_HH_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace aimc::embedded {

// A table indexed by address, in units of 16 bytes.  It may report stores to other bytes of a unit.
class StoreTracker {
 public:
  explicit StoreTracker(int store_buffer_entries)
      : window_(static_cast<uint64_t>(store_buffer_entries) + 2) {}

  void note(uint32_t address, uint32_t bytes) {
    ++stores_;
    for (uint32_t unit = first(address); unit <= last(address, bytes); ++unit) {
      Entry& entry = entries_[unit % entries_.size()];
      if (entry.unit != unit && is_recent(entry)) {
        incomplete_until_ = std::max(incomplete_until_, entry.number + window_);
      }
      entry = {unit, stores_};
    }
  }

  // Whether a store that may be in the store buffer may have written these bytes.
  bool may_forward(uint32_t address, uint32_t bytes) const {
    for (uint32_t unit = first(address); unit <= last(address, bytes); ++unit) {
      const Entry& entry = entries_[unit % entries_.size()];
      if (entry.unit == unit && is_recent(entry)) return true;
    }
    return false;
  }

  // Whether the table lacks a store that may be in the store buffer, because a later store took its
  // entry.
  bool incomplete() const { return stores_ < incomplete_until_; }

 private:
  static constexpr int kUnitShift = 4;

  struct Entry {
    uint32_t unit = ~0u;
    uint64_t number = 0;  // of the store
  };

  static uint32_t first(uint32_t address) { return address >> kUnitShift; }
  static uint32_t last(uint32_t address, uint32_t bytes) {
    return (address + bytes - 1) >> kUnitShift;
  }
  bool is_recent(const Entry& entry) const { return stores_ - entry.number < window_; }

  std::array<Entry, 256> entries_{};
  uint64_t stores_ = 0;
  uint64_t incomplete_until_ = 0;  // number of a store
  uint64_t window_;                // stores that may be in the store buffer or before it
};

}  // namespace aimc::embedded

#endif
