// A timing state as bytes, with cycles relative to an origin.  States with equal bytes have an
// equal future.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_STATE_BYTES_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_STATE_BYTES_HH_

#include <cstddef>
#include <cstdint>
#include <string>

#include "params.hh"

namespace aimc::embedded {

class StateWriter {
 public:
  // Cycles are written as their distance from `origin`.
  StateWriter(std::string& bytes, Cycle origin) : bytes_(bytes), origin_(origin) {}

  // All values of `cycle` at or before `floor` have the same effect.
  void cycle(Cycle cycle, Cycle floor) {
    if (cycle <= floor) {
      small(0);
    } else {
      exact(cycle);
    }
  }
  void exact(Cycle cycle) {
    const Cycle value = cycle - origin_ + kBias;
    if (value >= 1 && value < kFar) {
      small(static_cast<unsigned>(value));
      return;
    }
    const Cycle far = value + kFarBias;
    fits_ &= far >= 0 && far < 2 * kFarBias;
    small(static_cast<unsigned>(kFar));
    small(static_cast<unsigned>(far & 255));
    small(static_cast<unsigned>(far >> 8 & 255));
  }
  void small(unsigned value) { bytes_.push_back(static_cast<char>(value)); }

  void require(bool what) { fits_ &= what; }

  // All cycles were near enough to the origin, and all requirements held.
  bool fits() const { return fits_; }

 private:
  friend class StateReader;
  static constexpr Cycle kBias = 128;
  static constexpr Cycle kFar = 255;  // two bytes follow
  static constexpr Cycle kFarBias = 1 << 15;

  std::string& bytes_;
  Cycle origin_;
  bool fits_ = true;
};

class StateReader {
 public:
  StateReader(const std::string& bytes, Cycle origin) : bytes_(bytes), origin_(origin) {}

  Cycle cycle() {
    Cycle value = small();
    if (value == 0) return kLongAgo;
    if (value == StateWriter::kFar) {
      value = small();
      value += (static_cast<Cycle>(small()) << 8) - StateWriter::kFarBias;
    }
    return origin_ + value - StateWriter::kBias;
  }
  unsigned small() { return static_cast<uint8_t>(bytes_[at_++]); }
  bool at_end() const { return at_ == bytes_.size(); }

  static constexpr Cycle kLongAgo = 0;

 private:
  const std::string& bytes_;
  Cycle origin_;
  size_t at_ = 0;
};

}  // namespace aimc::embedded

#endif
