"""Reading a bare-metal AArch64 ELF file."""

from __future__ import annotations

import bisect
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from elftools.common.exceptions import ELFError
from elftools.construct import ConstructError
from elftools.elf.constants import P_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Section, SymbolTableSection
from elftools.elf.segments import Segment

from harness.budget import PROGRAM_BYTES, PROGRAM_SECTIONS, PROGRAM_SYMBOLS
from harness.errors import EngineError
from harness.reading import read_regular

_ELF_ERRORS = (
    ELFError,
    ConstructError,
    ValueError,
    UnicodeError,
    OverflowError,
    KeyError,
    AttributeError,  # of a section that another one names, but that is of another kind
    TypeError,
    IndexError,
)
_SYMBOL: Final = np.dtype(
    [
        ("name", "<u4"),
        ("info", "u1"),
        ("other", "u1"),
        ("section", "<u2"),
        ("value", "<u8"),
        ("size", "<u8"),
    ]
)
_NAMED_TYPES: Final = (0, 1, 2)  # none, object, function
_LONGEST_NAME: Final = 256


@dataclass(frozen=True)
class Program:
    """What is loaded, and the names of its addresses.

    ``pieces`` are (physical address, bytes); ``code`` and ``writable`` are the (begin, end) of
    what is executable and of what may change; ``symbols`` are (address, size, name), sorted.
    """

    pieces: tuple[tuple[int, bytes], ...]
    code: tuple[tuple[int, int], ...]
    writable: tuple[tuple[int, int], ...]
    entry: int
    symbols: tuple[tuple[int, int, str], ...]

    @property
    def sha256(self) -> str:
        """Of what is loaded, and where; names of symbols and files do not matter."""
        digest = hashlib.sha256(f"{self.entry:x}".encode())
        for address, data in self.pieces:
            digest.update(f" {address:x} {len(data):x} ".encode() + data)
        return digest.hexdigest()

    def symbol_address(self, name: str) -> int | None:
        """The address of the symbol ``name``."""
        return next((address for address, _, symbol in self.symbols if symbol == name), None)

    def symbol_at(self, address: int) -> str | None:
        """``name+0x10`` of the symbol that ``address`` lies in."""
        index = bisect.bisect_right(self.symbols, address, key=lambda symbol: symbol[0])
        for start, size, name in reversed(self.symbols[:index]):
            offset = address - start
            if size == 0 or offset < size:
                return name if offset == 0 else f"{name}+{offset:#x}"
        return None


def read_program(path: Path) -> Program:
    """Read the ELF file at ``path``.

    Raises:
        EngineError: The file cannot be read, or is no executable for AArch64.
    """
    try:
        data = read_regular(path, PROGRAM_BYTES)
    except OSError as error:
        raise EngineError(
            f"cannot read the program: {error.strerror or error}", where=str(path)
        ) from error
    try:
        elf = ELFFile(io.BytesIO(data))
        if (
            (elf["e_machine"], elf["e_type"]) != ("EM_AARCH64", "ET_EXEC")
            or elf.elfclass != 64
            or not elf.little_endian
        ):
            raise EngineError(
                "not an executable for AArch64",
                where=str(path),
                hint="link statically for target aarch64-freestanding-none",
            )
        if max(elf["e_phnum"], elf["e_shnum"]) > PROGRAM_SECTIONS:
            raise EngineError(f"more than {PROGRAM_SECTIONS} sections", where=str(path))
        segments = list(elf.iter_segments("PT_LOAD"))
        if sum(segment["p_filesz"] for segment in segments) > len(data):
            raise EngineError("the file is truncated", where=str(path))
        pieces = tuple(
            (int(segment["p_paddr"]), bytes(segment.data()))
            for segment in segments
            if segment["p_filesz"] > 0
        )
        if sum(len(piece) for _, piece in pieces) != sum(s["p_filesz"] for s in segments):
            raise EngineError("the file is truncated", where=str(path))
        symbols = tuple(sorted(_symbols(elf, data, path)))
        code, writable = (_ranges(segments, flag) for flag in (P_FLAGS.PF_X, P_FLAGS.PF_W))
        return Program(pieces, code, writable, int(elf["e_entry"]), symbols)
    except _ELF_ERRORS as error:
        raise EngineError(f"not a readable ELF file: {error}", where=str(path)) from error


def _ranges(segments: Sequence[Segment], flag: int) -> tuple[tuple[int, int], ...]:
    return tuple(
        (int(segment["p_paddr"]), int(segment["p_paddr"]) + int(segment["p_memsz"]))
        for segment in segments
        if segment["p_flags"] & flag and segment["p_memsz"] > 0
    )


def _raw(section: Section, data: bytes) -> bytes:
    """The section as it is in the file; elftools would unpack or invent any amount of bytes."""
    return data[section["sh_offset"] : section["sh_offset"] + section["sh_size"]]


def _symbols(elf: ELFFile, data: bytes, path: Path) -> Iterator[tuple[int, int, str]]:
    """Address, size and name of every symbol that is defined and no mapping symbol ($x, $d)."""
    left = PROGRAM_SYMBOLS
    for section in elf.iter_sections():
        if not isinstance(section, SymbolTableSection):
            continue
        if section["sh_entsize"] != _SYMBOL.itemsize or section["sh_size"] % _SYMBOL.itemsize:
            raise EngineError("the table of symbols is damaged", where=str(path))
        left -= section["sh_size"] // _SYMBOL.itemsize
        if left < 0:
            raise EngineError(f"more than {PROGRAM_SYMBOLS} symbols", where=str(path))
        names = _raw(section.stringtable, data)
        for entry in np.frombuffer(_raw(section, data), _SYMBOL):
            start = int(entry["name"])
            end = names.find(b"\0", start, start + _LONGEST_NAME)
            name = names[start : end if end >= 0 else start + _LONGEST_NAME].decode("utf-8")
            typed = int(entry["info"]) & 15 in _NAMED_TYPES
            if name and not name.startswith("$") and typed and entry["section"] != 0:
                yield int(entry["value"]), int(entry["size"]), name
