// Events by region.
#ifndef HARNESS_ENGINES_EMBEDDED_NATIVE_REGIONS_HH_
#define HARNESS_ENGINES_EMBEDDED_NATIVE_REGIONS_HH_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "events.hh"

namespace aimc::embedded {

struct RegionTotals {
  uint64_t visits = 0;
  Events events{};
};

class Regions {
 public:
  // Both return what is wrong with the call, or nothing.
  std::optional<std::string> begin(uint64_t id, const Events& now) {
    if (open_) {
      return "region " + std::to_string(id) + " begins inside region " + std::to_string(*open_);
    }
    open_ = id;
    start_ = now;
    return std::nullopt;
  }

  std::optional<std::string> end(uint64_t id, const Events& now) {
    if (open_ != id) {
      return "region " + std::to_string(id) + " ends, but " +
             (open_ ? "region " + std::to_string(*open_) : std::string("none")) + " is open";
    }
    RegionTotals& totals = totals_[id];
    ++totals.visits;
    add_difference(totals.events, start_, now);
    open_.reset();
    return std::nullopt;
  }

  const std::optional<uint64_t>& open() const { return open_; }
  const std::map<uint64_t, RegionTotals>& totals() const { return totals_; }

 private:
  std::optional<uint64_t> open_;
  Events start_{};
  std::map<uint64_t, RegionTotals> totals_;
};

}  // namespace aimc::embedded

#endif
