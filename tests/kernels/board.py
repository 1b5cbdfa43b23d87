"""Runs single operators of the test program, with guards around everything that they touch."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from harness.codegen import packing
from harness.codegen.packing import Kernels
from harness.operators.tensor import Int8Array
from tests.kernels.debug_types import DebugTypes
from tests.kernels.machine import DRAM_BASE, IMAGE_BYTES, Machine

_SLOT_BYTES: Final = 4 << 20
_SLOT_STRIDE: Final = 2 * _SLOT_BYTES  # the second half is not mapped
_SLOTS: Final = 20
_SLOT_BASE: Final = DRAM_BASE + IMAGE_BYTES + _SLOT_BYTES
_CANARY: Final = 0x5A
_GUARD: Final = 128  # bytes beside a written buffer that must stay as they are
_INPUTS: Final = 4  # of the mailbox


class ProgramFailed(Exception):  # noqa: N818 - an outcome, raised where a test wants it
    """The program ended with an exit code other than 0."""

    def __init__(self, exit_code: int | None, console: str) -> None:
        self.exit_code = exit_code
        self.console = console
        super().__init__(f"exit code {exit_code}: {console}")


@dataclass(frozen=True)
class TileSet:
    """The tiles as the program is told about them, and the noise epoch that it starts."""

    count: int
    rows: int
    columns: int
    adc_bits: int
    features: int
    epoch: int


@dataclass(frozen=True)
class Output:
    """Where the program writes a result of ``shape``, and its scratch; guards lie around both."""

    shape: tuple[int, ...]
    address: int
    scratch: int
    scratch_bytes: int

    @property
    def count(self) -> int:
        return int(np.prod(self.shape))


class Board:
    """The emulated board with the test program, and memory to lay arguments out in.

    Every buffer ends, with the slack that the kernels may read, at memory that is not there;
    outputs and scratch lie between canaries.

    Args:
        elf: The test program.
        types: Of its source.
    """

    def __init__(self, elf: Path, types: DebugTypes) -> None:
        self.machine = Machine(elf)
        self.structs = types.structs
        self._operations = types.enums["operation"]
        for slot in range(_SLOTS):
            self.machine.map(_SLOT_BASE + slot * _SLOT_STRIDE, _SLOT_BYTES)
        self._random = np.random.default_rng(0)
        self._next_slot = 0

    def place(self, data: bytes, slack: int = 0) -> int:
        """The address of ``data``, behind which ``slack`` bytes of noise may be read."""
        end = _SLOT_BASE + self._next_slot * _SLOT_STRIDE + _SLOT_BYTES
        self._next_slot += 1
        start = (end - len(data) - slack) & -packing.ALIGN
        assert start >= end - _SLOT_BYTES, "the case does not fit a slot"
        noise = self._random.integers(0, 256, end - start - len(data), np.uint8).tobytes()
        self.machine.write(start, data + noise)
        return start

    def constant(self, values: npt.NDArray[Any] | ctypes.Structure) -> int:
        """Places data whose packing includes everything that may be read."""
        return self.place(bytes(values))

    def constants(self, rows: Sequence[ctypes.Structure]) -> int:
        """Places an array of structs."""
        return self.place(b"".join(map(bytes, rows)))

    def call(
        self,
        name: str,
        kernels: Kernels,
        op: ctypes.Structure,
        inputs: Sequence[Int8Array],
        shape: tuple[int, ...],
        *,
        scratch_bytes: int = 0,
        tiles: TileSet | None = None,
        again: bool = False,
    ) -> Int8Array:
        """Run ``name`` on ``inputs`` and return its output of ``shape``.

        Args:
            tiles: That the layer is programmed into before.
            again: Once on the first, then on the second in its place, whose output is returned.
        """
        operation = self._operations[f"{name}_{'neon' if kernels == 'neon' else 'ref'}"]
        addresses = [self.place(a.tobytes(), packing.SLACK) for a in inputs]
        output = self._place_output(shape, scratch_bytes)
        fields = {
            "operation": operation,
            "again": inputs[1].nbytes if again else 0,
            "op": self.constant(op),
            "in": tuple(addresses + [0] * (_INPUTS - len(addresses))),
            "out": output.address,
            "scratch": output.scratch,
        }
        if tiles is not None:
            fields |= {
                "tiles": tiles.count,
                "tile_rows": tiles.rows,
                "tile_columns": tiles.columns,
                "adc_bits": tiles.adc_bits,
                "features": tiles.features,
                "epoch": tiles.epoch,
            }
        mailbox = bytes(self.structs["mailbox"](**fields))
        self.machine.write(self.machine.symbols["mailbox"], mailbox)
        outcome = self.machine.run()
        self._next_slot = 0
        if outcome.exit_code != 0:
            raise ProgramFailed(outcome.exit_code, outcome.console)
        assert outcome.regions == [("begin", operation), ("end", operation)]
        return self._take_output(output)

    def _place_output(self, shape: tuple[int, ...], scratch_bytes: int) -> Output:
        guard = bytes([_CANARY]) * _GUARD
        blank = bytes([_CANARY ^ 0xFF]) * int(np.prod(shape))
        address = self.place(guard + blank + guard) + _GUARD
        scratch = self.place(bytes(scratch_bytes) + guard)
        return Output(shape, address, scratch, scratch_bytes)

    def _take_output(self, output: Output) -> Int8Array:
        guard = bytes([_CANARY]) * _GUARD
        read = self.machine.read
        assert read(output.address - _GUARD, _GUARD) == guard, "written before the output"
        assert read(output.address + output.count, _GUARD) == guard, "written beyond the output"
        assert read(output.scratch + output.scratch_bytes, _GUARD) == guard, "scratch overrun"
        result = np.frombuffer(read(output.address, output.count), np.int8)
        return result.reshape(output.shape)
