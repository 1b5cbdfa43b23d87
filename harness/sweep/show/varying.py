"""The axes of a sweep's table that vary, by which its pictures are selected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pandas as pd

NETWORK_AXES: Final = ("model", "run.model")
TILES_AXIS: Final = "system.tiles"


@dataclass(frozen=True)
class Varying:
    """The axes that vary independently, in the sweep's order; other axes follow from them.

    Attributes:
        network: The axis of networks; None if there is one network.
        numbers: Axes whose values are numbers.
        choices: All others.
        follow: Axes that vary, but have one value for each combination of the others.
    """

    network: str | None
    numbers: tuple[str, ...]
    choices: tuple[str, ...]
    follow: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        network = () if self.network is None else (self.network,)
        return (*network, *self.numbers, *self.choices)


def varying(table: pd.DataFrame, axes: Sequence[str]) -> Varying:
    """How the ``axes`` of ``table`` vary over all of its points."""
    moving = [axis for axis in axes if table[axis].nunique(dropna=False) > 1]
    free = list(moving)
    for axis in reversed(moving):
        others = [other for other in free if other != axis]
        if others and _follows(table, axis, others):
            free = others
    network = next((axis for axis in NETWORK_AXES if axis in free), None)
    numbers = [axis for axis in free if axis != network and is_number(table[axis])]
    choices = [axis for axis in free if axis != network and axis not in numbers]
    follow = [axis for axis in moving if axis not in free]
    return Varying(network, tuple(numbers), tuple(choices), tuple(follow))


def is_number(values: pd.Series) -> bool:
    """Whether all values are numbers, none of them a truth value."""
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _follows(table: pd.DataFrame, axis: str, others: list[str]) -> bool:
    pairs = table[[*others, axis]].astype(str).drop_duplicates()
    return len(pairs) == len(pairs[others].drop_duplicates())
