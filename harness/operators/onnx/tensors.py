"""Decodes `onnx.TensorProto` into numpy, in memory that is bounded and never out of bounds.

External data is read only from files that lie in the model's own folder.
"""

from __future__ import annotations

import math
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
from onnx import TensorProto

from harness.budget import NETWORK_BYTES
from harness.errors import ModelError
from harness.operators.onnx.value import Array
from harness.quantities import shape_text
from harness.reading import open_regular
from harness.safe_text import shown

# The field that holds the values where raw_data does not, by type (onnx.proto).
_FIELDS: dict[int, tuple[str, str]] = {
    TensorProto.FLOAT: ("<f4", "float_data"),
    TensorProto.DOUBLE: ("<f8", "double_data"),
    TensorProto.FLOAT16: ("<f2", "int32_data"),
    TensorProto.INT64: ("<i8", "int64_data"),
    TensorProto.INT32: ("<i4", "int32_data"),
    TensorProto.INT16: ("<i2", "int32_data"),
    TensorProto.INT8: ("<i1", "int32_data"),
    TensorProto.UINT8: ("<u1", "int32_data"),
    TensorProto.UINT16: ("<u2", "int32_data"),
    TensorProto.BOOL: ("?", "int32_data"),
}


class OverBudgetError(ModelError):
    """The model takes more memory than reading may: nothing more is read of it."""


class Budget:
    """Bounds the bytes that one model makes the reader hold: its file and all constants."""

    def __init__(self, file_bytes: int, limit_bytes: int = NETWORK_BYTES) -> None:
        self._limit = limit_bytes
        self._left = limit_bytes - file_bytes

    def charge(self, size_bytes: int) -> None:
        """Take ``size_bytes`` before they are allocated.

        Raises:
            OverBudgetError: That would be more than the limit in all.
        """
        if size_bytes > self._left:
            raise OverBudgetError(
                f"the model's file and constants take more than {self._limit} bytes",
                hint="networks of this size cannot run on the simulated system",
            )
        self._left -= size_bytes


def decode_tensor(tensor: TensorProto, folder: Path, budget: Budget) -> Array:
    """The values of ``tensor``; NaN and infinity pass.

    Args:
        folder: The model's folder, where external data must lie.

    Raises:
        ModelError: Type not supported, impossible dimensions, too few or too many values,
            or external data outside of the folder.
    """
    where = f"initializer {shown(tensor.name)}"
    layout = _FIELDS.get(tensor.data_type)
    if layout is None:
        known = tensor.data_type in TensorProto.DataType.values()
        kind = TensorProto.DataType.Name(tensor.data_type) if known else tensor.data_type
        raise ModelError(
            f"values of type {kind} are not supported",
            where=where,
            hint="export the network in float32",
        )
    dtype, field = np.dtype(layout[0]), layout[1]
    shape = tuple(tensor.dims)
    if any(size < 0 for size in shape) or len(shape) > 64:
        raise ModelError(f"impossible dimensions {shape_text(shape[:8])}", where=where)
    if tensor.HasField("segment"):
        raise ModelError("tensors in segments are not supported", where=where)
    # Without its zeros: numpy cannot make an array of 0 x 2**62 values either.
    if math.prod(size for size in shape if size) * dtype.itemsize > NETWORK_BYTES:
        raise ModelError(
            f"dimensions {shape_text(shape[:8])} take more than {NETWORK_BYTES} bytes", where=where
        )
    count = math.prod(shape)
    budget.charge(count * dtype.itemsize)
    if tensor.data_location == TensorProto.EXTERNAL:
        data = _read_external(tensor, folder, count * dtype.itemsize, where)
        return _shaped(data, dtype, shape)
    if tensor.HasField("raw_data"):
        raw = tensor.raw_data
        _check_count(len(raw), count * dtype.itemsize, "bytes", shape, where)
        return _shaped(raw, dtype, shape)
    values = getattr(tensor, field)
    _check_count(len(values), count, "values", shape, where)
    return _from_field(tensor.data_type, values, dtype, where).reshape(shape)


def _shaped(data: bytes, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    if not data:
        return np.zeros(shape, dtype)
    return np.frombuffer(data, dtype).reshape(shape)


def _from_field(data_type: int, values: Any, dtype: np.dtype[Any], where: str) -> Array:  # noqa: ANN401
    # From an iterator: a list of Python numbers takes eight times the memory.
    if data_type == TensorProto.FLOAT16:  # bit patterns, one in the low half of each int32
        return np.fromiter(values, np.int32, len(values)).astype(np.uint16).view(np.float16)
    try:
        return np.fromiter(values, dtype, len(values))
    except (OverflowError, ValueError) as error:
        raise ModelError(f"values do not fit {dtype}", where=where) from error


def _check_count(actual: int, expected: int, unit: str, shape: tuple[int, ...], where: str) -> None:
    if actual != expected:
        raise ModelError(
            f"holds {actual} {unit}, but its shape {shape_text(shape)} needs {expected}",
            where=where,
            hint="the file is damaged: export the network again",
        )


def _read_external(tensor: TensorProto, folder: Path, size_bytes: int, where: str) -> bytes:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    path = inside_folder(folder, location, where)
    offset = _number(entries.get("offset", "0"), "offset", where)
    length = _number(entries.get("length", str(size_bytes)), "length", where)
    if length != size_bytes:
        raise ModelError(
            f"external data has {length} bytes, its shape needs {size_bytes}", where=where
        )
    try:
        with open_regular(path) as stream:
            stream.seek(offset)
            data = stream.read(size_bytes)
    except OSError as error:
        raise ModelError(
            f"cannot read external data {shown(location)}: {error.strerror}",
            where=where,
            hint=f"put the file beside the model, in {folder}",
        ) from error
    _check_count(len(data), size_bytes, "bytes", tuple(tensor.dims), where)
    return data


def inside_folder(folder: Path, location: object, where: str) -> Path:
    """The path of external data; refused unless it lies in ``folder``, links resolved."""
    refused = ModelError(
        f"external data {shown(location)!r} does not lie in the model's folder",
        where=where,
        hint="only files beside the model, or in folders below it, are read",
    )
    if not isinstance(location, str) or not location or "\0" in location:
        raise refused
    windows, posix = PureWindowsPath(location), PurePosixPath(location)
    absolute = posix.is_absolute() or bool(windows.drive) or bool(windows.root)
    if absolute or ".." in posix.parts or ".." in windows.parts:
        raise refused
    root = folder.resolve()
    try:
        path = (root / posix).resolve()
    except (OSError, RuntimeError) as error:  # a link that leads to itself; a name too long
        raise refused from error
    if not path.is_relative_to(root):
        raise refused
    return path


def _number(text: object, what: str, where: str) -> int:
    if isinstance(text, str) and len(text) < 20 and text.isascii() and text.isdigit():
        return int(text)
    raise ModelError(f"external data has the {what} {shown(text)}", where=where)
