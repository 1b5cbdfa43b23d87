"""Temporary folders that are gone afterwards, after a kill with the next command."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from harness.errors import HarnessError
from harness.interrupts import uninterrupted
from harness.locks import folder_lock, lock_file, lock_if_free


@contextlib.contextmanager
def scratch_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A temporary folder in ``parent`` whose name begins with ``prefix``; both are made.

    Those that killed processes left there go first.  Each is locked by its process, so that one
    in use stays, on whatever machine its process runs.

    Raises:
        HarnessError: The folder cannot be locked.
        OSError: It cannot be made.
    """
    remove_abandoned(parent, prefix)
    folder = parent / f"{prefix}{secrets.token_hex(8)}"
    with folder_lock(folder, waiting=lambda _: None):
        try:
            folder.mkdir()
            yield folder
        finally:
            remove_folder(folder)


def remove_folder(folder: Path) -> None:
    """Remove ``folder`` if it is there, as far as that is possible."""
    with uninterrupted():
        try:
            shutil.rmtree(folder, ignore_errors=True)
        except KeyboardInterrupt:  # Python's own, which `uninterrupted` does not put off
            shutil.rmtree(folder, ignore_errors=True)
            raise


def remove_abandoned(parent: Path, prefix: str) -> None:
    """Remove the `scratch_folder`s in ``parent`` that killed processes left, as far as possible."""
    left = set(parent.glob(f"{prefix}*"))
    locks = parent.glob(lock_file(parent / f"{prefix}*").name)
    left |= {path.with_name(path.name[1:].removesuffix(".lock")) for path in locks}
    for folder in left:
        # Another user's, or on a disk that cannot be written: not for this command to remove.
        with contextlib.suppress(HarnessError), lock_if_free(folder) as free:
            if free:
                remove_folder(folder)
