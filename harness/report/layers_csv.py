"""``layers.csv``: one row per layer and program, and one for each program's total."""

from __future__ import annotations

import csv
import io

from harness.engines.events import ALL_EVENTS
from harness.report.comparison import Comparison
from harness.report.layer_row import LayerRow, layer_rows, total_row


def layers_csv(comparison: Comparison) -> str:
    """The table as CSV text with a header.

    Times, cycles, energies and MACs are for one inference; ``dot_product_utilisation`` of the fp32
    program is the share of the FMLA peak; ``event_*`` columns are the
    engine's sums over all ``visits``.  ``weights`` says whether they are trained.
    """
    random = comparison.model.random_weights
    weights = "random, no accuracy is given" if random else "trained"
    common = {"model": comparison.model.name, "weights": weights}
    rows = [
        {**common, **_cells(row)}
        for program in comparison.programs
        for row in (*layer_rows(comparison, program), total_row(comparison, program))
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _cells(row: LayerRow) -> dict[str, object]:
    bound = row.bound
    return {
        "program": row.program,
        "layer": row.layer,
        "op": row.operator,
        "unit": row.unit,
        "tiles": row.tiles,
        "time_ns": row.time_ns,
        "time_share": row.time_share,
        "cycles": row.cycles,
        "cycles_compute": row.causes.compute,
        "cycles_memory": row.causes.memory,
        "cycles_tile_transfer": row.causes.tile_transfer,
        "cycles_tile_mvm": row.causes.tile_mvm,
        "macs": row.macs,
        "dot_product_utilisation": row.utilisation,
        "speed_up": row.speed_up,
        "energy_gain": row.energy_gain,
        "bound_tile_ns": bound.tile_ns if bound else None,
        "bound_transfer_ns": bound.transfer_ns if bound else None,
        "bound_digital_ns": bound.digital_ns if bound else None,
        "bound_serial_ns": bound.serial_ns if bound else None,
        "time_over_bound": row.time_over_bound,
        "time_over_serial_bound": row.time_over_serial_bound,
        "energy_pj": row.energy_pj,
        **{f"energy_{name}": value for name, value in row.energy.components().items()},
        "visits": row.visits,
        **{f"event_{name}": row.events[name] for name in ALL_EVENTS},
    }
