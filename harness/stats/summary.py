"""What a run comes to: per layer and in total, and one program against another.

All figures are for one inference: events and times summed over the measured images,
divided by their number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from harness.config.schema import CoreConfig, SystemConfig
from harness.engines.events import ALL_EVENTS, CYCLE_CAUSES
from harness.engines.protocol import RegionStats, RunResult
from harness.errors import StatsError
from harness.stats.check import ExpectedRegion, check_outputs, check_result
from harness.stats.energy import EnergyBreakdown, region_energy

Unit: TypeAlias = Literal["digital", "analog"]

INT8_MACS_PER_DOT: Final = 16  # a 128-bit SDOT: four int32 lanes of four int8 products
FP32_MACS_PER_FMLA: Final = 4  # a 128-bit FMLA

PROGRAMMING: Final = "program"
"""The kind of what programs a reloaded layer's tiles: a row of its own before the layer's."""


@dataclass(frozen=True)
class LayerInfo:
    """What the plan says about one region of a program."""

    region: int
    name: str
    kind: str  # the operator: conv, dense, add, ...; or PROGRAMMING
    unit: Unit
    macs: int  # multiply-accumulates of one inference; 0 for layers without weights
    tiles: int = 0  # tiles that hold its weights, in all copies
    visits: int = 1  # of an inference: of a layer in parts several


@dataclass(frozen=True)
class CycleSplit:
    """Cycles of one inference by cause; they sum to the region's cycles."""

    compute: float
    memory: float
    tile_transfer: float
    tile_mvm: float

    @property
    def total(self) -> float:
        return self.compute + self.memory + self.tile_transfer + self.tile_mvm

    def __add__(self, other: CycleSplit) -> CycleSplit:
        return CycleSplit(
            self.compute + other.compute,
            self.memory + other.memory,
            self.tile_transfer + other.tile_transfer,
            self.tile_mvm + other.tile_mvm,
        )


@dataclass(frozen=True)
class LayerSummary:
    """One layer of one program, for one inference.

    ``utilisation`` is the share of the core's int8 dot-product (or fp32 FMLA) peak: MACs / (cycles
    x peak MACs per cycle); None for analog layers and layers without MACs.  ``events`` are the sums
    over all ``visits``, as the engine gave them.
    """

    name: str
    kind: str
    unit: Unit
    visits: int
    time_ns: float
    cycles: float
    causes: CycleSplit
    energy: EnergyBreakdown
    macs: int
    tiles: int
    utilisation: float | None
    events: dict[str, int]


@dataclass(frozen=True)
class ProgramSummary:
    """One program: its layers in execution order, for one inference."""

    name: str  # "digital" or the mapping's name
    images: int
    tiles_used: int
    clock_ghz: float
    peak_macs_per_cycle: int
    layers: tuple[LayerSummary, ...]
    simulated_ns: float  # the whole simulation, with start-up and warm-up
    instructions: int  # of the whole simulation
    host_seconds: float  # of the simulation, now or earlier

    @property
    def time_ns(self) -> float:
        return sum(layer.time_ns for layer in self.layers)

    @property
    def cycles(self) -> float:
        return sum(layer.cycles for layer in self.layers)

    @property
    def macs(self) -> int:
        return sum(layer.macs for layer in self.layers)

    @property
    def causes(self) -> CycleSplit:
        total = CycleSplit(0.0, 0.0, 0.0, 0.0)
        for layer in self.layers:
            total += layer.causes
        return total

    @property
    def energy(self) -> EnergyBreakdown:
        total = EnergyBreakdown()
        for layer in self.layers:
            total += layer.energy
        return total

    @property
    def utilisation(self) -> float | None:
        """Share of the peak over all digital layers with MACs; None without any."""
        digital = [layer for layer in self.layers if layer.unit == "digital" and layer.macs]
        cycles = sum(layer.cycles for layer in digital)
        if cycles <= 0:
            return None
        return sum(layer.macs for layer in digital) / (cycles * self.peak_macs_per_cycle)

    def layer(self, name: str) -> LayerSummary | None:
        """The layer of that name, if the program has it."""
        return next((layer for layer in self.layers if layer.name == name), None)


@dataclass(frozen=True)
class Gain:
    """Baseline over program: above 1 the program is better."""

    speed_up: float
    energy_gain: float


