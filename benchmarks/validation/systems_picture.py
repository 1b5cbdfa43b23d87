"""The picture of the errors on random systems."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure

from harness.atomic import atomic_write_bytes

from .systems_table import SystemRow

_CYCLES_TARGET: Final = 1.5  # per cent, as a mean
_SPEEDUP_TARGET: Final = 3.0
_NAMED: Final = 4


def draw_systems(rows: Sequence[SystemRow], path: Path) -> None:
    """Error of cycles over cycles, and speed-ups of both engines."""
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    errors, speedups = figure.subplots(1, 2)
    for label, marker, cycles, error in (
        ("digital", "o", [r.gem5_digital_cycles for r in rows], [r.digital_error for r in rows]),
        ("mapped", "^", [r.gem5_mapped_cycles for r in rows], [r.mapped_error for r in rows]),
    ):
        errors.scatter(cycles, [100 * value for value in error], s=14, marker=marker, label=label)
    errors.axhspan(-_CYCLES_TARGET, _CYCLES_TARGET, color="grey", alpha=0.15)
    errors.set(xscale="log", xlabel="gem5, cycles", ylabel="error of cycles, %")
    for row in sorted(rows, key=lambda row: -abs(row.mapped_error))[:_NAMED]:
        point = (row.gem5_mapped_cycles, 100 * row.mapped_error)
        errors.annotate(f" {row.system} {row.network}", point, fontsize=7)
    errors.legend()
    theirs = [row.gem5_digital_cycles / row.gem5_mapped_cycles for row in rows]
    ours = [row.embedded_digital_cycles / row.embedded_mapped_cycles for row in rows]
    limits = [min(theirs), max(theirs)]
    speedups.scatter(theirs, ours, s=14, color="tab:green")
    speedups.plot(limits, limits, color="grey", linewidth=0.8)
    speedups.set(xscale="log", yscale="log", xlabel="gem5, speed-up", ylabel="embedded, speed-up")
    for axes in (errors, speedups):
        axes.grid(alpha=0.3)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    atomic_write_bytes(path, buffer.getvalue())
