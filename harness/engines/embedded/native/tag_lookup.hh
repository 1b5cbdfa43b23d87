// Looks a block's accesses up in the tags of the caches before the block is timed.
//
// In a quiescent memory system the lookup of an access gives the same before the block as at issue,
// until the first access that is not simple.  What was found is part of the key of memoized timing.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_TAG_LOOKUP_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_TAG_LOOKUP_HH_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "access.hh"
#include "block.hh"
#include "data_cache.hh"
#include "line_geometry.hh"
#include "params.hh"
#include "store_tracker.hh"

namespace aimc::embedded {

class TagLookup {
 public:
  TagLookup(const CoreParams& core, DataCache& l1d)
      : l1d_(l1d), stores_(core.store_buffer_entries) {}

  // The accesses that follow are those of `block`.
  void enter(const Block& block) {
    if (found_.size() < block.memory.size()) found_.resize(block.memory.size());
  }

  // A run of accesses begins at `now`, in a memory system that is `quiescent` or not.  No access
  // issues at or before `last_issue` any more.
  void begin(bool quiescent, Cycle last_issue, Cycle now);

  // The run's next access, memory op `slot` of the block, is to `address`, an offset in DRAM.
  void add(size_t slot, const MemoryOp& access, uint32_t address) {
    if (access.load) {
      if (stores_.may_forward(address, access.bytes)) looks_up_ = memoizable_ = false;
      if (stores_.incomplete()) memoizable_ = false;
    }
    if (access.store) stores_.note(address, access.bytes);
    const Found found = looks_up_ ? look_up(access, address) : Found::kUnknown;
    found_[slot] = found;
    looks_up_ = found != Found::kUnknown;
    looked_up_ += looks_up_;
  }

  // The run's next access, memory op `slot` of the block, is a prefetch outside DRAM.
  void add_nowhere(size_t slot) {
    found_[slot] = Found::kUnknown;
    looks_up_ = memoizable_ = false;
  }

  // Per memory op of the block.
  const Found* found() const { return found_.data(); }

  // No load of the run can be forwarded to by the store buffer.
  bool memoizable() const { return memoizable_; }

  // Encodes what was found; 0: all accesses are hits.
  uint64_t key() const { return looks_up_ ? hash_ : hash_ ^ (looked_up_ + 1) * kMultiplier; }

 private:
  static constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15ull;

  // How an access is encoded in the key, if it is no plain hit.
  static constexpr uint64_t kMissCode = 1;
  static constexpr uint64_t kInFlightCode = 2;  // plus the index of the miss
  static constexpr int kBothShift = 16;         // of the bytes in the first of two lines

  Found look_up(const MemoryOp& access, uint32_t address) {
    const LineGeometry& lines = l1d_.lines();
    if (lines.over_two_lines(address, access.bytes)) return look_up_both(access, address);
    const LineNumber line = lines.line_of(address);
    if (!l1d_.look_up(line, access.store)) return look_up_l2(access, line);
    for (size_t i = 0; i < missed_lines_.size(); ++i) {
      if (missed_lines_[i] != line) continue;
      add_to_key(access.op, kInFlightCode + i);
      return Found::kInFlight;
    }
    return l1d_.is_in_flight(line, last_issue_) ? Found::kUnknown : Found::kHit;
  }
  Found look_up_both(const MemoryOp& access, uint32_t address);
  Found look_up_l2(const MemoryOp& access, LineNumber line);
  void add_to_key(size_t op, uint64_t code);

  DataCache& l1d_;
  StoreTracker stores_;
  std::vector<Found> found_;

  // Of the run.
  Cycle last_issue_ = 0;
  Cycle now_ = 0;
  bool looks_up_ = false;  // all accesses so far have been looked up
  bool memoizable_ = false;
  size_t looked_up_ = 0;  // accesses
  uint64_t hash_ = 0;     // of the accesses looked up that are no plain hits; 0: there are none
  std::vector<LineNumber> missed_lines_;
};

}  // namespace aimc::embedded

#endif
