"""The assignment of a table's other axes to panels, colours and line styles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.quantities import format_ratio
from harness.sweep.show.labels import setting_text, value_text
from harness.sweep.show.style import COLOURS, LINES
from harness.sweep.show.varying import Varying

if TYPE_CHECKING:
    import pandas as pd

MOST_PANELS: Final = 4


@dataclass(frozen=True)
class Quantity:
    """The quantity of a row of panels."""

    column: str
    name: str
    label: str
    is_ratio: bool  # over the all-digital program, whose own is 1


SPEED_UP: Final = Quantity("speed_up", "speed-up", "speed-up over all-digital", True)
ENERGY_GAIN: Final = Quantity("energy_gain", "energy gain", "energy gain over all-digital", True)
ACCURACY: Final = Quantity("mapped_accuracy_percent", "accuracy", "accuracy (%)", False)
_SAME: Final = 0.02
"""Gains that differ by a smaller share get no picture."""
_SAME_POINTS: Final = 0.05


@dataclass(frozen=True)
class Grouping:
    """The axes of panels, colours and line styles; None: no axis."""

    panel: str | None
    colour: str | None
    line: str | None

    @property
    def axes(self) -> tuple[str, ...]:
        return tuple(axis for axis in (self.panel, self.colour, self.line) if axis is not None)


def group(table: pd.DataFrame, found: Varying, taken: Sequence[str]) -> Grouping | None:
    """Groups for all axes but those ``taken``; None if there are more than a picture can show.

    The network has the colours. The axis with the fewest values of the others has the line styles.
    """
    others = [axis for axis in found.all if axis not in taken and axis != found.network]
    others.sort(key=lambda axis: len(distinct(table, axis)))
    colour = found.network if found.network not in taken else None
    if colour is None and others:
        colour = others.pop()
    line = others.pop(0) if others else None
    panel = others.pop(0) if others else None
    limits = ((panel, MOST_PANELS), (colour, len(COLOURS)), (line, len(LINES)))
    for axis, most in limits:
        if axis is not None and len(distinct(table, axis)) > most:
            return None
    return None if others else Grouping(panel, colour, line)


def distinct(table: pd.DataFrame, axis: str | None) -> list[object]:
    """The values of ``axis``, numbers sorted, others in the sweep's order; [None] without one."""
    if axis is None:
        return [None]
    values: list[object] = list(dict.fromkeys(table[axis]))
    if all(isinstance(value, int | float) for value in values):
        return sorted(values)  # type: ignore[type-var]
    return values


def part(table: pd.DataFrame, axis: str | None, value: object) -> pd.DataFrame:
    """The rows where ``axis`` has that value; all of them without an axis."""
    if axis is None:
        return table
    return table[table[axis].isna() if value is None else table[axis] == value]


def quantities(done: pd.DataFrame, always: Sequence[Quantity]) -> list[Quantity]:
    """The quantities to show: ``always``, and all that differ between points of one network."""
    shown = []
    for quantity in (ACCURACY, SPEED_UP, ENERGY_GAIN):
        values = done.groupby("network")[quantity.column]
        same = _SAME * values.max().abs() if quantity.is_ratio else _SAME_POINTS
        if quantity in always or bool((values.max() - values.min() > same).any()):
            shown.append(quantity)
    return shown or [SPEED_UP, ENERGY_GAIN]


def figure_text(quantity: Quantity, value: float) -> str:
    """A value's text in a picture."""
    return format_ratio(value) if quantity.is_ratio else f"{value:.1f}"


def in_words(rows: Sequence[Quantity]) -> str:
    """For instance ``speed-up and energy gain``."""
    *first, last = [quantity.name for quantity in rows]
    return f"{', '.join(first)} and {last}" if first else last


def name_of(axis: str | None, value: object) -> str:
    """A group's name in a legend or over a panel."""
    if axis is None:
        return ""
    return value_text(value) if axis in ("model", "run.model") else setting_text(axis, value)
