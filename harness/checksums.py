"""Checksums over a finished folder: a later command serves nothing that has changed since."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from harness.atomic import atomic_write_text
from harness.budget import JSON_BYTES
from harness.digest import sha256_file
from harness.reading import read_regular
from harness.strict_json import JsonError, parse_json_object

CHECKSUMS_FILE: Final = "checksums.json"


def seal(folder: Path) -> None:
    """Write the SHA-256 of every file in ``folder`` and below to its `CHECKSUMS_FILE`.

    Raises:
        HarnessError: The list cannot be written.
        OSError: A file cannot be read.
    """
    checksums = {
        path.relative_to(folder).as_posix(): sha256_file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / CHECKSUMS_FILE
    }
    _write(folder, checksums)


def seal_again(folder: Path, changed: Iterable[Path]) -> None:
    """Take the files ``changed`` in ``folder`` as they are now; what `damage` finds else stays so.

    A folder that `seal` has not seen stays unsealed.

    Raises:
        HarnessError: The list cannot be written.
        OSError: A file cannot be read.
    """
    checksums = _read(folder)
    if checksums is None:
        return
    checksums |= {path.relative_to(folder).as_posix(): sha256_file(path) for path in changed}
    _write(folder, checksums)


def sealed_files(folder: Path) -> frozenset[str]:
    """The files that `seal` saw, by their path below ``folder``; empty if it is not sealed."""
    return frozenset(_read(folder) or ())


def damage(folder: Path) -> list[str]:
    """What differs from the state that `seal` saw, one phrase per file; empty if nothing does.

    Files that were added since are no damage.
    """
    checksums = _read(folder)
    if checksums is None:
        return [f"{CHECKSUMS_FILE} is missing or damaged"]
    found = []
    for name, expected in checksums.items():
        path = folder / name
        try:
            if not path.is_file():
                found.append(f"{name} is missing")
            elif sha256_file(path) != expected:
                found.append(f"{name} has changed")
        except (OSError, ValueError):
            found.append(f"{name} cannot be read")
    return found


def _read(folder: Path) -> dict[str, str] | None:
    """The checksums of ``folder`` by the file's path below it; None without a sound list."""
    try:
        document = parse_json_object(read_regular(folder / CHECKSUMS_FILE, JSON_BYTES))
    except (OSError, JsonError):
        return None
    return document if all(isinstance(value, str) for value in document.values()) else None


def _write(folder: Path, checksums: dict[str, str]) -> None:
    text = json.dumps(checksums, indent=1, sort_keys=True)
    atomic_write_text(folder / CHECKSUMS_FILE, text + "\n")
