"""A finished search as numbers: one row per measurement."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from harness.accuracy.accuracy_drop import Measured, Values
from harness.accuracy.evaluate import Accuracies
from harness.accuracy.state import Measurement
from harness.accuracy.strategies import Step

Phase: TypeAlias = Literal[
    "baseline", "digital", "alone", "warm-up", "search", "confirmation", "time", "test"
]

SUMMARY_FORMAT: Final = "aimc-search"
_SLACK_POINTS: Final = 1e-9  # of rounding

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
    "lost_points",
    "lost_error_points",
    "bound_percent",
    "divergence_nats",
)


@dataclass(frozen=True)
class Row:
    """One measured accuracy.

    Attributes:
        phase: ``baseline``: the float network.  ``digital``: int8, no layer analog; on the test
            split the shipped network, on validation the network after the warm-up.  ``alone``: one
            layer analog, after the warm-up.  ``warm-up`` and ``search``: a decision.
            ``confirmation``: a decision on the layer accepted last, on other devices.  ``time`` and
            ``test``: the mapping found.
        layer: The layer tried.
        accepted: A decision's outcome.
        analog_layers: Number of analog layers measured.
        analog_share: Their share of the network's multiply-accumulates.
        time_s: Seconds since programming; None where nothing was programmed.
        measured: None if there were no tiles for ``layer``.
        divergence_nats: Divergence of a layer alone from the digital network (`divergence.py`).
    """

    phase: Phase
    layer: str | None
    accepted: bool | None
    analog_layers: int
    analog_share: float
    split: Literal["validation", "test"]
    images: int
    time_s: float | None
    measured: Measured | None
    divergence_nats: float | None = None

    @property
    def values(self) -> Values:
        """Accuracies, one per repetition."""
        return () if self.measured is None else self.measured.values

    @property
    def statistics(self) -> dict[str, float | None]:
        """Mean in percent; deviation and half width of its 95 % interval in percentage points."""
        if not self.values:
            return {"mean_percent": None, "deviation_points": None, "ci95_points": None}
        measured = Accuracies(self.values)
        several = len(self.values) > 1 and math.isfinite(measured.ci95)
        return {
            "mean_percent": round(100 * measured.mean, 6),
            "deviation_points": round(100 * measured.deviation, 6) if several else None,
            "ci95_points": round(100 * measured.ci95, 6) if several else None,
        }

    @property
    def drop_columns(self) -> dict[str, float | None]:
        """Percentage points below the float network on the same images, and their standard error.

        Both are None for the float network itself; the error is None for a single image.
        """
        measured = None if self.phase == "baseline" else self.measured
        known = measured is not None and measured.images > 1
        return {
            "lost_points": None if measured is None else round(100 * measured.drop, 6),
            "lost_error_points": (
                round(100 * measured.standard_error, 6) if measured is not None and known else None
            ),
        }

    def cells(self, bound: float) -> tuple[object, ...]:
        """In the order of the columns of ``accuracy.csv``; ``bound`` is a share of the images."""
        numbers = self.statistics | self.drop_columns
        return (
            self.phase,
            self.layer or "",
            "" if self.accepted is None else ("yes" if self.accepted else "no"),
            self.analog_layers,
            f"{100 * self.analog_share:.3f}",
            self.split,
            self.images,
            "" if self.time_s is None else f"{self.time_s:g}",
            len(self.values),
            *("" if value is None else f"{value:.4f}" for value in numbers.values()),
            f"{100 * bound:.4f}" if self.split == "validation" else "",
            "" if self.divergence_nats is None else f"{self.divergence_nats:.6g}",
        )

    def summary(self) -> SummaryRow:
        """The same for ``summary.json``."""
        return SummaryRow.model_validate(
            {
                "phase": self.phase,
                "split": self.split,
                "images": self.images,
                "time_s": self.time_s,
                "repetitions": len(self.values),
                **self.statistics,
                **self.drop_columns,
            }
        )


@dataclass(frozen=True)
class SearchResult:
    """The result of a search, with all its measurements.

    Accuracies are shares; ``drop_points`` are percentage points.  ``macs`` has every layer with
    a matrix; ``layers`` those that tiles can compute, each analog or digital.
    """

    model: str
    dataset: str
    strategy: str
    drop_points: float
    confidence: float | None
    baseline: float
    t_eval_s: float
    graph_sha256: str
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


class _Summarised(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class SummaryRow(_Summarised):
    """One measurement of a `Summary`, as `Row.statistics` and `Row.drop_columns` give it."""

    phase: Phase
    split: Literal["validation", "test"]
    images: int
    time_s: float | None
    repetitions: int
    mean_percent: float
    deviation_points: float | None
    ci95_points: float | None
    lost_points: float | None
    lost_error_points: float | None


class Summary(_Summarised):
    """The content of ``summary.json``: the outcome and the final measurements."""

    format: Literal["aimc-search"] = SUMMARY_FORMAT
    version: Annotated[int, Field(ge=1, le=1)] = 1
    model: str
    dataset: str
    strategy: str
    drop_points: float
    confidence: float | None
    baseline_percent: float
    bound_percent: float
    time_of_evaluation_s: float
    graph_sha256: str
    analog_layers: list[str]
    analog_layers_percent: float
    analog_macs_percent: float
    accuracy: list[SummaryRow]
    seconds: float
    provenance: dict[str, JsonValue]


def share_of(macs: Mapping[str, int], analog: tuple[str, ...]) -> float:
    """The share of the network's multiply-accumulates that ``analog`` layers do."""
    return sum(macs[name] for name in analog) / max(1, sum(macs.values()))


