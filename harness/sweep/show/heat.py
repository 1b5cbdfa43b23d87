"""Gains over two axes of numbers, as a map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.ticker import FuncFormatter, LogLocator

from harness.sweep.show.labels import axis_label, axis_name
from harness.sweep.show.series import (
    MOST_PANELS,
    Quantity,
    distinct,
    figure_text,
    in_words,
    name_of,
    part,
    quantities,
)
from harness.sweep.show.style import Picture, finish, house_style, new_figure, short_number, title
from harness.sweep.show.varying import Varying

if TYPE_CHECKING:
    import pandas as pd

_MOST_NUMBERS: Final = 110  # cells of a panel in which a figure can be read
_LEAST_SPAN: Final = 0.1  # of the colours, as a share of the largest value: less looks like nothing
_DARK: Final = 0.45  # of the colours, up to which black cannot be read on them
_MOST_CELLS: Final = 128  # along one axis
_COLOURS: Final = "cividis"  # dark to light for every eye, and in grey


def draw_heat(done: pd.DataFrame, found: Varying, name: str, network: str) -> Picture | None:
    """The picture; None if there are too many panels or cells."""
    down, across = found.numbers
    others = [axis for axis in found.all if axis not in found.numbers]
    panels: list[tuple[object, ...]] = (
        list(dict.fromkeys(done[others].itertuples(index=False, name=None))) if others else [()]
    )
    ys, xs = distinct(done, down), distinct(done, across)
    if len(panels) > MOST_PANELS or max(len(xs), len(ys)) > _MOST_CELLS:
        return None
    rows = quantities(done, ())
    cell_in = min(0.5, 5.0 / max(len(xs), len(ys)))
    panel_width, panel_height = max(2.2, cell_in * len(xs)), max(1.8, cell_in * 0.8 * len(ys))
    with house_style():
        figure = new_figure(
            max(5.2, (panel_width + 0.8) * len(panels) + 0.8),
            (panel_height + 0.6) * len(rows) + 0.6,
        )
        over = f"{axis_name(down)} and {axis_name(across)}"
        title(figure, f"{name}: {in_words(rows)} over {over}", network)
        grid_of = figure.subplots(len(rows), len(panels), squeeze=False, sharex="all", sharey="all")
        for row, quantity in enumerate(rows):
            for column, values in enumerate(panels):
                axes = grid_of[row][column]
                shown = done
                for axis, value in zip(others, values, strict=True):
                    shown = part(shown, axis, value)
                alike = part(
                    done, found.network, shown[found.network].iloc[0] if found.network else None
                )
                _draw(
                    axes,
                    _cells(shown, quantity, down, ys, across, xs),
                    quantity,
                    _scale(alike, quantity),
                    last=column == len(panels) - 1,
                )
                axes.set_xticks(range(len(xs)), labels=[_text(x) for x in xs])
                axes.set_yticks(range(len(ys)), labels=[_text(y) for y in ys])
                if row == 0:
                    names = [name_of(a, v) for a, v in zip(others, values, strict=True)]
                    axes.set_title(", ".join(names), loc="left")
                if row == len(rows) - 1:
                    axes.set_xlabel(axis_label(across))
                if column == 0:
                    axes.set_ylabel(axis_label(down))
        return finish(figure, "heat-map", done[[*found.all, *(q.column for q in rows)]])


def _draw(
    axes: Axes, cells: npt.NDArray[np.float64], quantity: Quantity, scale: Normalize, *, last: bool
) -> None:
    image = axes.imshow(cells, origin="lower", aspect="auto", cmap=_COLOURS, norm=scale)
    _write_numbers(axes, cells, quantity, scale)
    for spine in axes.spines.values():
        spine.set_visible(False)
    bar = axes.figure.colorbar(image, ax=axes, pad=0.02, label=quantity.label if last else "")
    bar.outline.set_visible(False)
    if isinstance(scale, LogNorm):
        bar.locator = LogLocator(10, subs=(1.0, 2.0, 5.0))
        bar.minorticks_off()
    unit = "x" if quantity.is_ratio else ""
    bar.formatter = FuncFormatter(lambda value, _: f"{value:g}{unit}")
    bar.update_ticks()


def _text(value: object) -> str:
    return short_number(float(str(value)))


def _scale(alike: pd.DataFrame, quantity: Quantity) -> Normalize:
    """Colours for all panels of one network; networks are not compared by colour."""
    values = alike[quantity.column].dropna()
    if values.empty:
        return Normalize(0, 1)
    low, high = float(values.min()), float(values.max())
    short = max(0.0, _LEAST_SPAN * abs(high) - (high - low)) / 2
    low, high = low - short, high + short
    return LogNorm(low, high) if low > 0 and high / low >= 4 else Normalize(low, high)


def _cells(
    shown: pd.DataFrame,
    quantity: Quantity,
    down: str,
    ys: list[object],
    across: str,
    xs: list[object],
) -> npt.NDArray[np.float64]:
    """The quantity by row and column; NaN where there is no point."""
    cells = np.full((len(ys), len(xs)), np.nan)
    for y, x, value in zip(shown[down], shown[across], shown[quantity.column], strict=True):
        cells[ys.index(y), xs.index(x)] = value
    return cells


def _write_numbers(
    axes: Axes, cells: npt.NDArray[np.float64], quantity: Quantity, scale: Normalize
) -> None:
    if cells.size > _MOST_NUMBERS:
        return
    for (row, column), value in np.ndenumerate(cells):
        there = bool(np.isfinite(value))
        axes.text(
            column,
            row,
            figure_text(quantity, value) if there else "-",
            ha="center",
            va="center",
            fontsize=7.5,
            color="white" if there and scale(value) <= _DARK else "black",
        )
