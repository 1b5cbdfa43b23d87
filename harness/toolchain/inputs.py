"""The files that a source includes, and the hash that names its object file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from harness.errors import ToolchainError

# Quoted includes and embedded binaries.  <...> headers belong to the compiler and so to its
# version.
_REFERENCE: Final = re.compile(
    rb'^[ \t]*(?:#[ \t]*include|\.incbin)[ \t]+"([^"\n]+)"', re.MULTILINE
)
_TEXT_SUFFIXES: Final = frozenset({".c", ".h", ".S", ".inc"})


def source_files(source: Path, include_dirs: Sequence[Path]) -> tuple[Path, ...]:
    """``source`` and every file that it includes or embeds, directly or not, in a fixed order.

    A reference to a missing file is left out: the compiler reports it if necessary.

    Raises:
        ToolchainError: A file cannot be read.
    """
    found: dict[Path, None] = {}
    pending = [source]
    while pending:
        current = pending.pop()
        if current in found:
            continue
        found[current] = None
        if current.suffix not in _TEXT_SUFFIXES:
            continue
        for match in _REFERENCE.finditer(_read(current)):
            name = match.group(1).decode("utf-8", errors="surrogateescape")
            for folder in (current.parent, source.parent, *include_dirs):
                candidate = folder / name
                if candidate.is_file():
                    pending.append(candidate)
                    break
    return tuple(found)


def digest_files(files: Iterable[Path], settings: Iterable[str]) -> str:
    """SHA-256 of the files' names and contents and of ``settings``; folders do not count.

    Raises:
        ToolchainError: A file cannot be read.
    """
    digest = hashlib.sha256()
    for setting in settings:
        digest.update(b"setting\0" + setting.encode("utf-8", errors="surrogateescape") + b"\0")
    for file in files:
        try:
            with file.open("rb") as stream:
                content = hashlib.file_digest(stream, "sha256").digest()
        except OSError as error:
            raise _unreadable(file, error) from error
        digest.update(b"file\0" + file.name.encode("utf-8", errors="surrogateescape") + b"\0")
        digest.update(content)
    return digest.hexdigest()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: OSError) -> ToolchainError:
    return ToolchainError(
        f"a source file cannot be read: {error.strerror}",
        where=str(file),
        hint="generate the program again",
    )
