"""The best selection within a capacity, against all selections there are."""

from __future__ import annotations

from itertools import combinations

from hypothesis import example, given
from hypothesis import strategies as st

from harness.placement.knapsack import Item, best_items

ITEMS = st.lists(st.builds(Item, size=st.integers(1, 9), value=st.integers(0, 6)), max_size=8)


def best_by_trying(items: list[Item], capacity: int) -> list[int]:
    """Of all that fit the most worth, then the smallest, then with the earliest items."""
    selections = [
        chosen
        for count in range(len(items) + 1)
        for chosen in combinations(range(len(items)), count)
        if sum(items[i].size for i in chosen) <= capacity
    ]

    def rank(chosen: tuple[int, ...]) -> tuple[int, int, list[bool]]:
        worth, size = (sum(getattr(items[i], name) for i in chosen) for name in ("value", "size"))
        return worth, -size, [i in chosen for i in range(len(items))]

    return list(max(selections, key=rank))


@given(items=ITEMS, capacity=st.integers(0, 30))
@example(items=[Item(1, 2), Item(1, 2), Item(2, 4)], capacity=2)
@example(items=[Item(3, 5)], capacity=2)
def test_the_selection_is_the_best_of_all(items: list[Item], capacity: int) -> None:
    assert best_items(items, capacity) == best_by_trying(items, capacity)


def test_values_are_exact_however_large() -> None:
    huge = 10**15
    items = [Item(600, huge), Item(500, huge // 2), Item(500, huge // 2 + 1), Item(24, 1)]
    assert best_items(items, 1024) == [1, 2, 3]
    assert best_items(items, 999) == [0, 3]


def test_as_many_layers_and_tiles_as_there_can_be() -> None:
    items = [Item(1 + i % 7, 1 + i * 7919 % 1009) for i in range(1000)]
    chosen = best_items(items, 1024)
    assert sum(items[i].size for i in chosen) == 1024
    ratio = sorted(items, key=lambda item: -item.value / item.size)
    greedy = left = 0
    for item in ratio:
        if item.size <= 1024 - left:
            greedy, left = greedy + item.value, left + item.size
    assert sum(items[i].value for i in chosen) >= greedy
