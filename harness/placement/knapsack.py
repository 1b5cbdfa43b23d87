"""The 0/1 knapsack problem with integer sizes, solved exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """An item of ``size``, at least 1, and ``value``."""

    size: int
    value: int


def best_items(items: Sequence[Item], capacity: int) -> list[int]:
    """The indices of the items with the largest total value, in order.

    Among several such selections it takes the smallest, and among these the one that has the first
    item in which they differ.

    Args:
        items: Each of a value of 0 or more; one of 0 is never taken.
        capacity: The most that the sizes may sum to.
    """
    # The size is in the last digits, so that a larger value always outweighs a smaller size.
    scale = capacity + 1
    worth = [item.value * scale - item.size for item in items]
    best = [[0] * scale]  # by items, from the last one on, then by capacity
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
