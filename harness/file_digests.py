"""Digests of files, computed once per process as long as the files do not change.

A file counts as unchanged by its place, size and times, among them that of the last change of any
kind, which no program can set back.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Final

from harness.digest import sha256_file
from harness.errors import HarnessError
from harness.recent import Recent

_FILES: Final = 4096
_SOURCE_SUFFIXES: Final = {".py", ".c", ".h", ".S", ".ld", ".j2", ".yaml", ".safetensors"}
_NO_SOURCES: Final = {"_resources", "sweeps"}  # folders: copies, and sweep files to be edited
_SETTLED_S: Final = 2.0
"""What was changed more lately can change again without another time."""
_DIGESTS: Final[Recent[str]] = Recent(_FILES)


def file_state(path: Path) -> str | None:
    """What changes with the content of the file; None if it may have changed a moment ago.

    Raises:
        OSError: There is no such file.
    """
    status = path.stat()
    if time.time() - max(status.st_ctime, status.st_mtime) < _SETTLED_S:
        return None
    numbers = (status.st_dev, status.st_ino, status.st_size)
    return f"{path} {numbers} {status.st_mtime_ns} {status.st_ctime_ns}"


def file_digest(path: Path) -> str:
    """SHA-256 of the regular file's content, in hexadecimal.

    Raises:
        HarnessError: It cannot be read.
    """
    try:
        state = file_state(path)
        if state is None:
            return sha256_file(path)
        return _DIGESTS.get(state, lambda: sha256_file(path))
    except OSError as error:
        raise HarnessError(f"the file cannot be read: {error.strerror}", where=str(path)) from error


def sources_digest(root: Path) -> str:
    """SHA-256, in hexadecimal, over the names and content of the sources below ``root`` now."""
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if path.suffix in _SOURCE_SUFFIXES and relative.parts[0] not in _NO_SOURCES:
            digest.update(f"{root.name}/{relative}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
