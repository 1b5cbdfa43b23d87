#include "fetch_unit.hh"

#include <algorithm>

namespace aimc::embedded {

namespace {

bool all_present(const Cache& tags, const Block& block) {
  for (uint32_t i = 0; i <= block.lines; ++i) {
    if (!tags.contains_demanded(block.first_line + i)) return false;
  }
  return true;
}

}  // namespace

bool FetchUnit::use(const Block& block) {
  if (!all_present(tags_, block)) return false;
  for (uint32_t i = 0; i <= block.lines; ++i) tags_.access(block.first_line + i, false);
  return true;
}

bool FetchUnit::check(Block& block) {
  if (!all_present(tags_, block)) return false;
  block.fetch_epoch = epoch_;
  active_.push_back(&block);
  return true;
}

void FetchUnit::catch_up() {
  std::sort(active_.begin(), active_.end(),
            [](const Block* a, const Block* b) { return a->last_execution < b->last_execution; });
  for (const Block* block : active_) {
    for (uint32_t i = 0; i <= block->lines; ++i) tags_.access(block->first_line + i, false);
  }
  active_.clear();
  ++epoch_;
}

void FetchUnit::forget(const Block& block) {
  active_.erase(std::remove(active_.begin(), active_.end(), &block), active_.end());
}

}  // namespace aimc::embedded
