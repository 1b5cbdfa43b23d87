"""Sealed entries: files named by the hash of everything that they are made from.

Entries appear by a rename and are never changed, so any number of processes may share their folder.
If two miss at once, the later rename wins, with equal content.  An entry starts with the SHA-256 of
its content, which is verified at every use.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from harness.atomic import atomic_writer
from harness.budget import JSON_BYTES
from harness.cache.folder import SCRATCH_PREFIX
from harness.reading import read_regular
from harness.scratch import scratch_folder

SEALED: Final = ".sealed"  # suffix of entries, which no compiler has
_DIGEST_BYTES: Final = hashlib.sha256().digest_size
_CHUNK_BYTES: Final = 1 << 20


def publish(made: Path, entry: Path) -> None:
    """Make the finished file ``made`` (on the same file system) the content of ``entry``.

    Raises:
        OSError: The disk is full, or the folder cannot be written.
    """
    with made.open("rb") as source, atomic_writer(entry, scratch=made.parent) as target:
        target.write(hashlib.file_digest(source, "sha256").digest())
        source.seek(0)
        shutil.copyfileobj(source, target, _CHUNK_BYTES)


def publish_bytes(content: bytes, entry: Path, scratch: Path) -> None:
    """Make ``content`` the content of ``entry``, by way of a folder in ``scratch``.

    Raises:
        HarnessError: The folder cannot be locked.
        OSError: The disk is full, or a folder cannot be written.
    """
    with scratch_folder(scratch, SCRATCH_PREFIX) as folder:
        made = folder / entry.name
        made.write_bytes(content)
        publish(made, entry)


def copy_out(entry: Path, out: Path, *, note: Callable[[str], None], durable: bool = True) -> bool:
    """Copy the content of ``entry`` to ``out`` atomically; False without a sound entry.

    Args:
        entry: What `publish` made.
        out: The file to write; its folder is created.
        note: Gets a message about a damaged entry, which the caller must replace.
        durable: Whether ``out`` must survive a power failure.

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
                os.utime(source.fileno())  # marks the entry as used, for `harness.cache.room`
            _copy_verified(source, target)
    except _DamagedError:
        note(_damaged(entry))
        return False
    return True


def read_entry(entry: Path, *, note: Callable[[str], None]) -> bytes | None:
    """The content of ``entry``, of at most `JSON_BYTES`; None without a sound one.

    Args:
        note: Gets a message about an unreadable or damaged entry, which the caller must replace.
    """
    try:
        data = read_regular(entry, JSON_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        note(f"{entry} cannot be read: {error.strerror}")
        return None
    with contextlib.suppress(OSError):
        os.utime(entry)
    content = data[_DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != data[:_DIGEST_BYTES]:
        note(_damaged(entry))
        return None
    return content


class _DamagedError(Exception):
    """An entry's content does not have its checksum."""


def _damaged(entry: Path) -> str:
    return f"{entry} is damaged; making again what it held"


def _copy_verified(source: BinaryIO, target: BinaryIO) -> None:
    expected = source.read(_DIGEST_BYTES)
    digest = hashlib.sha256()
    while chunk := source.read(_CHUNK_BYTES):
        digest.update(chunk)
        target.write(chunk)
    if digest.digest() != expected:
        raise _DamagedError