def rows_of(
    references: Mapping[str, Measured],
    digital: Measured | None,
    alone: Mapping[str, Measurement],
    steps: Sequence[Step],
    final: Mapping[str, Measured],
    macs: Mapping[str, int],
    *,
    found: tuple[str, ...],
    t_eval_s: float,
) -> tuple[Row, ...]:
    """Every measurement, in the order of the phases.

    Args:
        references: The float network on ``validation`` and ``test``, the int8 network on ``int8``.
        digital: No layer analog, after the warm-up; None if the strategy did not need it.
        alone: Each layer as the only analog one; empty if the strategy did not need it.
        final: Measurements of the result, by split and seconds: ``test 86400``.
        found: The result's analog layers.
    """
    images = references["validation"].images

    def row(
        phase: Phase,
        measured: Measured | None,
        analog: tuple[str, ...] = (),
        *,
        layer: str | None = None,
        accepted: bool | None = None,
        split: Literal["validation", "test"] = "validation",
        time_s: float | None = None,
        nats: float | None = None,
    ) -> Row:
        count = images if measured is None else measured.images
        share = share_of(macs, analog)
        return Row(phase, layer, accepted, len(analog), share, split, count, time_s, measured, nats)

    rows = [row("baseline", references["validation"])]
    if digital is not None:
        rows.append(row("digital", digital))
    for name, made in alone.items():
        nats = made.divergence_nats
        rows.append(row("alone", made.measured, (name,), layer=name, time_s=t_eval_s, nats=nats))
    rows += [
        row(
            _phase_of(step),
            step.measured,
            step.analog,
            layer=step.layer,
            accepted=step.accepted,
            time_s=None if step.layer is None else t_eval_s,
        )
        for step in steps
    ]
    timed = [(name.partition(" "), measured) for name, measured in final.items()]
    rows += [
        row("time", measured, found, time_s=float(seconds))
        for (split, _, seconds), measured in timed
        if split == "validation"
    ]
    rows.append(row("baseline", references["test"], split="test"))
    rows.append(row("digital", references["int8"], split="test"))
    rows += [
        row("test", measured, found, split="test", time_s=float(seconds))
        for (split, _, seconds), measured in timed
        if split == "test"
    ]
    return tuple(rows)


def _phase_of(step: Step) -> Phase:
    if step.confirms:
        return "confirmation"
    return "warm-up" if step.layer is None else "search"


def to_csv(result: SearchResult) -> str:
    """``accuracy.csv``; a row has the bound if it was applied there."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(row.cells(result.bound) for row in result.rows)
    return text.getvalue()


def summary_of(result: SearchResult, provenance: Mapping[str, Any]) -> Summary:
    """The outcome and the final measurements of ``result``."""
    phases = ("baseline", "digital", "confirmation", "time", "test")
    final = [row for row in result.rows if row.phase in phases and row.accepted is not False]
    return Summary(
        model=result.model,
        dataset=result.dataset,
        strategy=result.strategy,
        drop_points=result.drop_points,
        confidence=result.confidence,
        baseline_percent=100 * result.baseline,
        bound_percent=100 * result.bound,
        time_of_evaluation_s=result.t_eval_s,
        graph_sha256=result.graph_sha256,
        analog_layers=list(result.analog),
        analog_layers_percent=100 * len(result.analog) / max(1, len(result.macs)),
        analog_macs_percent=100 * result.analog_share,
        accuracy=[row.summary() for row in final],
        seconds=round(result.seconds, 1),
        provenance=dict(provenance),
    )


def summary_json(summary: Summary) -> str:
    """``summary.json``."""
    return json.dumps(summary.model_dump(), indent=2, allow_nan=False) + "\n"


def broken_bound(summary: Mapping[str, Any]) -> str | None:
    """How far a mapping without analog layers, the last resort, is below its bound, in words."""
    if summary["analog_layers"]:
        return None
    (percent,) = (
        row["mean_percent"]
        for row in summary["accuracy"]
        if row["phase"] == "time"
        and row["split"] == "validation"
        and row["time_s"] == summary["time_of_evaluation_s"]
    )
    bound = summary["bound_percent"]
    if percent >= bound - _SLACK_POINTS:
        return None
    return (
        f"with every layer digital, int8 reaches {percent:.2f} % of the validation images, "
        f"the bound of {summary['drop_points']:g} points is {bound:.2f} %"
    )
