// The prepared blocks, by address.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_BLOCK_CACHE_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_BLOCK_CACHE_HH_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "block.hh"
#include "events.hh"
#include "guest_memory.hh"
#include "params.hh"

namespace aimc::embedded {

class BlockCache {
 public:
  // `forget` is called with each block that is about to be destroyed.
  BlockCache(const CoreParams& core, uint32_t zero_block_bytes, int line_shift,
             const RegisterNumbers& numbers, GuestMemory& memory,
             std::function<void(Block&)> forget);

  // The block of `bytes` bytes at `pc`, prepared if it is new or stale.  Null: the program cannot
  // be simulated from there; see refusal().
  Block* find(uint64_t pc, uint32_t bytes) {
    Block* cached = recent_[slot(pc)];
    return cached && cached->pc == pc && cached->bytes == bytes ? cached : find_any(pc, bytes);
  }

  // find() will prepare `block` again.
  void make_stale(Block& block);

  // Adds the executions since the last call to `events`.
  void flush(Events& events);

  struct Refusal {
    uint64_t pc = 0;
    std::string message;
  };
  const Refusal& refusal() const { return refusal_; }

 private:
  static constexpr size_t kRecent = 1u << 14;
  static size_t slot(uint64_t pc) { return (pc >> 2) & (kRecent - 1); }

  Block* find_any(uint64_t pc, uint32_t bytes);
  std::unique_ptr<Block> prepare(uint64_t pc, uint32_t bytes, const std::set<uint16_t>& opaque);

  CoreParams core_;
  uint32_t zero_block_bytes_;
  int line_shift_;
  RegisterNumbers numbers_;
  GuestMemory& memory_;
  std::function<void(Block&)> forget_;
  std::unordered_map<uint64_t, std::unique_ptr<Block>> blocks_;
  std::vector<Block*> recent_;  // direct-mapped on the address
  Refusal refusal_;
  uint64_t serial_ = 0;
};

}  // namespace aimc::embedded

#endif
