"""SHA-256, in hexadecimal, of bytes, of JSON values and of files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

from harness.reading import open_regular

_CHUNK_BYTES: Final = 1 << 20


def sha256_of(*parts: str | bytes | memoryview) -> str:
    """The digest of ``parts`` one after the other, texts as UTF-8; nothing marks their ends."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
    return digest.hexdigest()


def sha256_json(value: object) -> str:
    """The digest of a JSON value, in which the order of keys does not count."""
    return sha256_of(json.dumps(value, sort_keys=True))


def sha256_file(path: Path) -> str:
    """The digest of a regular file's bytes.

    Raises:
        OSError: It cannot be read, or is no regular file.
    """
    digest = hashlib.sha256()
    with open_regular(path) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
