#include "cache.hh"

#include <stdexcept>

namespace aimc::embedded {

Cache::Cache(const CacheParams& params) : ways_(static_cast<size_t>(params.ways)) {
  const int64_t way_bytes = static_cast<int64_t>(params.ways) * params.line_bytes;
  const int64_t sets = params.size_bytes / way_bytes;
  if (sets < 1 || sets * way_bytes != params.size_bytes || (sets & (sets - 1)) != 0) {
    throw std::invalid_argument("size / (ways * line) must be a power of two");
  }
  set_mask_ = static_cast<uint32_t>(sets - 1);
  entries_.assign(static_cast<size_t>(sets) * ways_, 0);
}

int Cache::find(LineNumber line) const {
  const uint32_t* set = &entries_[set_of(line)];
  for (size_t way = 0; way < ways_; ++way) {
    if ((set[way] & ~kFlags) == tag_of(line)) return static_cast<int>(way);
  }
  return -1;
}

void Cache::promote(uint32_t* set, int way, uint32_t entry) {
  for (int i = way; i > 0; --i) set[i] = set[i - 1];
  set[0] = entry;
}

bool Cache::hit(LineNumber line, bool store) {
  const int way = find(line);
  if (way < 0) return false;
  uint32_t* set = &entries_[set_of(line)];
  const uint32_t entry = set[way];
  if (entry & (store ? kPrefetched | kShared : kPrefetched)) return false;
  promote(set, way, entry | (store ? kDirty : 0));
  return true;
}

Cache::Lookup Cache::access_any(LineNumber line, bool store) {
  const int way = find(line);
  if (way < 0) return {};
  uint32_t* set = &entries_[set_of(line)];
  const uint32_t entry = set[way];
  const uint32_t asked_for = entry & ~kPrefetched;
  promote(set, way, store ? (asked_for & ~kShared) | kDirty : asked_for);
  return {true, (entry & kPrefetched) != 0, store && (entry & kShared) != 0};
}

bool Cache::contains(LineNumber line) const { return find(line) >= 0; }

bool Cache::contains_demanded(LineNumber line) const {
  const int way = find(line);
  return way >= 0 && !(entries_[set_of(line) + static_cast<size_t>(way)] & kPrefetched);
}

bool Cache::contains_shared(LineNumber line) const {
  const int way = find(line);
  return way >= 0 && (entries_[set_of(line) + static_cast<size_t>(way)] & kShared);
}

Cache::Victim Cache::insert(LineNumber line, bool dirty, bool prefetched, bool shared) {
  uint32_t* set = &entries_[set_of(line)];
  const int last = static_cast<int>(ways_) - 1;
  const uint32_t victim = set[last];
  promote(set, last,
          tag_of(line) | (dirty ? kDirty : 0) | (prefetched ? kPrefetched : 0) |
              (shared ? kShared : 0));
  return {(victim & kDirty) != 0, (victim & kShared) != 0, (victim & ~kFlags) - 1};
}

Cache::Copy Cache::share(LineNumber line) {
  const int way = find(line);
  if (way < 0) return {};
  uint32_t& entry = entries_[set_of(line) + static_cast<size_t>(way)];
  entry |= kShared;
  return {true, (entry & kDirty) != 0};
}

Cache::Copy Cache::invalidate(LineNumber line) {
  const int way = find(line);
  if (way < 0) return {};
  uint32_t* set = &entries_[set_of(line)];
  const bool dirty = (set[way] & kDirty) != 0;
  for (size_t i = static_cast<size_t>(way); i + 1 < ways_; ++i) set[i] = set[i + 1];
  set[ways_ - 1] = 0;
  return {true, dirty};
}

void Cache::unshare(LineNumber line) {
  const int way = find(line);
  if (way >= 0) entries_[set_of(line) + static_cast<size_t>(way)] &= ~kShared;
}

bool Cache::take_dirty(LineNumber line) {
  const int way = find(line);
  if (way < 0) return false;
  uint32_t& entry = entries_[set_of(line) + static_cast<size_t>(way)];
  if ((entry & (kDirty | kShared)) != kDirty) return false;
  entry &= ~kDirty;
  return true;
}

}  // namespace aimc::embedded
