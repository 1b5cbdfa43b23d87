"""Which items of whole sizes are worth most together within a capacity, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """Something that takes ``size`` of the capacity, at least 1, and is worth ``value``."""

    size: int
    value: int


def best_items(items: Sequence[Item], capacity: int) -> list[int]:
    """The indices of the items that are worth most together, in order.

    Of several such selections the one of least size is taken, and of these the one that has the
    earliest item that they differ in.

    Args:
        items: Each of a value above 0.
        capacity: The most that the sizes may sum to.
    """
    # Size as the last digits of the worth: more value always outweighs less size.
    scale = capacity + 1
    worth = [item.value * scale - item.size for item in items]
    best = [[0] * scale]  # by items looked at from the last one on, then by capacity
    for item, own in zip(reversed(items), reversed(worth), strict=True):
        without = best[-1]
        fitting = min(item.size, scale)
        taken = [own + rest for rest in without[: scale - fitting]]
        best.append(without[:fitting] + list(map(max, without[fitting:], taken)))
    chosen, left = [], capacity
    for index, item in enumerate(items):
        rest = best[len(items) - index - 1]
        if item.size <= left and worth[index] + rest[left - item.size] >= rest[left]:
            chosen.append(index)
            left -= item.size
    return chosen
