// Instruction fetch: which blocks are in the L1I.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_FETCH_UNIT_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_FETCH_UNIT_HH_

#include <cstdint>
#include <vector>

#include "block.hh"
#include "instruction_cache.hh"

namespace aimc::embedded {

// Between two fills nothing leaves the L1I.  So a block found present needs no look until the next
// fill (an epoch); the order of use, which the replacement needs, is caught up with just before.
class FetchUnit {
 public:
  explicit FetchUnit(InstructionCache& l1i) : tags_(l1i.tags()) {}

  // Looks up every line of every block, at once.  The same times, to check the rest by.
  void set_eager() { eager_ = true; }

  // Whether all lines of `block`, and the one after them, are in the L1I, which counts as their
  // use.
  bool present(Block& block) {
    if (eager_) return use(block);
    block.last_execution = ++execution_;
    return block.fetch_epoch == epoch_ || check(block);
  }

  // Lines are about to be fetched.
  void prepare_fetch() { catch_up(); }

  // Forgets `block`, which is about to be destroyed.
  void forget(const Block& block);

 private:
  bool check(Block& block);
  bool use(const Block& block);
  void catch_up();

  Cache& tags_;
  bool eager_ = false;
  uint64_t epoch_ = 1;
  uint64_t execution_ = 0;
  std::vector<const Block*> active_;  // present since the epoch began
};

}  // namespace aimc::embedded

#endif
