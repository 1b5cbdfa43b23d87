"""The plan: every layer with the unit that runs it, every analog block with its tile.

An analog layer's matrix has K = kh * kw * in rows, in (kh, kw, in) order, and N = out
columns.  It is divided into blocks of at most (tile rows) x (tile columns).  Each block has a tile
of its own, for the whole run or, in a reloaded layer, while the layer runs.  Copies of all blocks
on further tiles may share the output pixels.  Blocks of one column range add up digitally:

    acc[n]  = (sum over row blocks of code[n]) << 8) + bias[n]        int32
    y[n]    = requantize(acc[n], requant)                             int8

so all row blocks of a column share one ADC scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from harness.operators.integer_node import Requant
from harness.operators.tensor import Int32Array
from harness.quant.program import QNetwork

Int16Array: TypeAlias = npt.NDArray[np.int16]
UInt16Array: TypeAlias = npt.NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class Block:
    """Rows [k0, k0 + rows) and columns [n0, n0 + columns) of a layer's matrix on one tile."""

    tile: int
    k0: int
    n0: int
    conductance: Int16Array  # [rows, columns]
    adc_multiplier: UInt16Array  # [columns]
    adc_shift: UInt16Array  # [columns]
    first_mvm: int = 0  # MVMs of earlier layers on the tile in the same epoch

    @property
    def rows(self) -> int:
        return int(self.conductance.shape[0])

    @property
    def columns(self) -> int:
        return int(self.conductance.shape[1])


@dataclass(frozen=True)
class Copy:
    """One of a layer's copies: its tiles, and the output pixels that it computes.

    Its MVM j computes pixel ``first + j * step`` in raster order, j in [0, pixels).
    """

    first_tile: int  # block i is on tile first_tile + i
    first: int
    step: int
    pixels: int

    @property
    def taken(self) -> slice:
        """The slice of its pixels among the layer's."""
        return slice(self.first, self.first + self.pixels * self.step, self.step)


@dataclass(frozen=True, eq=False)
class AnalogLayer:
    """The analog form of the QConv or QDense node of the same name.

    ``copies`` is empty where ``blocks`` compute every pixel; otherwise its first copy is
    ``blocks``.  A reloaded layer that is too large for the system has ``parts``: blocks [first,
    end), whole column ranges, that are programmed and run one after the other.
    """

    name: str
    rows: int  # K
    columns: int  # N
    blocks: tuple[Block, ...]  # by column range, then by row range
    bias: Int32Array  # [N], in 1/256 of an ADC code
    requant: Requant
    copies: tuple[Copy, ...] = ()
    reloaded: bool = False  # programmed into its tiles at each inference
    parts: tuple[tuple[int, int], ...] = ()  # empty: all at once

    @property
    def copy_count(self) -> int:
        return len(self.copies) or 1

    @property
    def tiles(self) -> int:
        """Number of tiles that hold its blocks at a time."""
        largest = max((end - first for first, end in self.parts), default=len(self.blocks))
        return largest * self.copy_count

    @property
    def part_count(self) -> int:
        return len(self.parts) or 1

    def blocks_from(self, first_tile: int) -> tuple[Block, ...]:
        """Its blocks on tiles from ``first_tile`` on, one after the other."""
        return tuple(replace(block, tile=first_tile + i) for i, block in enumerate(self.blocks))

    def placed(self) -> tuple[tuple[slice, tuple[Block, ...]], ...]:
        """For each copy, the output pixels that it computes and the blocks on its tiles."""
        if not self.copies:
            return ((slice(None), self.blocks),)
        return tuple((copy.taken, self.blocks_from(copy.first_tile)) for copy in self.copies)


@dataclass(frozen=True, eq=False)
class Plan:
    """The input of code generation: the integer network and its analog layers."""

    network: QNetwork
    analog: Mapping[str, AnalogLayer]
    tiles_used: int
    kept_digital: Mapping[str, str]  # reasons, by layer that the mapping makes analog
    tiles_wanted: int = 0  # for all layers that the mapping makes analog
