"""Results as pandas tables; units are in the column names."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

import pandas as pd

from harness.budget import JSON_BYTES
from harness.errors import DataError
from harness.reading import read_regular
from harness.report.bounds import layer_bound
from harness.report.comparison import Comparison
from harness.report.time_by_cause import times_by_cause
from harness.stats.summary import LayerSummary, ProgramSummary, layer_gain

_FIGURES: Final = ("time_ns", "cycles", "energy_pj")
_FIRST_COLUMNS: Final = (
    *("operator", "unit", "tiles", "macs"),
    *("digital_time_ns", "mapped_time_ns", "speed_up"),
    *("digital_energy_pj", "mapped_energy_pj", "energy_gain"),
    *("time_over_bound", "why_digital"),
)
_ACCURACY_COLUMNS: Final = {
    "what": "str",
    "accuracy_percent": "float64",
    "correct": "int64",
    "images": "int64",
    "ties": "int64",
}


def layer_table(comparison: Comparison) -> pd.DataFrame:
    """One row per layer in execution order, the two programs side by side.

    The index is the layer's name.  Columns of a program begin with ``digital_`` or ``mapped_``
    (empty where only the digital program ran), and with ``fp32_`` if the float network was
    simulated.  All figures are for one inference.

    ``unit`` and ``tiles`` say where the mapped program has the layer, ``speed_up`` and
    ``energy_gain`` are digital over mapped, ``time_over_bound`` compares an analog layer with its
    lower bound, and ``why_digital`` says why a layer that the mapping wants analog is not.  On an
    out-of-order core ``compute`` includes the wait for memory.
    """
    placed = comparison.digital if comparison.mapped is None else comparison.mapped
    mapped = _program_columns(placed)
    if comparison.mapped is None:
        mapped[:] = float("nan")
    programs = [
        _program_columns(comparison.digital).add_prefix("digital_"),
        mapped.add_prefix("mapped_"),
    ]
    if comparison.fp32 is not None:
        programs.append(_program_columns(comparison.fp32)[list(_FIGURES)].add_prefix("fp32_"))
    rows = [_placed_columns(comparison, layer) for layer in placed.layers]
    index = pd.Index([layer.name for layer in placed.layers], name="layer")
    table = pd.concat([pd.DataFrame(rows, index), *programs], axis="columns")
    rest = [column for column in table.columns if column not in _FIRST_COLUMNS]
    return table[[*_FIRST_COLUMNS, *rest]]


def accuracy_table(comparison: Comparison) -> pd.DataFrame:
    """One row per measured accuracy, that of the float network first; none without labels.

    In ``ties`` of the ``images`` several classes share the largest value; the first one counts.
    """
    entries = () if comparison.accuracy is None else comparison.accuracy.everything
    rows = [
        (entry.what, entry.percent, entry.correct, entry.images, entry.ties) for entry in entries
    ]
    return pd.DataFrame(rows, columns=list(_ACCURACY_COLUMNS)).astype(_ACCURACY_COLUMNS)


def search_table(path: Path) -> pd.DataFrame:
    """A search's ``accuracy.csv``: one row per measured accuracy; docs/accuracy.md has the columns.

    Raises:
        DataError: The file cannot be read, or is no such table.
    """
    try:
        table = pd.read_csv(io.BytesIO(read_regular(path, JSON_BYTES)))
        table["accepted"] = table["accepted"].map({"yes": True, "no": False}).astype("boolean")
    except (OSError, ValueError, KeyError) as error:  # pandas' own errors are ValueErrors
        raise DataError(
            "the table of a search cannot be read", where=str(path), hint="search again"
        ) from error
    return table


def _program_columns(program: ProgramSummary) -> pd.DataFrame:
    """Time, cycles and energy of each layer, and what they consist of."""
    rows = []
    for layer in program.layers:
        causes = times_by_cause(layer.causes, program.clock_ghz)
        groups = layer.energy.groups()
        rows.append(
            {
                "time_ns": layer.time_ns,
                "cycles": layer.cycles,
                "energy_pj": layer.energy.total_pj,
                **{f"{cause}_time_ns": time_ns for cause, time_ns in causes.items()},
                **{
                    f"{group.lower().replace(' ', '_')}_energy_pj": energy_pj
                    for group, energy_pj in groups.items()
                },
            }
        )
    return pd.DataFrame(rows, pd.Index([layer.name for layer in program.layers], name="layer"))


def _placed_columns(comparison: Comparison, layer: LayerSummary) -> dict[str, object]:
    """What the layer is and where it runs, and what that gains."""
    mapped, plan = comparison.mapped, comparison.plan
    digital = comparison.digital.layer(layer.name)
    gain = layer_gain(digital, layer) if mapped is not None and digital is not None else None
    bound = layer_bound(comparison, layer)
    return {
        "operator": layer.kind,
        "unit": layer.unit,
        "tiles": layer.tiles,
        "macs": layer.macs,
        "speed_up": float("nan") if gain is None else gain.speed_up,
        "energy_gain": float("nan") if gain is None else gain.energy_gain,
        "time_over_bound": float("nan") if bound is None else layer.time_ns / bound.time_ns,
        "why_digital": "" if plan is None else plan.kept_digital.get(layer.name, ""),
    }
