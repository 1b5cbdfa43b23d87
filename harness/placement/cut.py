"""Division of a layer's matrix into blocks of at most one tile."""

from __future__ import annotations

from dataclasses import dataclass

from harness.config.schema import TileConfig

ALIGN = 16  # bytes: blocks start at 16-byte accesses if the tile is large enough


@dataclass(frozen=True)
class Extent:
    """Rows [k0, k0 + rows) and columns [n0, n0 + columns) of a matrix."""

    k0: int
    rows: int
    n0: int
    columns: int


def cut(rows: int, columns: int, tile: TileConfig) -> list[Extent]:
    """The blocks of a rows x columns matrix, by column range, then by row range.

    There are as few as possible, of nearly equal size. Row blocks share an ADC scale, and equal row
    blocks have the smallest partial sums and so the finest step.
    """
    return [
        Extent(k0, height, n0, width)
        for n0, width in pieces(columns, tile.columns)
        for k0, height in pieces(rows, tile.rows)
    ]


def pieces(length: int, largest: int) -> list[tuple[int, int]]:
    """(start, size) of the fewest pieces of [0, length), of nearly one aligned size."""
    count = -(-length // largest)
    size = -(-length // count)
    size = min(largest, -(-size // ALIGN) * ALIGN)
    return [(start, min(size, length - start)) for start in range(0, length, size)]


def tiles_needed(rows: int, columns: int, tile: TileConfig) -> int:
    """Number of tiles of a rows x columns matrix."""
    return -(-rows // tile.rows) * -(-columns // tile.columns)
