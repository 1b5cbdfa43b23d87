"""A folder of files named by the hash of what they were made from.

Entries appear by a rename and are never changed, so any number of processes may share the
folder; two that miss at once both compile, and the later rename wins with equal bytes.  An entry
begins with the SHA-256 of its content, which is verified whenever the content is copied out.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from harness.artifacts import atomic_writer, sync_folder
from harness.errors import ToolchainError

SEALED: Final = ".sealed"  # ends the names of entries, which no compiler takes for its own
_DIGEST_BYTES: Final = hashlib.sha256().digest_size
_CHUNK_BYTES: Final = 1 << 20


@contextlib.contextmanager
def cache_errors(folder: Path) -> Iterator[None]:
    """Turns a full disk or a forbidden folder into a `ToolchainError`."""
    try:
        yield
    except OSError as error:
        raise ToolchainError(
            f"the compiler's results cannot be stored: {error.strerror}",
            where=str(error.filename or folder),
            hint="check free space and permissions, or name another folder by AIMC_CACHE",
        ) from error


def publish(made: Path, entry: Path) -> None:
    """Make the finished file ``made`` (on the same file system) the content of ``entry``.

    Raises:
        OSError: The disk is full, or the folder cannot be written.
    """
    entry.parent.mkdir(parents=True, exist_ok=True)
    sealed = made.with_name(f"{made.name}{SEALED}")
    with made.open("rb") as source, sealed.open("wb") as target:
        target.write(hashlib.file_digest(source, "sha256").digest())
        source.seek(0)
        shutil.copyfileobj(source, target, _CHUNK_BYTES)
        target.flush()
        os.fsync(target.fileno())
    sealed.replace(entry)
    sync_folder(entry.parent)


def copy_out(entry: Path, out: Path, *, note: Callable[[str], None], durable: bool = True) -> bool:
    """Copy the content of ``entry`` to ``out`` atomically; False without a sound entry.

    Args:
        entry: What `publish` made.
        out: The file to write; its folder is made.
        note: Hears of a damaged entry, which the caller is to replace.
        durable: Let ``out`` outlast a power failure.

    Raises:
        OSError: The disk is full, or a folder cannot be written.
    """
    try:
        source = entry.open("rb")
    except FileNotFoundError:
        return False
    try:
        with source, atomic_writer(out, durable=durable) as target:
            with contextlib.suppress(OSError):
                os.utime(source.fileno())  # marks the entry as used, for `prune`
            _copy_verified(source, target)
    except _DamagedError:
        note(f"{entry} is damaged; compiling again what it held")
        return False
    return True


class _DamagedError(Exception):
    """An entry's content has not its checksum."""


def _copy_verified(source: BinaryIO, target: BinaryIO) -> None:
    expected = source.read(_DIGEST_BYTES)
    digest = hashlib.sha256()
    while chunk := source.read(_CHUNK_BYTES):
        digest.update(chunk)
        target.write(chunk)
    if digest.digest() != expected:
        raise _DamagedError


def prune(folder: Path, limit_bytes: int) -> None:
    """Delete the longest unused entries of ``folder`` until it holds at most ``limit_bytes``."""
    entries: list[tuple[float, int, Path]] = []
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            status = path.stat()
            entries.append((status.st_mtime, status.st_size, path))
    total = sum(size for _, size, _ in entries)
    for _, size, path in sorted(entries):
        if total <= limit_bytes:
            break
        path.unlink(missing_ok=True)
        total -= size
