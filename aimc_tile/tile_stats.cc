#include "aimc_tile/tile_stats.hh"

#include <utility>

#include "params/AimcTile.hh"
#include "sim/core.hh"
#include "sim/stats.hh"

namespace gem5 {
namespace {

constexpr const char* kErrorKinds[AIMC_ERROR_KINDS] = {
    "address", "size", "geometry", "busy", "empty", "descriptor", "bus", "readOnly", "value"};

// Digits after the point of an energy in joules, down to an attojoule.
constexpr int kEnergyDigits = 18;

}  // namespace

AimcTileStats::AimcTileStats(statistics::Group* parent, const AimcTileParams& params,
                             std::function<const aimc::Statistics&()> update)
    : statistics::Group(parent),
      update(std::move(update)),
      ADD_STAT(active, statistics::units::Count::get(),
               "1 if the tile holds weights or the guest has used it; else it prints nothing more"),
      ADD_STAT(mvms, statistics::units::Count::get(), "Matrix-vector multiplications started"),
      ADD_STAT(dacConversions, statistics::units::Count::get(), "Inputs converted"),
      ADD_STAT(adcConversions, statistics::units::Count::get(), "Outputs converted"),
      ADD_STAT(cellReads, statistics::units::Count::get(),
               "Active rows x active columns, summed over multiplications"),
      ADD_STAT(dacSaturations, statistics::units::Count::get(), "Inputs beyond the DAC's range"),
      ADD_STAT(adcSaturations, statistics::units::Count::get(), "Outputs beyond the ADC's range"),
      ADD_STAT(bytesIn, statistics::units::Byte::get(),
               "Written to the windows or read from memory"),
      ADD_STAT(bytesOut, statistics::units::Byte::get(),
               "Read from the windows or written to memory"),
      ADD_STAT(cellsProgrammed, statistics::units::Count::get(), "Cells programmed"),
      ADD_STAT(deviceReads, statistics::units::Count::get(), "Read accesses, refused ones too"),
      ADD_STAT(deviceWrites, statistics::units::Count::get(), "Write accesses, refused ones too"),
      ADD_STAT(dmaDescriptors, statistics::units::Count::get(),
               "Descriptors completed, failed ones too"),
      ADD_STAT(guestErrors, statistics::units::Count::get(), "Errors of the guest"),
      ADD_STAT(guestErrorsByKind, statistics::units::Count::get(), "Errors of the guest by kind"),
      ADD_STAT(busyTicks, statistics::units::Tick::get(), "A multiplication converts"),
      ADD_STAT(transferTicks, statistics::units::Tick::get(), "DMA moves data"),
      ADD_STAT(overlapTicks, statistics::units::Tick::get(),
               "A multiplication converts while DMA moves data"),
      ADD_STAT(waitTicks, statistics::units::Tick::get(),
               "Nothing converts although a multiplication is queued or a descriptor in progress"),
      ADD_STAT(utilization, statistics::units::Ratio::get(), "Share of the time it converts",
               busyTicks / simTicks),
      ADD_STAT(holdsWeights, statistics::units::Count::get(), "1 if cells have ever been written"),
      energy(parent, *this, params) {
  guestErrorsByKind.init(AIMC_ERROR_KINDS);
  for (unsigned kind = 0; kind < AIMC_ERROR_KINDS; ++kind)
    guestErrorsByKind.subname(kind, kErrorKinds[kind]);
  for (statistics::Scalar* scalar :
       {&mvms, &dacConversions, &adcConversions, &cellReads, &dacSaturations, &adcSaturations,
        &bytesIn, &bytesOut, &cellsProgrammed, &deviceReads, &deviceWrites, &dmaDescriptors,
        &guestErrors, &busyTicks, &transferTicks, &overlapTicks, &waitTicks, &holdsWeights})
    scalar->prereq(active);
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
  mvms = sum.mvms - base.mvms;
  dacConversions = sum.dac_conversions - base.dac_conversions;
  adcConversions = sum.adc_conversions - base.adc_conversions;
  cellReads = sum.cell_reads - base.cell_reads;
  dacSaturations = sum.dac_saturations - base.dac_saturations;
  adcSaturations = sum.adc_saturations - base.adc_saturations;
  bytesIn = sum.bytes_in - base.bytes_in;
  bytesOut = sum.bytes_out - base.bytes_out;
  cellsProgrammed = sum.cells_programmed - base.cells_programmed;
  deviceReads = sum.device_reads - base.device_reads;
  deviceWrites = sum.device_writes - base.device_writes;
  dmaDescriptors = sum.dma_descriptors - base.dma_descriptors;
  guestErrors = sum.guest_errors - base.guest_errors;
  for (unsigned kind = 0; kind < AIMC_ERROR_KINDS; ++kind)
    guestErrorsByKind[kind] = sum.errors_by_kind[kind] - base.errors_by_kind[kind];
  busyTicks = (sum.busy_ps - base.busy_ps) * ticks_per_ps;
  transferTicks = (sum.transfer_ps - base.transfer_ps) * ticks_per_ps;
  overlapTicks = (sum.overlap_ps - base.overlap_ps) * ticks_per_ps;
  waitTicks = (sum.wait_ps - base.wait_ps) * ticks_per_ps;
  active = sum.cells_programmed + sum.device_reads + sum.device_writes > 0 ? 1 : 0;
  holdsWeights = sum.cells_programmed > 0 ? 1 : 0;
}

}  // namespace gem5
