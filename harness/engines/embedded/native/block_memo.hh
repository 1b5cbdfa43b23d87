// What blocks do to the core's state, by what memory answers: for each block and state a tree of
// requests, in which each answer leads on to the next request or to the effect of the whole.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_BLOCK_MEMO_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_BLOCK_MEMO_HH_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "memory_port.hh"

namespace aimc::embedded {

class BlockMemo {
 public:
  BlockMemo() { clear(); }

  // What is to be remembered apart.
  struct Key {
    uint64_t block = 0;    // serial number; 0: none
    uint64_t pattern = 0;  // of what was found in the caches beforehand
    uint32_t state = 0;    // its number, and where fetching stands

    bool operator==(const Key& other) const {
      return block == other.block && pattern == other.pattern && state == other.state;
    }
  };

  struct Effect {
    uint32_t out = 0;        // number of the state afterwards
    uint32_t computing = 0;  // cycles
    uint32_t waiting = 0;    // for memory
    uint32_t fetches = 0;
  };

  // A request, or an effect.
  struct Node {
    MemoryPort::Request request;  // `outcome` is the one that was seen first
    uint32_t next = kNone;        // after that one
    uint32_t others = kNone;      // after other ones: a list of edges
    uint32_t effect = kNone;      // there is no request
  };

  static constexpr uint32_t kNone = ~0u;

  // The first node for `key`, or kNone.
  uint32_t root(const Key& key) const {
    for (size_t at = slot(key);; at = (at + 1) % kRoots) {
      const Root& root = roots_[at];
      if (root.key == key) return root.node;
      if (root.key.block == 0) return kNone;
    }
  }
  const Node& node(uint32_t index) const { return nodes_[index]; }
  const Effect& effect(const Node& node) const { return effects_[node.effect]; }
  uint32_t next(const Node& node, MemoryPort::Outcome outcome) const {
    return node.request.outcome == outcome ? node.next : other(node, outcome);
  }

  // The requests from number `known` on, which `node` led to when it was answered the one before
  // (kNone: all, for `key`), had this effect.
  void add(const Key& key, uint32_t node, size_t known,
           const std::vector<MemoryPort::Request>& requests, const Effect& effect);

  // No more may be added before it is cleared.
  bool full() const { return roots_used_ >= kRoots / 2 || nodes_.size() >= kNodes; }
  void clear();

 private:
  static constexpr size_t kRoots = 1u << 16;
  static constexpr size_t kNodes = 1u << 20;

  struct Root {
    Key key;
    uint32_t node = kNone;
  };
  struct Edge {
    MemoryPort::Outcome outcome = 0;
    uint32_t next = kNone;
    uint32_t others = kNone;
  };

  static size_t slot(const Key& key) {
    uint64_t hash = (key.block * 0x9e3779b97f4a7c15ull ^ key.state) * 0xff51afd7ed558ccdull;
    hash = (hash ^ hash >> 29 ^ key.pattern) * 0x9e3779b97f4a7c15ull;
    return hash >> 48;
  }
  uint32_t other(const Node& node, MemoryPort::Outcome outcome) const;

  std::vector<Root> roots_;
  size_t roots_used_ = 0;
  std::vector<Node> nodes_;
  std::vector<Edge> edges_;
  std::vector<Effect> effects_;
};

}  // namespace aimc::embedded

#endif
