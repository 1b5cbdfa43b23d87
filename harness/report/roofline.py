"""``roofline.csv`` and ``roofline.png``: each digital layer's rate against its limits.

A layer computes at most the SIMD units' peak of MACs per cycle, and at most its MACs per byte of
DRAM traffic times the bytes per cycle.  There are two limits of bytes per cycle: the memory's own
bandwidth, and the part of it that one core gets with its L1 data cache's misses in flight.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from harness.config.schema import SystemConfig
from harness.report.comparison import Comparison
from harness.report.layer_row import LayerRow, layer_rows
from harness.safe_text import printable

_PLOT_IN: Final = (8.0, 5.8)
_KEY_IN: Final = 1.7  # width of a column of the key
_KEY_ROWS: Final = 34
_LABEL_ROOM: Final = 0.17  # of the width, right of the last point
_DPI: Final = 130
# Colour, marker, and where labels stand: in points, right of and above the marker.
_MARKS: Final = (("#0072B2", "o", (3, 3)), ("#B87A00", "s", (3, -9)), ("#009E73", "^", (-3, 6)))
_COLUMNS: Final = (
    "program",
    "layer",
    "macs_per_dram_byte",
    "macs_per_cycle",
    "peak_macs_per_cycle",
    "attainable_macs_per_cycle",
    "share_of_attainable",
)
_NO_TRAFFIC: Final = 2.0  # of the largest intensity: where layers without DRAM traffic stand
_SAME_X, _SAME_Y = 2.5, 1.12  # ratios within which labels would cover each other


@dataclass(frozen=True)
class Roofs:
    """Bytes per cycle from DRAM: of the memory, and of one core's misses in flight."""

    memory: float
    misses: float


@dataclass(frozen=True)
class Point:
    """One digital layer with MACs.  ``intensity`` is None where it causes no DRAM traffic."""

    program: str
    layer: str
    intensity: float | None  # MACs per byte of DRAM traffic
    achieved: float  # MACs per cycle
    peak: int
    attainable: float  # the lower of the peak and of what outstanding misses bring

    @property
    def share(self) -> float:
        """Achieved of attainable."""
        return self.achieved / self.attainable

    @property
    def cells(self) -> tuple[object, ...]:
        """In the order of `_COLUMNS`."""
        figures = (self.achieved, self.peak, self.attainable, self.share)
        return (self.program, self.layer, self.intensity, *figures)


def roofs(system: SystemConfig) -> Roofs:
    """The roofs of one core; a miss waits for the L1, the L2 and the memory."""
    clock, caches = system.core.clock_ghz, system.caches
    cycles = caches.l1d.hit_latency_cycles + caches.l2.hit_latency_cycles
    latency = system.memory.latency_ns * clock + cycles
    memory = system.memory.bandwidth_gb_per_s / clock
    misses = caches.l1d.mshrs * caches.l1d.line_bytes / latency
    return Roofs(memory, min(memory, misses))


def points(comparison: Comparison) -> list[Point]:
    """Every program's digital layers with MACs, in execution order."""
    limits = roofs(comparison.config.system)
    return [
        _point(row, limits)
        for program in comparison.programs
        for row in layer_rows(comparison, program)
        if row.unit == "digital" and row.macs > 0 and row.cycles > 0
    ]


def _point(row: LayerRow, limits: Roofs) -> Point:
    traffic = row.events["dram_read_bytes"] + row.events["dram_write_bytes"]
    intensity = row.macs * row.visits / traffic if traffic else None
    peak = row.peak_macs_per_cycle
    attainable = peak if intensity is None else min(float(peak), intensity * limits.misses)
    return Point(row.program, row.layer, intensity, row.macs / row.cycles, peak, attainable)


