"""Gains, and accuracy where it varies, over one axis of numbers, mostly the number of tiles."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator

from harness.sweep.show.labels import axis_label, axis_name
from harness.sweep.show.series import (
    ACCURACY,
    ENERGY_GAIN,
    SPEED_UP,
    Grouping,
    Quantity,
    distinct,
    in_words,
    name_of,
    part,
    quantities,
)
from harness.sweep.show.style import (
    COLOURS,
    GREY,
    LINES,
    MARKERS,
    Picture,
    finish,
    grid,
    house_style,
    legend_below,
    new_figure,
    number_axis,
    ratio_axis,
    title,
)
from harness.sweep.show.varying import TILES_AXIS

if TYPE_CHECKING:
    import pandas as pd

_PANEL_IN: Final = (3.7, 2.5)
_ZERO: Final = -1.0  # where no tiles stand on an axis of powers of two
_CLOSE: Final = 0.35  # powers of two within which two labels would overlap
_MOST_TICKS: Final = 12
_DASHES: Final = (0, (5, 2))
_DOTS: Final = (0, (1, 2))
_TILES_SIZE: Final = 7.0  # up to twelve numbers stand side by side
_DIGITAL_ACCURACY: Final = "digital_accuracy_percent"


def draw_lines(
    done: pd.DataFrame, axis: str, grouping: Grouping, name: str, network: str
) -> Picture:
    """The picture.

    Args:
        done: The points that were measured.
        axis: Along x.
        grouping: The axes of panels, colours and line styles.
        name: The sweep's.
        network: Its name if there is only one, else "".
    """
    is_tiles = axis == TILES_AXIS
    rows = quantities(done, (SPEED_UP, ENERGY_GAIN) if is_tiles else ())
    panels = distinct(done, grouping.panel)
    width = max(5.2, _PANEL_IN[0] * len(panels) + 0.5)
    with house_style():
        figure = new_figure(width, _PANEL_IN[1] * len(rows) + 1.1)
        title(figure, f"{name}: {in_words(rows)} over {axis_name(axis)}", network)
        grid_of = figure.subplots(len(rows), len(panels), squeeze=False, sharex="all", sharey="row")
        for row, quantity in enumerate(rows):
            for column, value in enumerate(panels):
                axes = grid_of[row][column]
                shown = part(done, grouping.panel, value)
                _draw(axes, shown, done, axis, quantity, grouping, named=row == 0)
                if row == 0 and grouping.panel is not None:
                    axes.set_title(name_of(grouping.panel, value), loc="left")
                if column == 0:
                    bars = ", bars: standard error" if quantity == ACCURACY else ""
                    axes.set_ylabel(quantity.label + bars)
                if row == len(rows) - 1:
                    axes.set_xlabel(axis_label(axis))
        legend_below(figure, _key(done, grouping, rows, is_tiles=is_tiles), width)
        file_name = axis_name(axis).replace(" ", "-").replace("/", "").lower()
        columns = [*grouping.axes, axis, *(quantity.column for quantity in rows)]
        columns += ["tiles_wanted", "tiles_used"] if is_tiles else []
        if ACCURACY in rows:
            columns += [_DIGITAL_ACCURACY, "accuracy_images"]
        data = done[columns].sort_values([*grouping.axes, axis], key=_sortable)
        return finish(figure, file_name, data)


def _sortable(column: pd.Series) -> pd.Series:
    return column if column.dtype.kind in "iuf" else column.astype(str)


def _draw(
    axes: Axes,
    shown: pd.DataFrame,
    done: pd.DataFrame,
    axis: str,
    quantity: Quantity,
    grouping: Grouping,
    *,
    named: bool,
) -> None:
    is_tiles = axis == TILES_AXIS
    colours = distinct(done, grouping.colour)
    for place, colour in enumerate(colours):
        for style, line in enumerate(distinct(done, grouping.line)):
            points = part(part(shown, grouping.colour, colour), grouping.line, line)
            points = points.dropna(subset=[quantity.column]).sort_values(axis)
            if quantity == ACCURACY:
                _draw_errors(axes, points, axis, COLOURS[place])
            axes.plot(
                [_tiles_place(x) for x in points[axis]] if is_tiles else list(points[axis]),
                list(points[quantity.column]),
                LINES[style],
                color=COLOURS[place],
                marker=MARKERS[place],
                markersize=4,
                markerfacecolor=_fill(COLOURS[place], style),
                linewidth=1.3,
            )
    if quantity.is_ratio:
        axes.axhline(1, color=GREY, linewidth=1, linestyle=_DASHES)
        values = done[quantity.column].dropna()
        ratio_axis(axes, min(1.0, float(values.min())), max(1.0, float(values.max())))
    elif quantity == ACCURACY:
        for value in shown[_DIGITAL_ACCURACY].dropna().unique():
            axes.axhline(value, color=GREY, linewidth=1, linestyle=_DASHES)
    if is_tiles:
        _tiles_axis(axes, [int(value) for value in done[axis]])
        _draw_enough(axes, _enough(shown, grouping.colour, colours), named=named)
    else:
        number_axis(axes, [float(value) for value in done[axis]])
    grid(axes)


def _draw_errors(axes: Axes, points: pd.DataFrame, axis: str, colour: str) -> None:
    """One standard error of each accuracy, from its number of images."""
    share = points[ACCURACY.column].to_numpy(float) / 100
    images = points["accuracy_images"].to_numpy(float)
    error = 100 * (share * (1 - share) / images) ** 0.5
    axes.errorbar(
        [_tiles_place(x) for x in points[axis]] if axis == TILES_AXIS else list(points[axis]),
        list(points[ACCURACY.column]),
        error,
        fmt="none",
        ecolor=colour,
        elinewidth=0.7,
        capsize=2.5,
    )


def _tiles_place(tiles: float) -> float:
    return math.log2(tiles) if tiles > 0 else _ZERO


def _tiles_axis(axes: Axes, tiles: Sequence[int]) -> None:
    """Powers of two, and 0 left of them."""
    top = math.ceil(math.log2(max(2, *tiles)))
    first = 0 if 0 in tiles else int(_tiles_place(min(tiles)))
    step = math.ceil((top - first + 1) / _MOST_TICKS)
    powers = list(range(first, top + 1, step))
    places = ([_ZERO] if 0 in tiles else []) + [float(power) for power in powers]
    axes.xaxis.set_major_locator(FixedLocator(places))
    axes.set_xticks(places, labels=["0" if place == _ZERO else f"{2**place:g}" for place in places])
    axes.tick_params(axis="x", labelsize=_TILES_SIZE)
    axes.set_xlim(places[0] - 0.3, top + 0.3)


def _enough(
    shown: pd.DataFrame, colour: str | None, values: Sequence[object]
) -> Mapping[int, tuple[int, ...]]:
    """Colours by the number of tiles on which all layers fit."""
    found: dict[int, tuple[int, ...]] = {}
    for place, value in enumerate(values):
        wanted = part(shown, colour, value)["tiles_wanted"].dropna()
        wanted = wanted[wanted > 0]
        if wanted.nunique() == 1:
            tiles = int(wanted.iloc[0])
            found[tiles] = (*found.get(tiles, ()), place)
    return found


def _draw_enough(axes: Axes, enough: Mapping[int, tuple[int, ...]], *, named: bool) -> None:
    """A line where all layers fit, if that is within the axis; with its number if ``named``."""
    before = -math.inf
    for tiles in sorted(enough):
        place = _tiles_place(tiles)
        if place > axes.get_xlim()[1]:
            continue
        colour = COLOURS[enough[tiles][0]] if len(enough[tiles]) == 1 else GREY
        axes.axvline(place, color=colour, linewidth=0.9, linestyle=_DOTS)
        if not named:
            continue
        near = place - before < _CLOSE
        axes.annotate(
            str(tiles),
            (place, 1),
            (2 if near else -2, 1),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="left" if near else "center",
            va="bottom",
            fontsize=7.5,
            color=colour,
        )
        before = place


def _key(
    done: pd.DataFrame, grouping: Grouping, rows: Sequence[Quantity], *, is_tiles: bool
) -> list[Line2D]:
    def entry(label: str, colour: str, **looks: Any) -> Line2D:  # noqa: ANN401
        return Line2D([], [], color=colour, label=label, markersize=4.5, **looks)

    handles = []
    if grouping.colour is not None:
        for place, value in enumerate(distinct(done, grouping.colour)):
            name = name_of(grouping.colour, value)
            handles.append(entry(name, COLOURS[place], marker=MARKERS[place]))
    if grouping.line is not None:
        for style, value in enumerate(distinct(done, grouping.line)):
            looks = {"linestyle": LINES[style], "markerfacecolor": _fill("black", style)}
            handles.append(entry(name_of(grouping.line, value), "black", marker="o", **looks))
    kind = "" if any(quantity.is_ratio for quantity in rows) else ", int8"
    handles.append(entry(f"all-digital{kind}", GREY, linewidth=1, linestyle=_DASHES))
    if is_tiles:
        label = "all layers fit (tiles)"
        handles.append(entry(label, GREY, linewidth=0.9, linestyle=_DOTS))
    return handles


def _fill(colour: str, style: int) -> str:
    """Markers of all line styles but the first are open."""
    return colour if style == 0 else "white"
