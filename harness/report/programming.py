"""The cost of programming layers at each inference, and the life of the cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from harness.quantities import format_count, format_energy, format_share, format_time
from harness.report.comparison import Comparison
from harness.stats.summary import PROGRAMMING

NS_PER_DAY: Final = 86_400e9
PCM_ENDURANCE_WRITES: Final = 1e9
"""Of a phase-change memory cell: Journal of Nanomaterials 2013, article 195325, table 4."""


@dataclass(frozen=True)
class Programming:
    """Of the mapped program, for one inference."""

    layers: int  # programmed at each inference
    time_ns: float
    energy_pj: float
    writes_per_cell: int  # of the cell that is written most often
    writes_per_cell_and_day: float  # if one inference follows the other
    pcm_days: float  # until PCM_ENDURANCE_WRITES


def programming_of(comparison: Comparison) -> Programming | None:
    """None where no layer is reloaded.

    All reloaded layers start on the same tile, so its first cell is written once for each of them,
    or for each part of a layer in parts.
    """
    if comparison.mapped is None or comparison.plan is None:
        return None
    reloaded = [layer for layer in comparison.plan.analog_layers if layer.reloaded]
    if not reloaded:
        return None
    writes = sum(layer.parts for layer in reloaded)
    rows = [row for row in comparison.mapped.layers if row.kind == PROGRAMMING]
    per_day = writes * NS_PER_DAY / comparison.mapped.time_ns
    return Programming(
        layers=len(reloaded),
        time_ns=sum(row.time_ns for row in rows),
        energy_pj=sum(row.energy.total_pj for row in rows),
        writes_per_cell=writes,
        writes_per_cell_and_day=per_day,
        pcm_days=PCM_ENDURANCE_WRITES / per_day,
    )


def programming_statement(comparison: Comparison) -> str | None:
    """The same in words."""
    figures, mapped = programming_of(comparison), comparison.mapped
    if figures is None or mapped is None:
        return None
    text = (
        f"Programming at each inference: layers {figures.layers}, "
        f"time {format_time(figures.time_ns)} "
        f"({format_share(figures.time_ns, mapped.time_ns)}), energy "
        f"{format_energy(figures.energy_pj)} "
        f"({format_share(figures.energy_pj, mapped.energy.total_pj)}). Writes of a cell, at most: "
        f"{figures.writes_per_cell} an inference, "
        f"{format_count(figures.writes_per_cell_and_day)} a day without pauses; "
        f"PCM endures about {PCM_ENDURANCE_WRITES:.0e} writes, reached after "
        f"{_days(figures.pcm_days)}."
    )
    if comparison.config.system.tile.program_row_latency_ns == 0:
        text += (
            " The tile's program_row_latency_ns is 0: time is that of the transfers alone, "
            "and real cells take longer."
        )
    return text


def _days(days: float) -> str:
    if days >= 1:
        return f"{format_count(days)} days"
    hours = 24 * days
    return f"{hours:.1f} hours" if hours >= 1 else f"{60 * hours:.1f} minutes"
