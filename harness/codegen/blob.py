"""The binary part of a program: arrays laid end to end, each on a cache line of its own."""

from __future__ import annotations

import hashlib

from harness.placement.memory import ALIGN


class Blob:
    """Collects arrays; equal arrays are stored once."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._offsets: dict[bytes, int] = {}
        self._size = 0

    def add(self, data: bytes) -> int:
        """Append ``data`` (or find it) and return its offset, a multiple of `ALIGN`."""
        key = hashlib.sha256(data).digest()
        if key in self._offsets:
            return self._offsets[key]
        offset = self._size
        padding = -len(data) % ALIGN
        self._parts += [data, bytes(padding)]
        self._size += len(data) + padding
        self._offsets[key] = offset
        return offset

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._size

    def data(self) -> bytes:
        """Everything added so far."""
        return b"".join(self._parts)
