// Skips iterations of loops that only poll tiles.
//
// In such a loop an iteration repeats the one before, as long as nothing happens in the tiles, and
// the time of the tiles' next event is known.  Two snapshots are taken at the loop's head, some
// iterations apart.  If core, predictor and registers are equal in both, and no access in between
// left the L1s, all iterations before the next event are counted instead of executed: the same
// cycles and events.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_POLL_LOOP_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_POLL_LOOP_HH_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "block.hh"
#include "branch_predictor.hh"
#include "counters.hh"
#include "dma_host.hh"
#include "events.hh"
#include "integer_op.hh"
#include "params.hh"
#include "pipeline.hh"
#include "poll_attribution.hh"
#include "tiles.hh"

namespace aimc::embedded {

class PollLoop {
 public:
  // The times of polls repeat with the edges of a clock of `path_period`, besides the core's.
  PollLoop(Femtoseconds period, Femtoseconds path_period, Pipeline& pipeline,
           BranchPredictor& predictor, Tiles& tiles, DmaHost& dma, Counters& counters,
           PollAttribution& attribution)
      : period_(period),
        path_period_(path_period),
        pipeline_(pipeline),
        predictor_(predictor),
        tiles_(tiles),
        dma_(dma),
        counters_(counters),
        attribution_(attribution) {}

  // Reads all of the emulator's general registers, SP and flags.
  using ReadRegisters = std::function<void(EvalRegisters& values)>;
  void set_read_registers(ReadRegisters read) { read_registers_ = std::move(read); }

  // Executes every iteration.  The times are the same; this is to check the skipping.
  void disable() { enabled_ = false; }

  // A poll in `block` completes at `end`.
  void note_poll(Block& block, Femtoseconds end);

  // The core is about to enter `block`.
  void enter(Block& block) {
    if (head_) follow(block);
  }

  // The program does something other than to poll.
  void leave();

 private:
  static constexpr size_t kMostBlocks = 16;

  // Everything that an iteration starts with, and what has been counted until then.
  struct Snapshot {
    EvalRegisters registers{};
    std::string pipeline;
    uint64_t window_overruns = 0;
    uint64_t happened = 0;  // events in tiles and DMA
    Events events{};
    uint64_t instructions = 0;
    Cycle cycle = 0;
  };

  void follow(Block& block);
  void begin_iteration();
  bool add_block(Block& block);
  void take_first();
  void compare();
  void back_off();
  Snapshot snapshot();
  bool repeats(const Snapshot& now) const;
  void skip(const Snapshot& now);

  Femtoseconds period_;
  Femtoseconds path_period_;
  Pipeline& pipeline_;
  BranchPredictor& predictor_;
  Tiles& tiles_;
  DmaHost& dma_;
  Counters& counters_;
  PollAttribution& attribution_;
  ReadRegisters read_registers_;
  bool enabled_ = true;

  Block* head_ = nullptr;        // of the current loop; null: there is none
  unsigned entered_ = 0;         // blocks of the current iteration after the head
  unsigned until_snapshot_ = 0;  // iterations until the first snapshot
  unsigned pause_ = 0;           // iterations between two attempts
  unsigned comparisons_ = 0;     // with the first snapshot; 0: there is none
  Snapshot first_;

  // Since the first snapshot, or else since the current iteration began.
  Cycle began_ = 0;
  uint64_t polls_ = 0;
  Femtoseconds last_poll_ = 0;
  size_t block_count_ = 0;
  std::array<std::pair<Block*, uint64_t>, kMostBlocks> blocks_{};  // with their executions before
};

}  // namespace aimc::embedded

#endif
