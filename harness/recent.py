"""A cache of limited size in memory, with least-recently-used replacement."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """Values by key; the least recently used are dropped.  Threads may share it.

    Args:
        limit: The most that the sizes of all values sum to.  The last one is kept in any case, but
            if it exceeds the limit not while another one is made.
        size_of: The size of a value, in the unit of the limit.
    """

    def __init__(self, limit: int, size_of: Callable[[T], int] = lambda _: 1) -> None:
        self._limit, self._size_of = limit, size_of
        self._values: OrderedDict[str, tuple[T, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str, make: Callable[[], T]) -> T:
        """The value of ``key``, made now if it is not remembered."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key][0]
            self._forget(but=0)
        value = make()
        with self._lock:
            self._values[key] = value, self._size_of(value)
            self._values.move_to_end(key)
            self._forget(but=1)
        return value

    def _forget(self, *, but: int) -> None:
        """Drop the longest unused values beyond the limit, but not the ``but`` last ones."""
        while len(self._values) > but and self._total() > self._limit:
            self._values.popitem(last=False)

    def _total(self) -> int:
        return sum(size for _, size in self._values.values())
