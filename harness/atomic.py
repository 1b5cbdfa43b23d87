"""Writing files so that a killed run never leaves half of one."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from harness.errors import HarnessError
from harness.interrupts import uninterrupted

_NO_FOLDER_SYNC: Final = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF})


@contextlib.contextmanager
def atomic_writer(
    path: Path, *, durable: bool = True, scratch: Path | None = None
) -> Iterator[BinaryIO]:
    """A stream whose bytes become the file ``path`` if the block ends well.

    They go to a temporary file and appear by a rename.  The folder of ``path`` is made.

    Args:
        durable: Let them outlast a power failure.
        scratch: The folder of the temporary file, on the same file system; None: of ``path``.

    Raises:
        OSError: The file cannot be written; an earlier version of it is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = (scratch or path.parent) / f".{path.name}.{secrets.token_hex(8)}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with contextlib.ExitStack() as stack:
        with uninterrupted():
            handle = os.open(temporary, flags, 0o666)
            stack.callback(temporary.unlink, missing_ok=True)
            stream = stack.enter_context(os.fdopen(handle, "wb"))
        yield stream
        stream.flush()
        if durable:
            os.fsync(handle)
        temporary.replace(path)
    if durable:
        sync_folder(path.parent)


def atomic_write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` through a temporary file in the same folder and a rename.

    Raises:
        HarnessError: The file cannot be written (full disk, permissions); an earlier
            version of it is untouched.
    """
    try:
        with atomic_writer(path) as stream:
            stream.write(data)
    except OSError as error:
        raise HarnessError(
            f"cannot write the file: {error.strerror}",
            where=str(path),
            hint="check free space and permissions of the folder",
        ) from error


def sync_folder(folder: Path) -> None:
    """Let the names in ``folder`` outlast a power failure, where its file system can.

    Raises:
        OSError: The folder cannot be opened, or its disk fails.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(handle)


def atomic_write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8; see `atomic_write_bytes`."""
    atomic_write_bytes(path, text.encode("utf-8"))
