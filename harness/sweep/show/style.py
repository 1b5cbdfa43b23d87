"""The looks of a sweep's pictures, and their files."""

from __future__ import annotations

import contextlib
import io
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from harness.safe_text import printable

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.artist import Artist

# Okabe and Ito's colour-blind-safe palette without its yellow, by falling darkness of print.
COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#000000", "#E69F00")
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X")
LINES: Final = ("-", "--", ":", "-.")
GREY: Final = "#555555"
_GRID: Final = "#dddddd"
_DPI: Final = 160
_HANDLE_IN, _LETTER_IN = 0.62, 0.066  # of an entry of the legend
_TITLE_LETTER_IN: Final = 0.09


@dataclass(frozen=True)
class Picture:
    """One picture in all its forms.

    Attributes:
        name: The files' name without suffix.
        svg, png: The picture.
        csv: Its numbers.
    """

    name: str
    svg: bytes
    png: bytes
    csv: str


@contextlib.contextmanager
def house_style() -> Iterator[None]:
    """Within the block, pictures do not depend on the user's own style."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "text.parse_math": False,
                "font.size": 9.0,
                "axes.titlesize": 9.0,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "legend.frameon": False,
                "hatch.linewidth": 0.6,
                "svg.hashsalt": "aimc",
            }
        )
        yield


def new_figure(width_in: float, height_in: float) -> Figure:
    """An empty figure with automatic layout."""
    figure = Figure(
        figsize=(width_in, height_in), dpi=_DPI, facecolor="white", layout="constrained"
    )
    FigureCanvasAgg(figure)
    return figure


def finish(figure: Figure, name: str, shown: pd.DataFrame) -> Picture:
    """The figure's files, equal for equal figures."""
    png, svg = io.BytesIO(), io.BytesIO()
    figure.savefig(png, format="png", metadata={"Software": None})
    figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    return Picture(name, svg.getvalue(), png.getvalue(), shown.to_csv(index=False))


def title(figure: Figure, text: str, network: str) -> None:
    """A heading at the left, with the network if there is only one."""
    whole = f"{text} ({network})" if network else text
    letters = int(figure.get_figwidth() / _TITLE_LETTER_IN)
    lines = textwrap.fill(printable(whole, 150), letters)
    figure.suptitle(lines, x=0.01, ha="left", fontsize=11, fontweight="bold")


def legend_below(figure: Figure, handles: Sequence[Artist], width_in: float) -> None:
    """One legend under all panels."""
    if not handles:
        return
    widths = [_HANDLE_IN + _LETTER_IN * len(str(handle.get_label())) for handle in handles]
    columns = next((n for n in range(len(widths), 1, -1) if _width(widths, n) <= width_in), 1)
    figure.legend(
        handles=handles,
        loc="outside lower left",
        ncols=columns,
        handlelength=2.6,
        fontsize=8.5,
    )


def _width(widths: Sequence[float], columns: int) -> float:
    """Width of a legend that is filled column by column."""
    rows = ceil(len(widths) / columns)
    return sum(max(widths[start : start + rows]) for start in range(0, len(widths), rows))


def grid(axes: Axes) -> None:
    axes.grid(True, which="major", color=_GRID, linewidth=0.6)
    axes.set_axisbelow(True)


def ratio_axis(axes: Axes, smallest: float, largest: float) -> None:
    """A y axis of gains: logarithmic where they span a decade, with plain numbers."""
    if smallest > 0 and largest / smallest >= 8:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(10, subs=(1.0, 2.0, 5.0), numticks=20))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_ylim(smallest / 1.25, largest * 1.35)
    else:
        axes.set_ylim(0, largest * 1.12)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))


def number_axis(axes: Axes, values: Sequence[float]) -> None:
    """An x axis of numbers, with ticks at them; logarithmic where they grow by factors."""
    ordered = sorted(set(values))
    if len(ordered) > 2 and ordered[0] > 0 and ordered[-1] / ordered[0] >= 8:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    if len(ordered) <= 11:
        axes.xaxis.set_major_locator(FixedLocator(ordered))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))


def short_number(value: float) -> str:
    """``10k`` for 10000, as it fits under an axis."""
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size and value % (size / 100) == 0:
            return f"{value / size:g}{suffix}"
    return f"{value:g}"