def peak_macs_per_cycle(core: CoreConfig, macs_per_operation: int = INT8_MACS_PER_DOT) -> int:
    """Multiply-accumulates that the core's SIMD units can start in a cycle."""
    return macs_per_operation * min(core.simd_units, core.issue_width)


def summarize(
    name: str,
    result: RunResult,
    system: SystemConfig,
    layers: Sequence[LayerInfo],
    *,
    images: int,
    tiles_used: int,
    macs_per_operation: int = INT8_MACS_PER_DOT,
) -> ProgramSummary:
    """Check a run's statistics and condense them.

    Args:
        name: What the program is called in the report.
        result: The finished run.
        system: The system it ran on.
        layers: Every region of the program, in execution order.
        images: Measured inferences; each region was visited that often, times its visits.
        tiles_used: Tiles that hold weights in this program.
        macs_per_operation: MACs of the SIMD operation that sets the core's peak.

    Raises:
        StatsError: The statistics are incomplete or contradictory.
        MismatchError: The program's outputs differ from the expected ones.
    """
    if images < 1:
        raise StatsError(f"{images} measured images", where=name)
    check_outputs(result)
    clock_ghz = system.core.clock_ghz
    expected = [ExpectedRegion(layer.region, layer.name, images * layer.visits) for layer in layers]
    check_result(result, expected, clock_ghz=clock_ghz)
    by_region = {region.region: region for region in result.regions}
    peak = peak_macs_per_cycle(system.core, macs_per_operation)
    return ProgramSummary(
        name=name,
        images=images,
        tiles_used=tiles_used,
        clock_ghz=clock_ghz,
        peak_macs_per_cycle=peak,
        layers=tuple(
            _summarize_layer(by_region[layer.region], layer, system, images, tiles_used, peak)
            for layer in layers
        ),
        simulated_ns=result.simulated_ns,
        instructions=result.instructions,
        host_seconds=result.host_seconds,
    )


def gain(baseline: ProgramSummary, program: ProgramSummary) -> Gain:
    """How much faster and more efficient ``program`` is than ``baseline``.

    Raises:
        StatsError: A program took no time or energy, so that there is no ratio.
    """
    return _gain(
        baseline.time_ns, baseline.energy.total_pj, program.time_ns, program.energy.total_pj
    )


def layer_gain(baseline: LayerSummary, layer: LayerSummary) -> Gain | None:
    """The gain in one layer; None where a program spends nothing in it."""
    if layer.time_ns <= 0 or layer.energy.total_pj <= 0:
        return None
    return _gain(baseline.time_ns, baseline.energy.total_pj, layer.time_ns, layer.energy.total_pj)


def _gain(base_ns: float, base_pj: float, time_ns: float, energy_pj: float) -> Gain:
    if time_ns <= 0 or energy_pj <= 0 or base_ns < 0 or base_pj < 0:
        raise StatsError(f"no ratio can be formed from {time_ns:g} ns and {energy_pj:g} pJ")
    ratios = Gain(speed_up=base_ns / time_ns, energy_gain=base_pj / energy_pj)
    if not (math.isfinite(ratios.speed_up) and math.isfinite(ratios.energy_gain)):
        raise StatsError(
            f"no ratio can be formed from {base_pj:g} pJ and {energy_pj:g} pJ",
            hint="check the energies of the system",
        )
    return ratios


def _summarize_layer(
    stats: RegionStats,
    info: LayerInfo,
    system: SystemConfig,
    images: int,
    tiles_used: int,
    peak: int,
) -> LayerSummary:
    cycles = stats.events["cycles"] / images
    measurable = info.unit == "digital" and info.macs > 0 and cycles > 0
    return LayerSummary(
        name=info.name,
        kind=info.kind,
        unit=info.unit,
        visits=stats.visits,
        time_ns=stats.time_ns / images,
        cycles=cycles,
        causes=CycleSplit(*(stats.events[cause] / images for cause in CYCLE_CAUSES)),
        energy=region_energy(stats, system, tiles_used).scaled(1 / images),
        macs=info.macs,
        tiles=info.tiles,
        utilisation=info.macs / (cycles * peak) if measurable else None,
        events={name: stats.events[name] for name in ALL_EVENTS},
    )
