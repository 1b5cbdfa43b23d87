// The tags of one set-associative, write-back, write-allocate cache with exact LRU.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_CACHE_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_CACHE_HH_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "line_geometry.hh"
#include "params.hh"

namespace aimc::embedded {

class Cache {
 public:
  // Throws std::invalid_argument if the number of sets is not a power of two.
  explicit Cache(const CacheParams& params);

  // Whether the access is a plain hit on the most recently used line of its set.  A first demand
  // for a prefetched line, or a store to a shared line, is no plain hit.  A store sets the dirty
  // mark.
  bool hit_most_recent(LineNumber line, bool store) {
    uint32_t& entry = entries_[set_of(line)];
    if ((entry & ~(store ? kDirty : kDirty | kShared)) != tag_of(line)) return false;
    entry |= store ? kDirty : 0;
    return true;
  }

  // The same for a line anywhere in its set, which becomes the most recently used.  False: nothing
  // has changed.
  bool hit(LineNumber line, bool store);

  struct Lookup {
    bool hit = false;
    bool was_prefetched = false;  // and this is the first demand for it
    bool was_shared = false;      // of a store: other caches must give the line up
  };

  // A demand access.  A hit becomes the most recently used line.
  Lookup access(LineNumber line, bool store) {
    return hit_most_recent(line, store) ? Lookup{true, false, false} : access_any(line, store);
  }

  bool contains(LineNumber line) const;
  // `line` is present and has had a demand access.
  bool contains_demanded(LineNumber line) const;
  // `line` is present, and another cache may have it.
  bool contains_shared(LineNumber line) const;

  struct Victim {
    bool dirty = false;
    bool shared = false;
    LineNumber line = 0;
  };

  // Inserts a line that is absent, as the most recently used.
  Victim insert(LineNumber line, bool dirty, bool prefetched, bool shared = false);

  // The copy of a line that a snooped cache had.
  struct Copy {
    bool present = false;
    bool dirty = false;
  };

  // Another cache reads `line`: it becomes shared, and stays dirty if it was.
  Copy share(LineNumber line);

  // Removes `line`.
  Copy invalidate(LineNumber line);

  // No other cache has `line` any more.
  void unshare(LineNumber line);

  // A reader of a dirty line that is not shared takes over the dirty mark.  Returns whether `line`
  // was such a line.
  bool take_dirty(LineNumber line);

 private:
  static constexpr uint32_t kDirty = 1u << 31;
  static constexpr uint32_t kPrefetched = 1u << 30;
  static constexpr uint32_t kShared = 1u << 29;
  static constexpr uint32_t kFlags = kDirty | kPrefetched | kShared;

  static uint32_t tag_of(LineNumber line) { return line + 1; }
  size_t set_of(LineNumber line) const { return (line & set_mask_) * ways_; }
  int find(LineNumber line) const;
  Lookup access_any(LineNumber line, bool store);
  void promote(uint32_t* set, int way, uint32_t entry);

  size_t ways_;
  uint32_t set_mask_;
  std::vector<uint32_t> entries_;  // a set's ways, most recently used first
};

}  // namespace aimc::embedded

#endif
