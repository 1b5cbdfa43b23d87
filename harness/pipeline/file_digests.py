"""The content of files, digested once a process as long as they do not change.

A file counts as unchanged by its place, size and times, among them that of the last change of any
kind, which no program can set back.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from harness.artifacts import sha256_file
from harness.errors import HarnessError
from harness.pipeline.recent import Recent

_FILES: Final = 4096
_SETTLED_S: Final = 2.0
"""What was changed more lately can change again without another time."""
_DIGESTS: Final[Recent[str]] = Recent(_FILES)


def file_digest(path: Path) -> str:
    """SHA-256 of the regular file's content, in hexadecimal.

    Raises:
        HarnessError: It cannot be read.
    """
    try:
        status = path.stat()
        if time.time() - max(status.st_ctime, status.st_mtime) < _SETTLED_S:
            return sha256_file(path)
        state = (
            status.st_dev,
            status.st_ino,
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
        )
        return _DIGESTS.get(f"{state} {path}", lambda: sha256_file(path))
    except OSError as error:
        raise HarnessError(f"the file cannot be read: {error.strerror}", where=str(path)) from error
