// Instruction fetch: which blocks are in the L1I.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_FETCH_UNIT_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_FETCH_UNIT_HH_

#include <cstdint>
#include <vector>

#include "block.hh"
#include "instruction_cache.hh"

namespace aimc::embedded {

// Between two fills no line leaves the L1I.  So a block found present needs no lookup until the
// next fill, which begins a new epoch.  The order of use, which replacement needs, is updated just
// before that fill.
class FetchUnit {
 public:
  explicit FetchUnit(InstructionCache& l1i) : tags_(l1i.tags()) {}

  // Looks up every line of every block at once.  The times are the same; this is to check the
  // epochs.
  void set_eager() { eager_ = true; }

  // Whether all lines of `block`, and the line after them, are in the L1I.  If so, they are used.
  bool present(Block& block) {
    if (eager_) return use(block);
    block.last_execution = ++execution_;
    return block.fetch_epoch == epoch_ || check(block);
  }

  // To be called before lines are fetched.
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
