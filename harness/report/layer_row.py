"""One row per layer of a program: what tables, files and pictures of a comparison are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.engines.events import ALL_EVENTS
from harness.placement.bounds import AnalogBound
from harness.report.bounds import layer_bound
from harness.report.comparison import Comparison
from harness.report.time_by_cause import times_by_cause
from harness.stats.energy import EnergyBreakdown
from harness.stats.summary import CycleSplit, Gain, LayerSummary, ProgramSummary, layer_gain

TOTAL = "TOTAL"


@dataclass(frozen=True)
class LayerRow:
    """A layer of one program, or all of them together; for one inference.

    Attributes:
        program: ``digital``, ``mapped`` or ``fp32``.
        layer: Its name; `TOTAL` of all together.
        operator: ``conv``, ``dense``, ``add``, ...; empty of the total.
        unit: ``digital`` or ``analog``, where the program has it; empty of the total.
        tiles: Tiles that hold its weights, in all copies.
        macs: Multiply-accumulates; 0 without weights.
        visits: How often it ran, in all inferences; of the total, the inferences.
        time_ns: Time.
        time_share: Of the program's time, 0 to 1.
        cycles: Core cycles.
        causes: Core cycles by what they were spent on; they sum to ``cycles``.
        clock_ghz: The core's clock.
        utilisation: MACs over what the core's SIMD units could do in the cycles; None of layers
            that are analog or have no MACs.
        peak_macs_per_cycle: What the core's SIMD units can do.
        energy: Energy in pJ by component.
        gain: Over the digital program, of the mapped one; None where there is no ratio.
        bound: The shortest times on these tiles; None of what multiplies on no tile.
        events: The engine's counts, summed over all ``visits``.
        why_digital: Why the layer is not analog, although the mapping wants it.
    """

    program: str
    layer: str
    operator: str
    unit: str
    tiles: int
    macs: int
    visits: int
    time_ns: float
    time_share: float
    cycles: float
    causes: CycleSplit
    clock_ghz: float
    utilisation: float | None
    peak_macs_per_cycle: int
    energy: EnergyBreakdown
    gain: Gain | None
    bound: AnalogBound | None
    events: Mapping[str, int]
    why_digital: str | None = None

    @property
    def energy_pj(self) -> float:
        return self.energy.total_pj

    @property
    def speed_up(self) -> float | None:
        """Time of the digital program over this one's."""
        return None if self.gain is None else self.gain.speed_up

    @property
    def energy_gain(self) -> float | None:
        """Energy of the digital program over this one's."""
        return None if self.gain is None else self.gain.energy_gain

    @property
    def time_over_bound(self) -> float | None:
        return None if self.bound is None else self.time_ns / self.bound.time_ns

    @property
    def time_over_serial_bound(self) -> float | None:
        return None if self.bound is None else self.time_ns / self.bound.serial_ns

    @property
    def causes_ns(self) -> dict[str, float]:
        """Time in ns by what it was spent on: the fields of `CycleSplit`."""
        return times_by_cause(self.causes, self.clock_ghz)

    @property
    def runs_on(self) -> str:
        """The unit on which the program runs the layer, in words."""
        if self.unit == "digital":
            return "core"
        return f"{self.tiles} tile{'s' if self.tiles != 1 else ''}"


def layer_rows(comparison: Comparison, program: ProgramSummary) -> list[LayerRow]:
    """One row per layer of ``program``, in execution order.

    Raises:
        StatsError: A layer's time or energy makes no ratio, or its tiles are not its matrix's.
    """
    is_mapped = program is comparison.mapped
    kept = comparison.plan.kept_digital if is_mapped and comparison.plan is not None else {}
    return [
        LayerRow(
            program=program.name,
            layer=layer.name,
            operator=layer.kind,
            unit=layer.unit,
            tiles=layer.tiles,
            macs=layer.macs,
            visits=layer.visits,
            time_ns=layer.time_ns,
            time_share=layer.time_ns / program.time_ns if program.time_ns > 0 else 0.0,
            cycles=layer.cycles,
            causes=layer.causes,
            clock_ghz=program.clock_ghz,
            utilisation=layer.utilisation,
            peak_macs_per_cycle=program.peak_macs_per_cycle,
            energy=layer.energy,
            gain=_gain(comparison, layer) if is_mapped else None,
            bound=layer_bound(comparison, layer),
            events=layer.events,
            why_digital=kept.get(layer.name),
        )
        for layer in program.layers
    ]


def total_row(comparison: Comparison, program: ProgramSummary) -> LayerRow:
    """All layers of ``program`` together."""
    return LayerRow(
        program=program.name,
        layer=TOTAL,
        operator="",
        unit="",
        tiles=program.tiles_used,
        macs=program.macs,
        visits=program.images,
        time_ns=program.time_ns,
        time_share=1.0,
        cycles=program.cycles,
        causes=program.causes,
        clock_ghz=program.clock_ghz,
        utilisation=program.utilisation,
        peak_macs_per_cycle=program.peak_macs_per_cycle,
        energy=program.energy,
        gain=comparison.gain if program is comparison.mapped else None,
        bound=None,
        events={name: sum(layer.events[name] for layer in program.layers) for name in ALL_EVENTS},
    )


def _gain(comparison: Comparison, layer: LayerSummary) -> Gain | None:
    baseline = comparison.digital.layer(layer.name)
    return None if baseline is None else layer_gain(baseline, layer)
