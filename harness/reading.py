"""Opening files that come from outside: regular ones only, and not more than is asked for."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

from harness.budget import CHECKPOINT_HEADER_BYTES

_KINDS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


def open_regular(path: Path) -> BinaryIO:
    """``path`` for reading, if it is a regular file; links are followed.

    Anything else can make a reader wait without end (a pipe) or never end itself (a device), so
    it is refused before the first byte.

    Raises:
        OSError: It is missing, may not be read, or is no regular file.
    """
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise _refusal(mode, path)
        # The path may lead elsewhere by now: do not wait for a pipe, and look again.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError as error:  # a NUL character
        raise OSError(errno.EINVAL, "not a path", repr(str(path))) from error
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        raise _refusal(mode, path)
    return os.fdopen(handle, "rb")


def read_regular(path: Path, largest_bytes: int) -> bytes:
    """The content of the regular file ``path``.

    Raises:
        OSError: As `open_regular`, or the file has more than ``largest_bytes``.
    """
    with open_regular(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        data = stream.read(largest_bytes + 1) if size <= largest_bytes else b""
    if size > largest_bytes or len(data) > largest_bytes:
        reason = f"{max(size, len(data))} bytes are more than {largest_bytes}"
        raise OSError(errno.EFBIG, reason, str(path))
    return data


def check_safetensors(path: Path) -> None:
    """That ``path`` is a regular file and its list of tensors is of a reasonable length.

    Raises:
        OSError: It is not.
    """
    with open_regular(path) as stream:
        length = int.from_bytes(stream.read(8), "little")
    if length > CHECKPOINT_HEADER_BYTES:
        reason = f"a list of tensors of {length} bytes, more than {CHECKPOINT_HEADER_BYTES}"
        raise OSError(errno.EFBIG, reason, str(path))


def _refusal(mode: int, path: Path) -> OSError:
    kind = next((name for test, name in _KINDS if test(mode)), "something else")
    return OSError(errno.EINVAL, f"{kind}, not a regular file", str(path))
