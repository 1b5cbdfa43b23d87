"""Gains where no axis has numbers: a bar for each combination."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from harness.sweep.show.series import (
    ENERGY_GAIN,
    SPEED_UP,
    Quantity,
    distinct,
    figure_text,
    in_words,
    name_of,
    part,
    quantities,
)
from harness.sweep.show.style import (
    COLOURS,
    GREY,
    Picture,
    finish,
    grid,
    house_style,
    legend_below,
    new_figure,
    ratio_axis,
    title,
)
from harness.sweep.show.varying import Varying

if TYPE_CHECKING:
    import pandas as pd

MOST_BARS: Final = 7
"""Bars side by side: as many as there are colours."""
MOST_GROUPS: Final = 12
_HATCHES: Final = ("", "////", "....", "xxxx", "\\\\\\\\", "----", "++")
_BAR_IN: Final = 0.42
_LABEL_ROOM: Final = 1.35  # under a bar of a logarithmic axis


def draw_bars(done: pd.DataFrame, found: Varying, name: str, network: str) -> Picture | None:
    """The picture; None if there are too many combinations."""
    below = found.all[0]
    besides = found.all[1:]
    combinations: list[tuple[object, ...]] = (
        list(dict.fromkeys(done[list(besides)].itertuples(index=False, name=None)))
        if besides
        else [()]
    )
    groups = distinct(done, below)
    if len(combinations) > MOST_BARS or len(groups) > MOST_GROUPS:
        return None
    rows = quantities(done, (SPEED_UP, ENERGY_GAIN))
    width = max(5.2, _BAR_IN * len(groups) * (len(combinations) + 1) + 1.0)
    with house_style():
        figure = new_figure(width, 2.3 * len(rows) + 1.0)
        title(figure, f"{name}: {in_words(rows)}", network)
        for axes, quantity in zip(
            figure.subplots(len(rows), 1, squeeze=False, sharex="all")[:, 0], rows, strict=True
        ):
            _draw(axes, done, quantity, below, besides, combinations)
        names = [
            ", ".join(name_of(axis, value) for axis, value in zip(besides, values, strict=True))
            for values in combinations
        ]
        handles = [
            Patch(facecolor=COLOURS[place], hatch=_HATCHES[place], edgecolor="white", label=name)
            for place, name in enumerate(names)
            if name
        ]
        legend_below(figure, handles, width)
        return finish(figure, "bars", done[[*found.all, *(q.column for q in rows)]])


def _draw(
    axes: Axes,
    done: pd.DataFrame,
    quantity: Quantity,
    below: str,
    besides: Sequence[str],
    combinations: Sequence[tuple[object, ...]],
) -> None:
    groups = distinct(done, below)
    values = done[quantity.column].dropna()
    if quantity.is_ratio:
        low, high = min(1.0, float(values.min())), max(1.0, float(values.max()))
        ratio_axis(axes, low / _LABEL_ROOM if low < 1 else low, high)
        axes.axhline(1, color=GREY, linewidth=1, linestyle=(0, (5, 2)))
    start = 1.0 if axes.get_yscale() == "log" else 0.0
    share = 0.84 / len(combinations)
    for place, combination in enumerate(combinations):
        mine = done
        for axis, value in zip(besides, combination, strict=True):
            mine = part(mine, axis, value)
        for position, group in enumerate(groups):
            found = part(mine, below, group)[quantity.column].dropna()
            if found.empty:
                continue
            value = float(found.iloc[0])
            x = position + (place - (len(combinations) - 1) / 2) * share
            axes.bar(
                x,
                value - start,
                share * 0.92,
                bottom=start,
                color=COLOURS[place],
                hatch=_HATCHES[place],
                edgecolor="white",
                linewidth=0.5,
            )
            above = value >= start
            axes.annotate(
                figure_text(quantity, value),
                (x, value),
                (0, 2 if above else -2),
                textcoords="offset points",
                ha="center",
                va="bottom" if above else "top",
                fontsize=7,
            )
    axes.set_xticks(range(len(groups)), labels=[name_of(below, group) for group in groups])
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel(quantity.label)
    grid(axes)
    axes.xaxis.grid(False)
