"""How much memory an ONNX file's bytes become when they are parsed, told before they are.

Protobuf makes an object of 100 bytes of two bytes in a file, and eight of one in a list of
integers.  A file that is mostly weights is as large in memory as on disk.
"""

from __future__ import annotations

from typing import Final

from google.protobuf.descriptor import (  # type: ignore[import-untyped]
    Descriptor,
    FieldDescriptor,
)
from onnx import ModelProto

from harness.budget import MESSAGE_BYTES
from harness.errors import ModelError

_MESSAGE_BYTES: Final = 160  # of one message in memory, with its place in a list
_FIELD_BYTES: Final = 16
_SAME_SIZE: Final = frozenset(
    (
        FieldDescriptor.TYPE_BYTES,
        FieldDescriptor.TYPE_STRING,
        FieldDescriptor.TYPE_FLOAT,
        FieldDescriptor.TYPE_DOUBLE,
    )
)


class MalformedError(Exception):
    """The bytes are no protobuf message."""


def check_structure(data: bytes, where: str) -> None:
    """Refuse ``data`` if it takes much more memory than its weights do.

    Raises:
        ModelError: It takes more than the budget.
        MalformedError: It is no protobuf message.
    """
    taken = 0
    pending: list[tuple[int, int, Descriptor | None]] = [(0, len(data), ModelProto.DESCRIPTOR)]
    while pending:
        place, end, kind = pending.pop()
        while place < end:
            key, place = _varint(data, place, end)
            taken += _FIELD_BYTES
            match key & 7:
                case 0:
                    _, place = _varint(data, place, end)
                case 1:
                    place += 8
                case 5:
                    place += 4
                case 2:
                    length, place = _varint(data, place, end)
                    field = None if kind is None else kind.fields_by_number.get(key >> 3)
                    if field is not None and field.message_type is not None:
                        pending.append((place, place + length, field.message_type))
                        taken += _MESSAGE_BYTES
                    elif field is not None and field.type not in _SAME_SIZE:
                        taken += 8 * length  # packed integers
                    place += length
                case _:
                    raise MalformedError
            if place > end:
                raise MalformedError
            if taken > MESSAGE_BYTES:
                raise ModelError(
                    f"the file's structure takes more than {MESSAGE_BYTES} bytes of memory",
                    where=where,
                    hint="a network's weights may be large, not what is said about them",
                )


def _varint(data: bytes, place: int, end: int) -> tuple[int, int]:
    """The number that begins at ``place``, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= end:
            raise MalformedError
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:
            return value, place
    raise MalformedError
