"""Reading a bare-metal AArch64 ELF file."""

from __future__ import annotations

import bisect
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.construct import ConstructError
from elftools.elf.constants import P_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from elftools.elf.segments import Segment

from harness.errors import EngineError

_ELF_ERRORS = (ELFError, ConstructError, ValueError, UnicodeError, OverflowError, KeyError)


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
        data = path.read_bytes()
    except OSError as error:
        raise EngineError(
            f"cannot read the program: {error.strerror or error}", where=str(path)
        ) from error
    try:
        elf = ELFFile(io.BytesIO(data))
        if elf["e_machine"] != "EM_AARCH64" or elf["e_type"] != "ET_EXEC":
            raise EngineError(
                "not an executable for AArch64",
                where=str(path),
                hint="link statically for target aarch64-freestanding-none",
            )
        segments = list(elf.iter_segments("PT_LOAD"))
        pieces = tuple(
            (int(segment["p_paddr"]), bytes(segment.data()))
            for segment in segments
            if segment["p_filesz"] > 0
        )
        if sum(len(piece) for _, piece in pieces) != sum(s["p_filesz"] for s in segments):
            raise EngineError("the file is truncated", where=str(path))
        symbols = tuple(sorted(_symbols(elf)))
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


def _symbols(elf: ELFFile) -> list[tuple[int, int, str]]:
    return [
        (int(symbol["st_value"]), int(symbol["st_size"]), str(symbol.name))
        for section in elf.iter_sections()
        if isinstance(section, SymbolTableSection)
        for symbol in section.iter_symbols()
        if symbol.name
        and not symbol.name.startswith("$")
        and symbol["st_info"]["type"] in ("STT_FUNC", "STT_OBJECT", "STT_NOTYPE")
        and symbol["st_shndx"] != "SHN_UNDEF"
    ]
