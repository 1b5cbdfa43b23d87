"""Entries with their size and last use: storing one, and deleting the least recently used.

A process that has an entry open can still read it; for others a deleted entry is a miss.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.cache.folder import KINDS, SCRATCH, cache_dir
from harness.cache.sealed import SEALED, publish_bytes
from harness.errors import HarnessError

_ABANDONED_S: Final = 86_400.0  # a temporary file or a lock that nothing has touched for so long


@dataclass(frozen=True)
class Entry:
    """A sealed file; ``used_s`` is its last use, in seconds since 1970."""

    path: Path
    kind: str
    size_bytes: int
    used_s: float


def entries(cache: Path) -> list[Entry]:
    """All entries of the cache's folder ``cache``, which need not exist."""
    return [
        Entry(path, kind, size_bytes, used_s)
        for kind in KINDS
        for path, size_bytes, used_s in _files(cache / kind)
        if path.name.endswith(SEALED) and not path.name.startswith(".")
    ]


def make_room(cache: Path, limit_bytes: int) -> None:
    """Delete the least recently used entries until the others take at most ``limit_bytes``.

    Entries that this user may not delete stay.
    """
    found = sorted(entries(cache), key=lambda entry: (entry.used_s, entry.path))
    total = sum(entry.size_bytes for entry in found)
    for entry in found:
        if total <= limit_bytes:
            break
        with contextlib.suppress(OSError):
            entry.path.unlink(missing_ok=True)
            total -= entry.size_bytes
    _remove_abandoned(cache)


def keep(
    content: bytes, entry: Path, limit_bytes: int, *, what: str, note: Callable[[str], None]
) -> None:
    """Store ``content`` in ``entry``, in a cache of at most ``limit_bytes``.

    If the cache cannot be written, ``note`` gets the message that ``what`` is not kept, with the
    reason.
    """
    try:
        publish_bytes(content, entry, cache_dir() / SCRATCH)
        make_room(cache_dir(), limit_bytes)
    except OSError as error:
        note(f"{what} is not kept ({error.strerror}: {error.filename or entry})")
    except HarnessError as error:
        note(f"{what} is not kept ({error.what}: {error.where})")


def clear(cache: Path, *, unused_s: float = 0.0) -> list[Entry]:
    """Delete and return the entries that nothing has used for ``unused_s`` seconds.

    Raises:
        OSError: One cannot be deleted.
    """
    until = time.time() - unused_s
    gone = [entry for entry in entries(cache) if entry.used_s <= until]
    for entry in gone:
        entry.path.unlink(missing_ok=True)
    _remove_abandoned(cache)
    return gone


def _remove_abandoned(cache: Path) -> None:
    """Remove temporary files and locks of killed processes; both are renewed while in use."""
    until = time.time() - _ABANDONED_S
    for kind in KINDS:
        for path, _, touched_s in _files(cache / kind):
            if path.name.startswith(".") and touched_s < until:
                with contextlib.suppress(OSError):
                    path.unlink()


def _files(folder: Path) -> Iterator[tuple[Path, int, float]]:
    """Path, size and time of every file in ``folder`` that is still there."""
    with contextlib.suppress(FileNotFoundError):
        for path in folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                yield path, status.st_size, status.st_mtime
