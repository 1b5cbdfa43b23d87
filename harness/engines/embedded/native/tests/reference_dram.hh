// When a DRAM must answer, from lists of all rows ever opened and all lines ever moved; nothing of
// it is shared with the model.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_TESTS_REFERENCE_DRAM_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_TESTS_REFERENCE_DRAM_HH_

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "harness/engines/embedded/native/params.hh"

namespace aimc_test {

class ReferenceDram {
 public:
  using Time = aimc::embedded::Femtoseconds;

  explicit ReferenceDram(const aimc::embedded::DramParams& params)
      : params_(params), banks_(static_cast<size_t>(params.banks)) {}

  Time read(int64_t line, Time now);
  void write(int64_t line, Time now);
  uint64_t activates() const { return activates_; }

 private:
  struct Bank {
    int64_t row = -1;
    int lines = 0;        // moved since the row was opened
    Time opened = 0;      // the row
    Time next_line = 0;   // earliest, of the open row
    Time next_opens = 0;  // earliest, another row
  };

  Time command(int64_t line, Time now);
  void refresh(Time now);
  Time first_free(Time earliest) const;
  void write_waiting(Time now);

  aimc::embedded::DramParams params_;
  std::vector<Bank> banks_;
  std::map<Time, Time> busy_;  // of the channel: begin to end
  std::vector<int64_t> waiting_;
  int64_t refreshes_ = 0;
  uint64_t activates_ = 0;
};

}  // namespace aimc_test

#endif
