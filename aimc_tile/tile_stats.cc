#include "aimc_tile/tile_stats.hh"

#include <utility>

#include "params/AimcTile.hh"
#include "sim/core.hh"
#include "sim/stats.hh"

namespace gem5 {
namespace {

constexpr const char* kErrorKinds[] = {
#define AIMC_NAME(NAME, gem5Name, what) #gem5Name,
    AIMC_TILE_ERRORS(AIMC_NAME)
#undef AIMC_NAME
};

// Digits after the point of an energy in joules, down to an attojoule.
constexpr int kEnergyDigits = 18;

}  // namespace

#define AIMC_ADD_STAT(use, name, gem5Name, Unit, what) \
  ADD_STAT(gem5Name, statistics::units::Unit::get(), what),

AimcTileStats::AimcTileStats(statistics::Group* parent, const AimcTileParams& params,
                             std::function<const aimc::Statistics&()> update)
    : statistics::Group(parent),
      update(std::move(update)),
      ADD_STAT(active, statistics::units::Count::get(),
               "1 if the tile holds weights or the guest has used it; else it prints nothing more"),
      AIMC_TILE_COUNTS(AIMC_ADD_STAT)  //
      ADD_STAT(guestErrorsByKind, statistics::units::Count::get(), "Errors of the guest by kind"),
      AIMC_TILE_TIMES(AIMC_ADD_STAT)  //
      ADD_STAT(utilization, statistics::units::Ratio::get(), "Share of the time it converts",
               busyTicks / simTicks),
      ADD_STAT(holdsWeights, statistics::units::Count::get(), "1 if cells have ever been written"),
      energy(parent, *this, params) {
#undef AIMC_ADD_STAT
  guestErrorsByKind.init(AIMC_ERROR_KINDS);
  for (unsigned kind = 0; kind < AIMC_ERROR_KINDS; ++kind)
    guestErrorsByKind.subname(kind, kErrorKinds[kind]);
#define AIMC_PREREQ(use, name, gem5Name, Unit, what) gem5Name.prereq(active);
  AIMC_TILE_COUNTS(AIMC_PREREQ)
  AIMC_TILE_TIMES(AIMC_PREREQ)
#undef AIMC_PREREQ
  holdsWeights.prereq(active);
  guestErrorsByKind.prereq(active);
  utilization.prereq(active);
}

AimcTileStats::Energy::Energy(statistics::Group* parent, AimcTileStats& stats,
                              const AimcTileParams& params)
    : statistics::Group(parent, "energy"),
      ADD_STAT(dac, statistics::units::Joule::get(), "Input converters",
               stats.dacConversions * statistics::constant(params.dac_energy)),
      ADD_STAT(crossbar, statistics::units::Joule::get(), "Cells that were read",
               stats.cellReads * statistics::constant(params.cell_energy)),
      ADD_STAT(adc, statistics::units::Joule::get(), "Output converters",
               stats.adcConversions * statistics::constant(params.adc_energy)),
      ADD_STAT(transfer, statistics::units::Joule::get(), "Into and out of the buffers",
               (stats.bytesIn + stats.bytesOut) * statistics::constant(params.transfer_energy)),
      ADD_STAT(program, statistics::units::Joule::get(), "Cells that were programmed",
               stats.cellsProgrammed * statistics::constant(params.program_energy)),
      ADD_STAT(leakage, statistics::units::Joule::get(), "While the tile holds weights",
               stats.holdsWeights * simSeconds * statistics::constant(params.leakage_power)),
      ADD_STAT(total, statistics::units::Joule::get(), "All components",
               dac + crossbar + adc + transfer + program + leakage) {
  for (statistics::Formula* formula :
       {&dac, &crossbar, &adc, &transfer, &program, &leakage, &total})
    formula->precision(kEnergyDigits).prereq(stats.active);
}

void AimcTileStats::resetStats() {
  statistics::Group::resetStats();
  base = update();
}

void AimcTileStats::preDumpStats() {
  statistics::Group::preDumpStats();
  const aimc::Statistics& sum = update();
  const double ticks_per_ps = static_cast<double>(sim_clock::as_int::ps);
#define AIMC_COUNT(use, name, gem5Name, Unit, what) gem5Name = sum.name - base.name;
#define AIMC_TIME(use, name, gem5Name, Unit, what) gem5Name = (sum.name - base.name) * ticks_per_ps;
  AIMC_TILE_COUNTS(AIMC_COUNT)
  AIMC_TILE_TIMES(AIMC_TIME)
#undef AIMC_COUNT
#undef AIMC_TIME
  for (unsigned kind = 0; kind < AIMC_ERROR_KINDS; ++kind)
    guestErrorsByKind[kind] = sum.errors_by_kind[kind] - base.errors_by_kind[kind];
  active = sum.cells_programmed + sum.device_reads + sum.device_writes > 0 ? 1 : 0;
  holdsWeights = sum.cells_programmed > 0 ? 1 : 0;
}

}  // namespace gem5
