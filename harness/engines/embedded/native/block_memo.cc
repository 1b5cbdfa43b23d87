#include "block_memo.hh"

namespace aimc::embedded {

void BlockMemo::clear() {
  roots_.assign(kRoots, Root{});
  roots_used_ = 0;
  nodes_.clear();
  edges_.clear();
  effects_.clear();
}

uint32_t BlockMemo::other(const Node& node, MemoryPort::Outcome outcome) const {
  for (uint32_t at = node.others; at != kNone; at = edges_[at].others) {
    if (edges_[at].outcome == outcome) return edges_[at].next;
  }
  return kNone;
}

void BlockMemo::add(const Key& key, uint32_t node, size_t replayed,
                    const std::vector<MemoryPort::Request>& requests, const Effect& effect) {
  const auto first = static_cast<uint32_t>(nodes_.size());
  if (node == kNone) {
    size_t at = slot(key);
    while (roots_[at].key.block != 0) at = (at + 1) % kRoots;
    roots_[at] = {key, first};
    ++roots_used_;
  } else {
    edges_.push_back({requests[replayed - 1].outcome, first, nodes_[node].others});
    nodes_[node].others = static_cast<uint32_t>(edges_.size() - 1);
  }
  for (size_t i = replayed; i < requests.size(); ++i) {
    const auto next = static_cast<uint32_t>(nodes_.size() + 1);
    nodes_.push_back({requests[i], next, kNone, kNone});
  }
  nodes_.push_back({MemoryPort::Request{}, kNone, kNone, static_cast<uint32_t>(effects_.size())});
  effects_.push_back(effect);
}

}  // namespace aimc::embedded
