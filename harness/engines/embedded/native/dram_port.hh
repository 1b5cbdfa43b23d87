// DRAM as the caches reach it, over the system crossbar: when lines arrive, and the bytes moved.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_DRAM_PORT_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_DRAM_PORT_HH_

#include <cstdint>

#include "clock.hh"
#include "dram.hh"
#include "events.hh"
#include "params.hh"

namespace aimc::embedded {

class DramPort {
 public:
  DramPort(const DramParams& dram, uint32_t line_bytes, Events& events)
      : dram_(dram), line_bytes_(line_bytes), events_(events) {}

  // A line requested at `asked`, which waits `wait` for an edge of the crossbar's clock.  Returns
  // the edge at which the line leaves the crossbar.
  Femtoseconds read(LineNumber line, Femtoseconds asked, Femtoseconds wait) {
    events_[kDramReadBytes] += line_bytes_;
    return up_to_edge(dram_.read(line, asked) + wait, kSystemPeriod);
  }

  void write(LineNumber line, Femtoseconds now) {
    events_[kDramWriteBytes] += line_bytes_;
    dram_.write(line, now);
  }

  // Sets the events that count rows to their values at `now`.
  void count_rows(Femtoseconds now) {
    events_[kDramActivates] = dram_.activates();
    events_[kDramOpenPs] = static_cast<uint64_t>(dram_.open_until(now) / kFsPerPs);
  }

 private:
  Dram dram_;
  uint32_t line_bytes_;
  Events& events_;
};

}  // namespace aimc::embedded

#endif
