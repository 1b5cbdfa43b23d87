"""The scatter plot of the validation."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from harness.atomic import atomic_write_bytes

from .cases import WAYS
from .compare import LayerRow

_NAMED = 5  # worst layers that are named, at most one per program


def draw_scatter(rows: Sequence[LayerRow], path: Path) -> None:
    """Cycles of every layer on both engines, and the error over the layer's length."""
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    cycles, errors = figure.subplots(1, 2)
    for way in WAYS:
        of_way = [row for row in rows if row.program.endswith(f"-{way}")]
        gem5 = [row.gem5_cycles for row in of_way]
        cycles.scatter(gem5, [row.embedded_cycles for row in of_way], s=9, label=way)
        errors.scatter(gem5, [100 * row.error for row in of_way], s=9, label=way)
    limits = [min(r.gem5_cycles for r in rows), max(r.gem5_cycles for r in rows)]
    cycles.plot(limits, limits, color="grey", linewidth=0.8)
    cycles.set(xscale="log", yscale="log", ylabel="embedded, cycles")
    errors.axhspan(-5, 5, color="grey", alpha=0.15)
    errors.set(xscale="log", ylabel="error, %")
    worst: dict[str, LayerRow] = {}  # of each program
    for row in sorted(rows, key=lambda r: -abs(r.error)):
        worst.setdefault(row.program, row)
    for row in list(worst.values())[:_NAMED]:
        errors.annotate(
            f" {row.program} {row.layer}", (row.gem5_cycles, 100 * row.error), fontsize=7
        )
    for axes in (cycles, errors):
        axes.set_xlabel("gem5, cycles")
        axes.grid(alpha=0.3)
    cycles.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    atomic_write_bytes(path, buffer.getvalue())
