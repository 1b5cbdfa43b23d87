"""``layers.csv``: one row per layer and program, and one for each program's total."""

from __future__ import annotations

import csv
import io

from harness.engines.events import ALL_EVENTS
from harness.placement.bounds import AnalogBound
from harness.report.bounds import layer_bound
from harness.report.comparison import Comparison
from harness.stats.energy import EnergyBreakdown
from harness.stats.summary import CycleSplit, LayerSummary, ProgramSummary, layer_gain

TOTAL = "TOTAL"


def layers_csv(comparison: Comparison) -> str:
    """The table as CSV text with a header.

    Times, cycles, energies and MACs are for one inference; ``dot_product_utilisation`` of the fp32
    program is the share of the FMLA peak; ``event_*`` columns are the
    engine's sums over all ``visits``.  ``weights`` says whether they are trained.
    """
    rows = [row for program in comparison.programs for row in _program_rows(comparison, program)]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _program_rows(comparison: Comparison, program: ProgramSummary) -> list[dict[str, object]]:
    random = comparison.model.random_weights
    weights = "random, no accuracy is given" if random else "trained"
    common = {"model": comparison.model.name, "weights": weights, "program": program.name}
    rows = [{**common, **_layer_row(comparison, program, layer)} for layer in program.layers]
    total_gain = comparison.gain if program is comparison.mapped else None
    total = _row(
        name=TOTAL,
        kind="",
        unit="",
        tiles=program.tiles_used,
        time_ns=program.time_ns,
        share=1.0,
        cycles=program.cycles,
        causes=program.causes,
        macs=program.macs,
        utilisation=program.utilisation,
        speed_up=total_gain.speed_up if total_gain else None,
        energy_gain=total_gain.energy_gain if total_gain else None,
        energy=program.energy,
    )
    events: dict[str, object] = {
        f"event_{name}": sum(layer.events[name] for layer in program.layers) for name in ALL_EVENTS
    }
    return [*rows, {**common, **total, "visits": program.images, **events}]


def _layer_row(
    comparison: Comparison, program: ProgramSummary, layer: LayerSummary
) -> dict[str, object]:
    gain = None
    if program is comparison.mapped:
        baseline = comparison.digital.layer(layer.name)
        gain = layer_gain(baseline, layer) if baseline else None
    row = _row(
        name=layer.name,
        kind=layer.kind,
        unit=layer.unit,
        tiles=layer.tiles,
        time_ns=layer.time_ns,
        share=layer.time_ns / program.time_ns if program.time_ns > 0 else 0.0,
        cycles=layer.cycles,
        causes=layer.causes,
        macs=layer.macs,
        utilisation=layer.utilisation,
        speed_up=gain.speed_up if gain else None,
        energy_gain=gain.energy_gain if gain else None,
        energy=layer.energy,
        bound=layer_bound(comparison, layer),
    )
    events = {f"event_{name}": layer.events[name] for name in ALL_EVENTS}
    return {**row, "visits": layer.visits, **events}


def _row(
    *,
    name: str,
    kind: str,
    unit: str,
    tiles: int,
    time_ns: float,
    share: float,
    cycles: float,
    causes: CycleSplit,
    macs: int,
    utilisation: float | None,
    speed_up: float | None,
    energy_gain: float | None,
    energy: EnergyBreakdown,
    bound: AnalogBound | None = None,
) -> dict[str, object]:
    return {
        "layer": name,
        "op": kind,
        "unit": unit,
        "tiles": tiles,
        "time_ns": time_ns,
        "time_share": share,
        "cycles": cycles,
        "cycles_compute": causes.compute,
        "cycles_memory": causes.memory,
        "cycles_tile_transfer": causes.tile_transfer,
        "cycles_tile_mvm": causes.tile_mvm,
        "macs": macs,
        "dot_product_utilisation": utilisation,
        "speed_up": speed_up,
        "energy_gain": energy_gain,
        "bound_tile_ns": bound.tile_ns if bound else None,
        "bound_transfer_ns": bound.transfer_ns if bound else None,
        "bound_digital_ns": bound.digital_ns if bound else None,
        "bound_serial_ns": bound.serial_ns if bound else None,
        "time_over_bound": time_ns / bound.time_ns if bound else None,
        "time_over_serial_bound": time_ns / bound.serial_ns if bound else None,
        "energy_pj": energy.total_pj,
        **{f"energy_{name}": value for name, value in energy.components().items()},
    }
