"""The two engines' figures side by side, and their summary."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from harness.engines.protocol import RunResult
from harness.stats.summary import ProgramSummary

from .cases import Case, Program

LONG_CYCLES: Final = 100_000  # of a layer that counts individually
MANY_MISSES: Final = 1000  # of a program whose misses count


@dataclass(frozen=True)
class LayerRow:
    """One layer of one program; misses are of one level, summed over the measured image."""

    program: str
    layer: str
    kind: str
    gem5_cycles: float
    embedded_cycles: float
    gem5_l1d_misses: int
    embedded_l1d_misses: int
    gem5_l2_misses: int
    embedded_l2_misses: int

    @property
    def error(self) -> float:
        return self.embedded_cycles / self.gem5_cycles - 1


@dataclass(frozen=True)
class ProgramRow:
    """One program, summed over its layers."""

    program: str
    gem5_cycles: float
    embedded_cycles: float
    cycles_error: float
    layer_error: float  # mean absolute, over long layers; NaN: it has none
    l1d_misses_error: float  # NaN: too few of them
    l2_misses_error: float
    energy_error: float  # NaN: gem5's energy of its DRAM was not recorded
    speedup_error: float  # of the speed-up over the digital program; NaN for that
    gem5_million_instructions_per_s: float
    embedded_million_instructions_per_s: float


def layer_rows(program: Program, gem5: RunResult, embedded: RunResult) -> list[LayerRow]:
    """The layers of one program that took any time."""
    rows = []
    pairs = zip(program.summary(gem5).layers, program.summary(embedded).layers, strict=True)
    for theirs, ours in pairs:
        if theirs.cycles == 0:
            continue
        rows.append(
            LayerRow(
                program=program.case.name,
                layer=theirs.name,
                kind=theirs.kind,
                gem5_cycles=theirs.cycles,
                embedded_cycles=ours.cycles,
                gem5_l1d_misses=theirs.events["l1d_misses"],
                embedded_l1d_misses=ours.events["l1d_misses"],
                gem5_l2_misses=theirs.events["l2_misses"],
                embedded_l2_misses=ours.events["l2_misses"],
            )
        )
    return rows


def program_row(
    program: Program, gem5: RunResult, embedded: RunResult, rows: Sequence[LayerRow]
) -> ProgramRow:
    """Sums of one program; `speedup_error` is filled in by `with_speedups`."""
    theirs, ours = program.summary(gem5), program.summary(embedded)
    long_rows = [abs(row.error) for row in rows if row.gem5_cycles > LONG_CYCLES]
    return ProgramRow(
        program=program.case.name,
        gem5_cycles=theirs.cycles,
        embedded_cycles=ours.cycles,
        cycles_error=ours.cycles / theirs.cycles - 1,
        layer_error=sum(long_rows) / len(long_rows) if long_rows else math.nan,
        l1d_misses_error=_misses_error(theirs, ours, "l1d_misses"),
        l2_misses_error=_misses_error(theirs, ours, "l2_misses"),
        energy_error=ours.energy.total_pj / theirs.energy.total_pj - 1,
        speedup_error=math.nan,
        gem5_million_instructions_per_s=gem5.instructions / gem5.host_seconds / 1e6,
        embedded_million_instructions_per_s=embedded.instructions / embedded.host_seconds / 1e6,
    )


def _misses_error(theirs: ProgramSummary, ours: ProgramSummary, event: str) -> float:
    reference = sum(layer.events[event] for layer in theirs.layers)
    if reference < MANY_MISSES:
        return math.nan
    return sum(layer.events[event] for layer in ours.layers) / reference - 1


def with_speedups(rows: dict[Case, ProgramRow]) -> list[ProgramRow]:
    """The rows with the errors of speed-ups over those digital programs that are there."""
    complete = []
    for case, row in rows.items():
        digital = rows.get(Case(case.network, "digital"))
        if case.way == "digital" or digital is None:
            complete.append(row)
            continue
        theirs = digital.gem5_cycles / row.gem5_cycles
        ours = digital.embedded_cycles / row.embedded_cycles
        complete.append(replace(row, speedup_error=ours / theirs - 1))
    return complete


def to_csv(rows: Sequence[LayerRow] | Sequence[ProgramRow], fields: Sequence[str]) -> str:
    """CSV of the ``fields``; shares with four digits, empty where there is none."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(fields)
    for row in rows:
        writer.writerow([_cell(getattr(row, field)) for field in fields])
    return text.getvalue()


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return ""
    return f"{value:.0f}" if value.is_integer() and abs(value) > 1 else f"{value:.4f}"
