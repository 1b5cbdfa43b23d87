// What a tile counts, as gem5 statistics.
#ifndef AIMC_TILE_TILE_STATS_HH
#define AIMC_TILE_TILE_STATS_HH

#include <functional>

#include "aimc_tile/core/statistics.hh"
#include "base/statistics.hh"

namespace gem5 {

struct AimcTileParams;

/**
 * The core's sums since the statistics were last reset; core/statistics.hh has their names.
 */
class AimcTileStats : public statistics::Group {
 public:
  /** @param update Brings the core's sums up to the present and returns them. */
  AimcTileStats(statistics::Group* parent, const AimcTileParams& params,
                std::function<const aimc::Statistics&()> update);

  void resetStats() override;
  void preDumpStats() override;

 private:
  const std::function<const aimc::Statistics&()> update;
  aimc::Statistics base;

  // Everything else is printed for active tiles only: a system has hundreds.
  statistics::Scalar active;

#define AIMC_SCALAR(use, name, gem5Name, Unit, what) statistics::Scalar gem5Name;
  AIMC_TILE_COUNTS(AIMC_SCALAR)
  statistics::Vector guestErrorsByKind;

  AIMC_TILE_TIMES(AIMC_SCALAR)
#undef AIMC_SCALAR
  statistics::Formula utilization;

  statistics::Scalar holdsWeights;

  /** Energy by component; a group of the tile's, since gem5 does not merge groups of groups. */
  struct Energy : public statistics::Group {
    Energy(statistics::Group* parent, AimcTileStats& stats, const AimcTileParams& params);

    statistics::Formula dac;
    statistics::Formula crossbar;
    statistics::Formula adc;
    statistics::Formula transfer;
    statistics::Formula program;
    statistics::Formula leakage;
    statistics::Formula total;
  } energy;
};

}  // namespace gem5

#endif  // AIMC_TILE_TILE_STATS_HH
