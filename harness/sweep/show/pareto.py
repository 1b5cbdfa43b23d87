"""Energy against time of all points, with the Pareto-optimal points marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from harness.quantities import energy_unit, format_energy, format_time, time_unit
from harness.safe_text import printable
from harness.sweep.show.labels import setting_text
from harness.sweep.show.series import MOST_PANELS, distinct, name_of, part
from harness.sweep.show.style import (
    Picture,
    finish,
    grid,
    house_style,
    legend_below,
    new_figure,
    title,
)
from harness.sweep.show.varying import Varying

if TYPE_CHECKING:
    import pandas as pd

TIME: Final = "mapped_time_ns"
ENERGY: Final = "mapped_energy_pj"
DIGITAL: Final = ("digital_time_ns", "digital_energy_pj")
MOST_NAMED: Final = 8
"""Number of points of a front that are numbered and named; evenly spread along a longer one."""
_PANEL_IN: Final = (4.0, 3.0)
_LINE_IN: Final = 0.15
_CLOSE: Final = 0.045  # of the axes, within which two numbers would overlap
_POINT, _FRONT, _CORE = "#9a9a9a", "#0072B2", "#D55E00"
_NAME_WIDTH: Final = 34


@dataclass(frozen=True)
class _Named:
    number: int
    x: float
    y: float
    text: str


def front(time: Sequence[float], energy: Sequence[float]) -> list[int]:
    """Indices of the Pareto-optimal points, fastest first; of equal points the first."""
    order = sorted(range(len(time)), key=lambda index: (time[index], energy[index], index))
    kept: list[int] = []
    for index in order:
        if not kept or energy[index] < energy[kept[-1]]:
            kept.append(index)
    return kept


def draw_pareto(done: pd.DataFrame, found: Varying, name: str, network: str) -> Picture | None:
    """The picture, a panel per network; None if there are too many of them."""
    networks = distinct(done, found.network)
    if len(networks) > MOST_PANELS:
        return None
    axes_shown = [axis for axis in found.all if axis != found.network]
    fronts: dict[object, list[int]] = {}
    on_front = np.zeros(len(done), dtype=bool)
    for value in networks:
        rows = np.flatnonzero(done.index.isin(part(done, found.network, value).index))
        best = front(done[TIME].to_numpy()[rows].tolist(), done[ENERGY].to_numpy()[rows].tolist())
        fronts[value] = [int(row) for row in rows[best]]
        on_front[fronts[value]] = True
    named = {value: _named(done, rows, axes_shown) for value, rows in fronts.items()}
    lines = max(len(points) for points in named.values())
    width = max(5.2, _PANEL_IN[0] * len(networks))
    height = _PANEL_IN[1] + _LINE_IN * lines + 1.0
    with house_style():
        figure = new_figure(width, height)
        title(figure, f"{name}: energy against time", network)
        grid_of = figure.subplots(
            2, len(networks), squeeze=False, height_ratios=(_PANEL_IN[1], _LINE_IN * lines + 0.05)
        )
        for column, value in enumerate(networks):
            shown = part(done, found.network, value)
            _draw(grid_of[0][column], shown, done.iloc[fronts[value]], named[value])
            if found.network is not None:
                grid_of[0][column].set_title(name_of(found.network, value), loc="left")
            _write_names(grid_of[1][column], named[value], lines)
        legend_below(figure, _key(), width)
        data = done[[*found.all, TIME, ENERGY, *DIGITAL]].assign(on_front=on_front)
        return finish(figure, "pareto", data)


def _named(done: pd.DataFrame, rows: Sequence[int], axes: Sequence[str]) -> list[_Named]:
    """The points of a front that are named in the picture."""
    count = len(rows)
    chosen = (
        list(range(count))
        if count <= MOST_NAMED
        else sorted({round(i * (count - 1) / (MOST_NAMED - 1)) for i in range(MOST_NAMED)})
    )
    found = []
    for number, index in enumerate(chosen, 1):
        row = done.iloc[rows[index]]
        settings = ", ".join(setting_text(axis, row[axis]) for axis in axes)
        figures = f"{format_time(row[TIME])}, {format_energy(row[ENERGY])}"
        text = f"{number}  {printable(settings, _NAME_WIDTH)}: {figures}"
        found.append(_Named(number, float(row[TIME]), float(row[ENERGY]), text))
    return found


def _draw(axes: Axes, shown: pd.DataFrame, best: pd.DataFrame, named: Sequence[_Named]) -> None:
    digital = shown[list(DIGITAL)].dropna().drop_duplicates()
    xs = [*shown[TIME], *digital[DIGITAL[0]]]
    ys = [*shown[ENERGY], *digital[DIGITAL[1]]]
    axes.plot(*_steps(list(best[TIME]), list(best[ENERGY])), color=_FRONT, linewidth=1.0, zorder=2)
    axes.plot(shown[TIME], shown[ENERGY], "o", color=_POINT, markersize=3.5, zorder=3)
    axes.plot(best[TIME], best[ENERGY], "D", color=_FRONT, markersize=5, zorder=4)
    axes.plot(digital[DIGITAL[0]], digital[DIGITAL[1]], "x", color=_CORE, markersize=7, zorder=5)
    _scale(axes, xs, ys)
    for text, x, y in _numbers(axes, named):
        axes.annotate(
            text,
            (x, y),
            (-4, -4),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=8,
            color=_FRONT,
            fontweight="bold",
        )
    grid(axes)


def _steps(xs: list[float], ys: list[float]) -> tuple[list[float], list[float]]:
    """The edge of the region that the front dominates."""
    across, down = [xs[0]], [ys[0]]
    for x, y in zip(xs[1:], ys[1:], strict=True):
        across += [x, x]
        down += [down[-1], y]
    return across, down


def _scale(axes: Axes, xs: Sequence[float], ys: Sequence[float]) -> None:
    """Logarithmic where values span a factor of four; ticks in a unit that fits."""
    for axis, values, units, name in (
        (axes.xaxis, xs, time_unit, "time of one inference"),
        (axes.yaxis, ys, energy_unit, "energy of one inference"),
    ):
        low, high = min(values), max(values)
        divisor, unit = units(high / 3)
        is_x = axis is axes.xaxis
        if low > 0 and high / low >= 4:
            (axes.set_xscale if is_x else axes.set_yscale)("log")
            subs = (1.0, 2.0, 5.0) if high / low < 200 else (1.0,)
            axis.set_major_locator(LogLocator(10, subs=subs, numticks=12))
            axis.set_minor_formatter(NullFormatter())
            limits = (low / (high / low) ** 0.12, high * (high / low) ** 0.08)
        else:
            room = (high - low or high) * 0.12
            axis.set_major_locator(MaxNLocator(5))
            limits = (max(0.0, low - room), high + room)
        (axes.set_xlim if is_x else axes.set_ylim)(*limits)
        axis.set_major_formatter(FuncFormatter(lambda value, _, by=divisor: f"{value / by:g}"))
        axis.set_label_text(f"{name} ({unit})")


def _numbers(axes: Axes, named: Sequence[_Named]) -> list[tuple[str, float, float]]:
    """The numbers to write; numbers of overlapping points are one text."""
    to_axes = axes.transData + axes.transAxes.inverted()
    groups: list[tuple[list[int], tuple[float, float], tuple[float, float]]] = []
    for point in named:
        place = tuple(to_axes.transform((point.x, point.y)))
        for numbers, near, _ in groups:
            if max(abs(place[0] - near[0]), abs(place[1] - near[1])) < _CLOSE:
                numbers.append(point.number)
                break
        else:
            groups.append(([point.number], place, (point.x, point.y)))
    return [(str(n[0]) if len(n) == 1 else f"{n[0]}-{n[-1]}", x, y) for n, _, (x, y) in groups]


def _write_names(axes: Axes, named: Sequence[_Named], lines: int) -> None:
    axes.axis("off")
    for line, point in enumerate(named):
        text = axes.annotate(
            point.text,
            (0, 1 - line / lines),
            xycoords="axes fraction",
            va="top",
            fontsize=7.5,
            annotation_clip=False,
        )
        text.set_in_layout(False)  # its width is not the panel's


def _key() -> list[Line2D]:
    def mark(marker: str, colour: str, label: str) -> Line2D:
        return Line2D([], [], color=colour, marker=marker, linestyle="", markersize=5, label=label)

    return [
        mark("D", _FRONT, "Pareto front of the mapped programs"),
        mark("o", _POINT, "other points"),
        mark("x", _CORE, "all-digital program"),
    ]
