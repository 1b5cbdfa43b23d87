// One channel of DRAM with its controller: rows, refresh, and writes in batches.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_DRAM_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_DRAM_HH_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "line_geometry.hh"
#include "params.hh"

namespace aimc::embedded {

class Dram {
 public:
  explicit Dram(const DramParams& params);

  // A read of `line` that leaves the last cache at `now`.  Returns when its data are back there.
  Femtoseconds read(LineNumber line, Femtoseconds now);

  // A write of `line` that leaves the last cache at `now`.  It waits in the controller.
  void write(LineNumber line, Femtoseconds now);

  // Number of rows opened so far.
  uint64_t activates() const { return activates_; }
  // Time until `now` during which any bank had an open row.
  Femtoseconds open_until(Femtoseconds now);

 private:
  // Of the controller: writes that must wait before a batch is written, writes per batch, and uses
  // of a row before it is closed.
  static constexpr size_t kWritesWaiting = 64;
  static constexpr size_t kWriteBatch = 16;
  static constexpr int kUsesOfRow = 16;

  struct Bank {
    int64_t row = -1;  // open; -1: none
    int uses = 0;
    Femtoseconds ready = 0;  // for a command on the open row
    Femtoseconds activated = 0;
    Femtoseconds closed = 0;  // can be opened from then on
  };

  // A time during which the channel is idle.
  struct Gap {
    Femtoseconds begin = 0;
    Femtoseconds end = 0;
  };

  // Gives the command for `line` at or after `now`.  Returns its time.
  Femtoseconds command(LineNumber line, Femtoseconds now);
  Femtoseconds take_channel(Femtoseconds earliest, Femtoseconds now);
  Femtoseconds after_refresh(Femtoseconds now);
  void write_batch(Femtoseconds now);
  void close(Femtoseconds at);
  void count_open(Femtoseconds until);

  DramParams params_;
  LineNumber lines_in_row_;
  std::vector<Bank> banks_;
  std::vector<LineNumber> writes_;
  std::vector<Gap> gaps_;          // of the channel, before:
  Femtoseconds channel_free_ = 0;  // after all lines that have been given a time
  Femtoseconds next_refresh_;

  uint64_t activates_ = 0;
  int banks_open_ = 0;                // with a row that nothing has closed yet
  Femtoseconds last_closes_ = 0;      // of the rows that are being closed
  Femtoseconds open_counted_to_ = 0;  // and how long a row was open until then:
  Femtoseconds open_ = 0;
};

}  // namespace aimc::embedded

#endif
