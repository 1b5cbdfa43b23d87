"""Selects a sweep's pictures by the axes that vary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.safe_text import printable
from harness.sweep.show.bars import draw_bars
from harness.sweep.show.heat import draw_heat
from harness.sweep.show.labels import axis_name
from harness.sweep.show.lines import draw_lines
from harness.sweep.show.pareto import draw_pareto
from harness.sweep.show.series import group, quantities
from harness.sweep.show.style import Picture
from harness.sweep.show.varying import TILES_AXIS, Varying, varying

if TYPE_CHECKING:
    import pandas as pd

_TOO_MANY = "the other axes have too many values"


def draw_pictures(
    table: pd.DataFrame, axes: Sequence[str], name: str
) -> tuple[list[Picture], list[str]]:
    """The pictures of the finished points, and the reasons for missing ones.

    - Gains over the number of tiles, if that varies.
    - Gains over the one axis of numbers; or a map, if there are two; or bars, if there is none.
    - Energy against time.
    """
    found = varying(table, axes)
    done = table[table["status"] == "done"].copy()
    if len(done) < 2 or not found.all:
        return [], ["there are fewer than two finished points to compare"]
    network = _only_network(done, found)
    drawn: dict[str, Picture | None] = {}
    for axis in _line_axes(found):
        grouping = group(done, found, [axis])
        drawn[f"over {axis_name(axis)}"] = (
            None if grouping is None else draw_lines(done, axis, grouping, name, network)
        )
    if len(found.numbers) == 2:
        drawn["as a map"] = draw_heat(done, found, name, network)
    if not found.numbers:
        drawn["as bars"] = draw_bars(done, found, name, network)
    if any(quantity.is_ratio for quantity in quantities(done, ())):
        drawn["of energy against time"] = draw_pareto(done, found, name, network)
    pictures = [picture for picture in drawn.values() if picture is not None]
    missing = [f"no picture {what}: {_TOO_MANY}" for what, p in drawn.items() if p is None]
    return pictures, missing


def _line_axes(found: Varying) -> list[str]:
    return [axis for axis in found.numbers if axis == TILES_AXIS or len(found.numbers) == 1]


def _only_network(done: pd.DataFrame, found: Varying) -> str:
    """The network's name if there is only one."""
    networks = done["network"].dropna().unique()
    if found.network is not None or len(networks) != 1:
        return ""
    return printable(str(networks[0]), 30)
