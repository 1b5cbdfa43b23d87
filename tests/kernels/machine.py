"""A functional board: runs a bare-metal ELF on an emulated core, without any timing."""

from __future__ import annotations

import ctypes
import mmap
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import unicorn
from elftools.elf.elffile import ELFFile
from unicorn import arm64_const

from harness import _headers

DRAM_BASE = _headers.PLATFORM_DRAM_BASE
IMAGE_BYTES = 32 << 20  # the ELF and its stack
DRAM_BYTES = 256 << 20
M5OPS_BYTES = 0x10000
PAGE = 0x1000


class TileDevice(Protocol):
    """`harness._tile.Tile`."""

    def read(self, now_ps: int, offset: int, size: int) -> tuple[bytes, int]: ...

    def write(self, now_ps: int, offset: int, data: bytes) -> int: ...


class TileWindow:
    """A tile's registers and windows on the emulator's device bus.

    Every access takes ``STEP_PS``.  The emulator splits accesses of more than 4 bytes; the
    halves of a 64-bit register are put together again.
    """

    STEP_PS = 10_000
    WIDE = tuple(offset for _, offset, size, _, _ in _headers.TILE_REGISTERS if size == 8)

    def __init__(self, tile: TileDevice) -> None:
        self.tile = tile
        self._now_ps = 0
        self._low = b""

    def read(self, _uc: object, offset: int, size: int, _user: object) -> int:
        self._now_ps += self.STEP_PS
        data, self._now_ps = self.tile.read(self._now_ps, offset, size)
        return int.from_bytes(data, "little")

    def write(self, _uc: object, offset: int, size: int, value: int, _user: object) -> None:
        self._now_ps += self.STEP_PS
        data = value.to_bytes(size, "little")
        if offset in self.WIDE:
            self._low = data
            return
        if offset - 4 in self.WIDE:
            offset, data = offset - 4, self._low + data
        self._now_ps = self.tile.write(self._now_ps, offset, data)


@dataclass
class Outcome:
    """How a run ended and what it left behind on the way."""

    exit_code: int | None = None
    console: str = ""
    regions: list[tuple[str, int]] = field(default_factory=list)


class Machine:
    """One core and memory; `run` starts from the entry point as often as wanted."""

    def __init__(self, elf: Path) -> None:
        self._core = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
        self._core.ctl_set_cpu_model(arm64_const.UC_CPU_ARM64_MAX)
        self._pages = mmap.mmap(-1, DRAM_BYTES)
        # DRAM as tiles see it: all of it, whether the core may access it or not.
        self.memory = np.frombuffer(self._pages, np.uint8)
        self.map(DRAM_BASE, IMAGE_BYTES)
        self.symbols = self._load(elf)
        self._core.mem_write(self.symbols["aimc_platform_mmu"], struct.pack("<I", 0))
        self._core.mmio_map(
            _headers.PLATFORM_M5OPS_BASE, M5OPS_BYTES, self._pseudo_instruction, None, None, None
        )
        self._core.mmio_map(_headers.PLATFORM_UART_BASE, PAGE, None, None, self._uart, None)
        self._outcome = Outcome()
        self._tiles = 0

    def _load(self, elf: Path) -> dict[str, int]:
        with elf.open("rb") as stream:
            file = ELFFile(stream)
            self.entry = int(file.header.e_entry)
            for segment in file.iter_segments("PT_LOAD"):
                self._core.mem_write(segment.header.p_paddr, segment.data())
            table = file.get_section_by_name(".symtab")
            return {symbol.name: int(symbol["st_value"]) for symbol in table.iter_symbols()}

    def _pseudo_instruction(self, _uc: object, offset: int, _size: int, _user: object) -> int:
        if offset & 4:
            return 0  # the emulator splits a load of 8 bytes
        operation = offset >> 8 & 0xFF
        first = self._core.reg_read(arm64_const.UC_ARM64_REG_X0)
        second = self._core.reg_read(arm64_const.UC_ARM64_REG_X1)
        if operation in (_headers.PLATFORM_M5_EXIT, _headers.PLATFORM_M5_FAIL):
            self._outcome.exit_code = second if operation == _headers.PLATFORM_M5_FAIL else 0
            self._core.emu_stop()
        elif operation == _headers.PLATFORM_M5_WORK_BEGIN:
            self._outcome.regions.append(("begin", first))
        elif operation == _headers.PLATFORM_M5_WORK_END:
            self._outcome.regions.append(("end", first))
        else:
            raise AssertionError(f"unknown pseudo-instruction {operation:#x}")
        return 0

    def _uart(self, _uc: object, offset: int, _size: int, value: int, _user: object) -> None:
        assert offset == 0, "only the data register is used"
        self._outcome.console += chr(value)

    def attach(self, tiles: Sequence[TileDevice]) -> None:
        """Put ``tiles`` on the board, in place of those that were there."""
        for number in range(self._tiles):
            self._core.mem_unmap(self._tile_address(number), _headers.AIMC_TILE_WINDOW)
        for number, tile in enumerate(tiles):
            window = TileWindow(tile)
            self._core.mmio_map(
                self._tile_address(number),
                _headers.AIMC_TILE_WINDOW,
                window.read,
                None,
                window.write,
                None,
            )
        self._tiles = len(tiles)

    @staticmethod
    def _tile_address(number: int) -> int:
        return _headers.PLATFORM_TILE_BASE + number * _headers.AIMC_TILE_WINDOW

    def map(self, address: int, size: int) -> None:
        """Let the core access ``size`` bytes of DRAM."""
        start = ctypes.addressof(ctypes.c_char.from_buffer(self._pages)) + address - DRAM_BASE
        self._core.mem_map_ptr(address, size, unicorn.UC_PROT_ALL, start)

    def write(self, address: int, data: bytes) -> None:
        self._core.mem_write(address, data)

    def read(self, address: int, size: int) -> bytes:
        return bytes(self._core.mem_read(address, size))

    def on_code(self, callback: Callable[[int], None]) -> None:
        """Calls ``callback`` with the address of every instruction."""
        self._core.hook_add(
            unicorn.UC_HOOK_CODE, lambda _uc, address, _size, _user: callback(address)
        )

    def run(self, *, limit: int = 0) -> Outcome:
        """Run from the entry point to the exit call (or for ``limit`` instructions)."""
        self._outcome = Outcome()
        self._core.emu_start(self.entry, 0, count=limit)
        return self._outcome
