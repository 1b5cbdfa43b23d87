"""The content of values in memory, condensed: equal digests, equal content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def content_digest(*values: object) -> str:
    """SHA-256, in hexadecimal, over ``values`` and all that they are made of.

    They are dataclasses, mappings (whose order counts), sequences, arrays, texts, bytes, numbers
    and None.

    Raises:
        TypeError: There is something else in them.
    """
    digest = hashlib.sha256()
    for value in values:
        for head, data in _parts(value):
            digest.update(head.encode() + b"\0")
            digest.update(data)
    return digest.hexdigest()


def array_bytes(*values: object) -> int:
    """What the arrays in ``values`` take in memory; other parts are small."""
    return sum(len(data) for value in values for _, data in _parts(value))


def _parts(value: Any) -> Iterator[tuple[str, bytes | memoryview]]:  # noqa: ANN401
    """Everything in ``value``, as a line that says what comes and its data."""
    if isinstance(value, np.ndarray | np.generic):
        array = np.ascontiguousarray(value)
        yield f"array {array.dtype.str} {np.shape(value)}", array.reshape(-1).view(np.uint8).data
    elif is_dataclass(value) and not isinstance(value, type):
        yield f"{type(value).__qualname__} {len(fields(value))}", b""
        for field in fields(value):
            yield field.name, b""
            yield from _parts(getattr(value, field.name))
    elif isinstance(value, Mapping):
        yield f"mapping {len(value)}", b""
        for key, item in value.items():
            yield from _parts(key)
            yield from _parts(item)
    elif isinstance(value, tuple | list):
        yield f"sequence {len(value)}", b""
        for item in value:
            yield from _parts(item)
    elif isinstance(value, bytes):
        yield f"bytes {len(value)}", value
    elif value is None or isinstance(value, bool | int | float | str):
        yield f"{type(value).__name__} {json.dumps(value)}", b""
    else:
        raise TypeError(f"the content of a {type(value).__name__} has no digest")
