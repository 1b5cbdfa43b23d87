"""Writing artifacts so that a killed run never leaves half a file."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from harness.errors import HarnessError
from harness.interrupts import uninterrupted
from harness.reading import open_regular

_NO_FOLDER_SYNC: Final = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF})


@contextlib.contextmanager
def atomic_writer(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """A stream whose bytes become the file ``path`` if the block ends well.

    They go to a temporary file in the same folder, which is made, and appear by a rename; if
    ``durable``, they outlast a power failure.

    Raises:
        OSError: The file cannot be written; an earlier version of it is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
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


def sha256_file(path: Path) -> str:
    """SHA-256 of a regular file's bytes, in hexadecimal.

    Raises:
        OSError: It cannot be read, or is no regular file.
    """
    digest = hashlib.sha256()
    with open_regular(path) as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
