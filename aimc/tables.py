"""Results as pandas tables; units are in the column names."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

import pandas as pd

from harness.budget import JSON_BYTES
from harness.errors import DataError
from harness.reading import read_regular
from harness.report.comparison import Comparison
from harness.report.layer_row import LayerRow, layer_rows, total_row

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
    rows = layer_rows(comparison, comparison.mapped or comparison.digital)
    mapped = _figures(rows)
    if comparison.mapped is None:
        mapped[:] = float("nan")
    digital = _figures(layer_rows(comparison, comparison.digital))
    programs = [digital.add_prefix("digital_"), mapped.add_prefix("mapped_")]
    if comparison.fp32 is not None:
        fp32 = _figures(layer_rows(comparison, comparison.fp32))
        programs.append(fp32[list(_FIGURES)].add_prefix("fp32_"))
    placed = pd.DataFrame([_placed(row) for row in rows], _index(rows))
    table = pd.concat([placed, *programs], axis="columns")
    rest = [column for column in table.columns if column not in _FIRST_COLUMNS]
    return table[[*_FIRST_COLUMNS, *rest]]


def program_table(comparison: Comparison) -> pd.DataFrame:
    """One row per program: its totals for one inference."""
    rows = [total_row(comparison, program) for program in comparison.programs]
    index = pd.Index([row.program for row in rows], name="program")
    placed = pd.DataFrame(
        [
            {
                "tiles": row.tiles,
                "macs": row.macs,
                "speed_up": float("nan") if row.speed_up is None else row.speed_up,
                "energy_gain": float("nan") if row.energy_gain is None else row.energy_gain,
            }
            for row in rows
        ],
        index,
    )
    return pd.concat([placed, _figures(rows).set_axis(index)], axis="columns")


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


def _index(rows: list[LayerRow]) -> pd.Index[str]:
    return pd.Index([row.layer for row in rows], name="layer")


def _figures(rows: list[LayerRow]) -> pd.DataFrame:
    """Time, cycles and energy of each layer, and what they consist of."""
    figures = [
        {
            "time_ns": row.time_ns,
            "cycles": row.cycles,
            "energy_pj": row.energy_pj,
            **{f"{cause}_time_ns": time_ns for cause, time_ns in row.causes_ns.items()},
            **{
                f"{group.lower().replace(' ', '_')}_energy_pj": energy_pj
                for group, energy_pj in row.energy.groups().items()
            },
        }
        for row in rows
    ]
    return pd.DataFrame(figures, _index(rows))


def _placed(row: LayerRow) -> dict[str, object]:
    """What the layer is and where it runs, and what that gains."""
    ratios = {
        "speed_up": row.speed_up,
        "energy_gain": row.energy_gain,
        "time_over_bound": row.time_over_bound,
    }
    return {
        "operator": row.operator,
        "unit": row.unit,
        "tiles": row.tiles,
        "macs": row.macs,
        **{name: float("nan") if ratio is None else ratio for name, ratio in ratios.items()},
        "why_digital": row.why_digital or "",
    }
