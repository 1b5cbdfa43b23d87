// One channel of DRAM behind its controller: rows, refresh, and writes that wait for a good moment.
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

  // A read of `line` that leaves the last cache at `now`; returns when its data are back.
  Femtoseconds read(LineNumber line, Femtoseconds now);

  // A write that leaves it at `now`; it waits in the controller.
  void write(LineNumber line, Femtoseconds now);

  // Rows opened so far, and how long until `now` a row of any bank was open.
  uint64_t activates() const { return activates_; }
  Femtoseconds open_until(Femtoseconds now);

 private:
  // Of the controller: writes are taken up, a batch at a time, when so many wait and no read does;
  // and how often a row is used before it is closed.
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

  // A time in which the channel idles.
  struct Gap {
    Femtoseconds begin = 0;
    Femtoseconds end = 0;
  };

  // The command for `line`, at or after `now`: when it is given.
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