def roofline_csv(comparison: Comparison) -> str:
    """The points as CSV text with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(dict(zip(_COLUMNS, point.cells, strict=True)) for point in points(comparison))
    return text.getvalue()


def _labels(
    numbers: Sequence[int], xs: Sequence[float], ys: Sequence[float]
) -> list[tuple[str, float, float]]:
    """One text per group of overlapping points, at the rightmost of them."""
    groups: list[tuple[list[int], float, float]] = []
    for x, y, number in sorted(zip(xs, ys, numbers, strict=True), reverse=True):
        for together, near_x, near_y in groups:
            if max(x / near_x, near_x / x) < _SAME_X and max(y / near_y, near_y / y) < _SAME_Y:
                together.append(number)
                break
        else:
            groups.append(([number], x, y))
    return [(_ranges(together), x, y) for together, x, y in groups]


def _ranges(numbers: Sequence[int]) -> str:
    """``1, 4-6`` for 1, 4, 5, 6."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _draw_key(axes: Axes, layers: Sequence[str], columns: int) -> None:
    axes.axis("off")
    for index, layer in enumerate(layers):
        column, row = divmod(index, _KEY_ROWS)
        place = (column / columns, 1 - row / _KEY_ROWS)
        text = f"{index + 1}  {printable(layer, 22)}"
        axes.annotate(text, place, xycoords="axes fraction", va="top", fontsize=7)


def draw_roofline(comparison: Comparison) -> bytes:
    """The picture as PNG bytes, the same for the same comparison."""
    found = points(comparison)
    limits = roofs(comparison.config.system)
    finite = [point.intensity for point in found if point.intensity is not None]
    ridge = max((point.peak for point in found), default=1) / limits.misses
    right = max([*finite, ridge]) * _NO_TRAFFIC
    left = min([*finite, ridge]) / _NO_TRAFFIC
    layers = list(dict.fromkeys(point.layer for point in found))
    columns = max(1, ceil(len(layers) / _KEY_ROWS))
    width, height = _PLOT_IN
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # independent of the user's own style
        matplotlib.rcParams.update({"text.parse_math": False, "font.size": 9.0})
        figure = Figure(
            figsize=(width + columns * _KEY_IN, height),
            dpi=_DPI,
            facecolor="white",
            layout="constrained",
        )
        FigureCanvasAgg(figure)
        axes, key = figure.subplots(1, 2, width_ratios=(width, columns * _KEY_IN))
        _draw_key(key, layers, columns)
        for name, bytes_per_cycle, line in (
            ("L1 misses", limits.misses, "-"),
            ("memory bandwidth", limits.memory, ":"),
        ):
            for peak in sorted({point.peak for point in found}):
                corner = peak / bytes_per_cycle
                xs = [left, max(left, corner), max(right, corner)]
                ys = [min(peak, left * bytes_per_cycle), peak, peak]
                label = f"{name}, {bytes_per_cycle:.2f} B/cycle; peak {peak} MACs/cycle"
                axes.plot(xs, ys, line, color="#555555", linewidth=1, label=label)
        programs = list(dict.fromkeys(point.program for point in found))
        for program, (colour, mark, offset) in zip(programs, _MARKS, strict=False):
            mine = [point for point in found if point.program == program]
            xs = [right if point.intensity is None else point.intensity for point in mine]
            ys = [point.achieved for point in mine]
            axes.scatter(xs, ys, s=22, color=colour, marker=mark, label=printable(program, 24))
            numbers = [layers.index(point.layer) + 1 for point in mine]
            for text, x, y in _labels(numbers, xs, ys):
                axes.annotate(
                    text, (x, y), offset, textcoords="offset points", fontsize=7, color=colour
                )
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(left, right * (right / left) ** _LABEL_ROOM)
        for axis in (axes.xaxis, axes.yaxis):  # the default formatter writes mathematics
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter("")
        axes.set_xlabel("MACs per byte of DRAM traffic (rightmost: none)")
        axes.set_ylabel("MACs per cycle")
        axes.set_title(f"Roofline of {printable(comparison.model.name, 50)}", loc="left")
        axes.grid(True, which="major", color="#dddddd", linewidth=0.5)
        if found:
            figure.legend(fontsize=7, loc="outside lower left", ncols=2)
        data = io.BytesIO()
        figure.savefig(data, format="png", metadata={"Software": None})
    return data.getvalue()
