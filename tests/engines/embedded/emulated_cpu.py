"""The emulator as the reference for what single instructions do."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import capstone
import unicorn
from unicorn import arm64_const as arm

CODE = 0x10000
BUFFER = 0x200000  # in the middle of the data
_DATA = 0x100000
_DATA_BYTES = 0x200000
SP = 31
V0 = 32
FLAGS = 64
REGISTERS = 65

_NUMBERS = [
    *(arm.UC_ARM64_REG_X0 + i for i in range(29)),
    arm.UC_ARM64_REG_X29,
    arm.UC_ARM64_REG_X30,
    arm.UC_ARM64_REG_SP,
    *(arm.UC_ARM64_REG_Q0 + i for i in range(32)),
    arm.UC_ARM64_REG_NZCV,
]


@dataclass
class State:
    """Register values by scoreboard number, and the data memory's bytes."""

    registers: list[int]
    memory: bytes = b""


class Cpu:
    """One core with code and data, that executes one instruction at a time."""

    def __init__(self) -> None:
        self._disassembler = capstone.Cs(capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM)
        self._uc = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
        self._uc.ctl_set_cpu_model(arm.UC_CPU_ARM64_MAX)
        self._uc.mem_map(CODE, 0x1000)
        self._uc.mem_map(_DATA, _DATA_BYTES)
        self._data = random.Random(0).randbytes(_DATA_BYTES)
        self._uc.mem_write(_DATA, self._data)

    def execute(self, word: int, registers: Sequence[int]) -> State | None:
        """The state after ``word`` from ``registers``; None if it is not an instruction."""
        if next(self._disassembler.disasm_lite(word.to_bytes(4, "little"), CODE), None) is None:
            return None  # the emulator aborts on some words that are not allocated
        uc = self._uc
        uc.mem_write(CODE, word.to_bytes(4, "little"))
        uc.ctl_remove_cache(CODE, CODE + 4)
        for number, value in zip(_NUMBERS, registers, strict=True):
            uc.reg_write(number, value)
        try:
            uc.emu_start(CODE, CODE + 4, count=1)
        except unicorn.UcError:
            return None
        window = bytes(uc.mem_read(BUFFER - 0x1000, 0x2000))
        original = self._data[BUFFER - 0x1000 - _DATA : BUFFER + 0x1000 - _DATA]
        if window != original:
            uc.mem_write(BUFFER - 0x1000, original)
        return State([uc.reg_read(number) for number in _NUMBERS], window)


def random_registers(rng: random.Random) -> list[int]:
    """Values that make most instructions show what they read: no zeros, no overflows of lanes."""
    general = [rng.getrandbits(64) for _ in range(31)]
    stack = BUFFER + 16 * rng.randrange(-8, 8)
    vectors = [rng.getrandbits(128) for _ in range(32)]
    return [*general, stack, *vectors, rng.getrandbits(4) << 28]
