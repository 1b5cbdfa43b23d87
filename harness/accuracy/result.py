"""A finished search as numbers: one row a measurement."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from harness.accuracy.evaluate import Accuracies
from harness.accuracy.state import SearchState, Values

Phase: TypeAlias = Literal["baseline", "digital", "alone", "warm-up", "search", "time", "test"]

_COLUMNS: Final = (
    "phase",
    "layer",
    "accepted",
    "analog_layers",
    "analog_macs_percent",
    "split",
    "images",
    "time_s",
    "repetitions",
    "mean_percent",
    "deviation_points",
    "ci95_points",
    "bound_percent",
)


@dataclass(frozen=True)
class Row:
    """One measured accuracy.

    Attributes:
        phase: ``baseline``: the float network; ``digital``: int8, no layer analog, on the test
            split the shipped network and on validation the one after the warm-up; ``alone``: one
            layer analog, after the warm-up; ``warm-up`` and ``search``: a decision; ``time`` and
            ``test``: the mapping that was found.
        layer: That was tried.
        accepted: A decision's outcome.
        analog_layers: Number of analog layers measured.
        analog_share: Their share of the network's multiply-accumulates.
        time_s: Since programming; None where nothing was programmed.
        values: One a repetition; none if there were no tiles for ``layer``.
    """

    phase: Phase
    layer: str | None
    accepted: bool | None
    analog_layers: int
    analog_share: float
    split: Literal["validation", "test"]
    images: int
    time_s: float | None
    values: Values


@dataclass(frozen=True)
class SearchResult:
    """What a search found, and every measurement on the way.

    Accuracies are shares; ``drop_points`` are percentage points.  ``macs`` has every layer with
    a matrix; ``layers`` those that tiles can compute, each analog or digital.
    """

    model: str
    dataset: str
    strategy: str
    drop_points: float
    baseline: float
    t_eval_s: float
    layers: Mapping[str, Literal["analog", "digital"]]
    macs: Mapping[str, int]
    rows: tuple[Row, ...]
    seconds: float

    @property
    def bound(self) -> float:
        return self.baseline - self.drop_points / 100

    @property
    def analog(self) -> tuple[str, ...]:
        return tuple(name for name, unit in self.layers.items() if unit == "analog")

    @property
    def analog_share(self) -> float:
        return share_of(self.macs, self.analog)

    def row(self, phase: Phase, *, split: str, time_s: float | None = None) -> Row:
        """The one measurement of that kind."""
        return next(
            row
            for row in self.rows
            if (row.phase, row.split) == (phase, split) and row.time_s == time_s
        )


def share_of(macs: Mapping[str, int], analog: tuple[str, ...]) -> float:
    """The share of the network's multiply-accumulates that ``analog`` layers do."""
    return sum(macs[name] for name in analog) / max(1, sum(macs.values()))


def rows_of(
    state: SearchState,
    macs: Mapping[str, int],
    *,
    t_eval_s: float,
    validation_images: int,
    test_images: int,
) -> tuple[Row, ...]:
    """Every measurement of ``state``, in the order of the phases."""
    found = state.analog

    def row(
        phase: Phase,
        values: Values,
        analog: tuple[str, ...] = (),
        *,
        layer: str | None = None,
        accepted: bool | None = None,
        split: Literal["validation", "test"] = "validation",
        time_s: float | None = None,
    ) -> Row:
        images = validation_images if split == "validation" else test_images
        share = share_of(macs, analog)
        return Row(phase, layer, accepted, len(analog), share, split, images, time_s, values)

    assert state.baseline is not None
    rows = [row("baseline", (state.baseline,))]
    if state.digital is not None:
        rows.append(row("digital", state.digital))
    rows += [
        row("alone", values, (name,), layer=name, time_s=t_eval_s)
        for name, values in state.alone.items()
    ]
    for step in state.steps:
        rows.append(
            row(
                "warm-up" if step.layer is None else "search",
                step.values,
                step.analog,
                layer=step.layer,
                accepted=step.accepted,
                time_s=None if step.layer is None else t_eval_s,
            )
        )
    for name, values in state.final.items():
        split, _, what = name.partition(" ")
        if split == "validation":
            rows.append(row("time", values, found, time_s=float(what)))
        elif what == "float":
            rows.append(row("baseline", values, split="test"))
        elif what == "int8":
            rows.append(row("digital", values, split="test"))
        else:
            rows.append(row("test", values, found, split="test", time_s=float(what)))
    return tuple(rows)


def to_csv(result: SearchResult) -> str:
    """``accuracy.csv``; the bound stands where it was applied."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in result.rows:
        numbers = statistics(row.values)
        writer.writerow(
            (
                row.phase,
                row.layer or "",
                "" if row.accepted is None else ("yes" if row.accepted else "no"),
                row.analog_layers,
                f"{100 * row.analog_share:.3f}",
                row.split,
                row.images,
                "" if row.time_s is None else f"{row.time_s:g}",
                len(row.values),
                *("" if value is None else f"{value:.4f}" for value in numbers.values()),
                f"{100 * result.bound:.4f}" if row.split == "validation" else "",
            )
        )
    return text.getvalue()


def statistics(values: Values) -> dict[str, float | None]:
    """Mean in percent; deviation and half width of its 95 % interval in percentage points."""
    if not values:
        return {"mean_percent": None, "deviation_points": None, "ci95_points": None}
    measured = Accuracies(values)
    several = len(values) > 1 and math.isfinite(measured.ci95)
    return {
        "mean_percent": round(100 * measured.mean, 6),
        "deviation_points": round(100 * measured.deviation, 6) if several else None,
        "ci95_points": round(100 * measured.ci95, 6) if several else None,
    }


def summary_json(result: SearchResult, provenance: Mapping[str, Any]) -> str:
    """``summary.json``: the outcome and the final measurements."""
    final = [row for row in result.rows if row.phase in ("baseline", "digital", "time", "test")]
    document = {
        "format": "aimc-search",
        "version": 1,
        "model": result.model,
        "dataset": result.dataset,
        "strategy": result.strategy,
        "drop_points": result.drop_points,
        "baseline_percent": 100 * result.baseline,
        "bound_percent": 100 * result.bound,
        "time_of_evaluation_s": result.t_eval_s,
        "analog_layers": list(result.analog),
        "analog_layers_percent": 100 * len(result.analog) / max(1, len(result.macs)),
        "analog_macs_percent": 100 * result.analog_share,
        "accuracy": [
            {
                "phase": row.phase,
                "split": row.split,
                "images": row.images,
                "time_s": row.time_s,
                "repetitions": len(row.values),
                **statistics(row.values),
            }
            for row in final
        ],
        "seconds": round(result.seconds, 1),
        "provenance": dict(provenance),
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"
