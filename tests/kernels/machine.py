"""A functional board: runs a bare-metal ELF on an emulated core, without any timing."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import unicorn
from elftools.elf.elffile import ELFFile
from unicorn import arm64_const

DRAM_BASE = 0x80000000
IMAGE_BYTES = 64 << 20  # the ELF and its stack
M5OPS_BASE = 0x10010000
UART_BASE = 0x1C090000
TILE_BASE = 0x14000000
TILE_WINDOW = 0x10000
PAGE = 0x1000

_EXIT, _FAIL, _WORK_BEGIN, _WORK_END = 0x21, 0x22, 0x5A, 0x5B


class TileDevice(Protocol):
    """What a tile window is connected to."""

    def read(self, offset: int, size: int) -> int: ...

    def write(self, offset: int, size: int, value: int) -> None: ...


@dataclass
class Outcome:
    """How a run ended and what it left behind on the way."""

    exit_code: int | None = None
    console: str = ""
    regions: list[tuple[str, int]] = field(default_factory=list)


class Machine:
    """One core and memory; `run` starts from the entry point as often as wanted."""

    def __init__(self, elf: Path, tiles: Iterable[TileDevice] = ()) -> None:
        self._core = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
        self._core.ctl_set_cpu_model(arm64_const.UC_CPU_ARM64_MAX)
        self._core.mem_map(DRAM_BASE, IMAGE_BYTES)
        self.symbols = self._load(elf)
        self._core.mem_write(self.symbols["aimc_platform_mmu"], struct.pack("<I", 0))
        self._core.mmio_map(M5OPS_BASE, 0x10000, self._pseudo_instruction, None, None, None)
        self._core.mmio_map(UART_BASE, PAGE, None, None, self._uart, None)
        for number, tile in enumerate(tiles):
            self._core.mmio_map(
                TILE_BASE + number * TILE_WINDOW,
                TILE_WINDOW,
                lambda _uc, offset, size, tile: tile.read(offset, size),
                tile,
                lambda _uc, offset, size, value, tile: tile.write(offset, size, value),
                tile,
            )
        self._outcome = Outcome()

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
        if operation in (_EXIT, _FAIL):
            self._outcome.exit_code = second if operation == _FAIL else 0
            self._core.emu_stop()
        elif operation == _WORK_BEGIN:
            self._outcome.regions.append(("begin", first))
        elif operation == _WORK_END:
            self._outcome.regions.append(("end", first))
        else:
            raise AssertionError(f"unknown pseudo-instruction {operation:#x}")
        return 0

    def _uart(self, _uc: object, offset: int, _size: int, value: int, _user: object) -> None:
        assert offset == 0, "only the data register is used"
        self._outcome.console += chr(value)

    def map(self, address: int, size: int) -> None:
        self._core.mem_map(address, size)

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
