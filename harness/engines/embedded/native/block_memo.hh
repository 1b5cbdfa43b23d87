// The table of memoized timing: what blocks do to the core's state.
//
// Each key, of a block and a state, has a tree of requests to the memory system.  Each answer to a
// request leads to the next request, or to the effect of the whole block.
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

  struct Key {
    uint64_t block = 0;  // serial number; 0: none
    uint64_t found = 0;  // encodes what the tag lookups found; see TagLookup::key()
    uint32_t state =
        0;  // twice its number, plus 1 if the last instruction is in the block's first line

    bool operator==(const Key& other) const {
      return block == other.block && found == other.found && state == other.state;
    }
  };

  struct Effect {
    uint32_t out = 0;  // number of the state afterwards
    uint32_t compute_cycles = 0;
    uint32_t memory_cycles = 0;  // waiting for memory
    uint32_t fetches = 0;        // lines requested of the L1I
  };

  // A request, or an effect.
  struct Node {
    MemoryPort::Request request;  // with the outcome that occurred first
    uint32_t next = kNone;        // node after that outcome
    uint32_t others = kNone;      // first edge of the other outcomes' list
    uint32_t effect = kNone;      // not kNone: the node is this effect, and no request
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

  // Adds `effect` for `key`, with the requests from index `replayed` on.  They follow the outcome
  // of the request before, which is `node`; kNone: there is none, and `key` is new.
  void add(const Key& key, uint32_t node, size_t replayed,
           const std::vector<MemoryPort::Request>& requests, const Effect& effect);

  // True: the table must be cleared before more is added.
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
    hash = (hash ^ hash >> 29 ^ key.found) * 0x9e3779b97f4a7c15ull;
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
