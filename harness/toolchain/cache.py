"""A folder of files named by the hash of what they were made from.

Entries appear by a rename and are never changed, so any number of processes may share the
folder; two that miss at once both compile, and the later rename wins with equal bytes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from harness.errors import ToolchainError

_STALE_SECONDS: Final = 86400.0


@contextlib.contextmanager
def cache_errors(folder: Path) -> Iterator[None]:
    """Turns a full disk or a forbidden folder into a `ToolchainError`."""
    try:
        yield
    except OSError as error:
        raise ToolchainError(
            f"the compiler's results cannot be stored: {error.strerror}",
            where=str(error.filename or folder),
            hint="check free space and permissions of the folder",
        ) from error


@contextlib.contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """A temporary folder in ``parent`` that is gone afterwards, whatever happens.

    Folders that a killed process left there more than a day ago go too.
    """
    with cache_errors(parent):
        parent.mkdir(parents=True, exist_ok=True)
        for left in parent.glob("build-*"):
            with contextlib.suppress(OSError):
                if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                    shutil.rmtree(left, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(dir=parent, prefix="build-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(made: Path, entry: Path) -> None:
    """Move the finished file ``made`` (on the same file system) to its place ``entry``."""
    entry.parent.mkdir(parents=True, exist_ok=True)
    made.replace(entry)


def copy_out(entry: Path, out: Path) -> bool:
    """Copy ``entry`` to ``out`` atomically; False if there is no such entry."""
    try:
        source = entry.open("rb")
    except FileNotFoundError:
        return False
    with source:
        os.utime(source.fileno())  # marks the entry as used, for `prune`
        out.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.", suffix=".tmp")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            temporary.replace(out)
        finally:
            temporary.unlink(missing_ok=True)
    return True


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
