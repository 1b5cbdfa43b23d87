"""Arrays, shapes and what a tensor of the graph may be."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from harness.budget import TENSOR_BYTES
from harness.errors import ModelError
from harness.quantities import shape_text

FloatArray: TypeAlias = npt.NDArray[np.float32]
Float64Array: TypeAlias = npt.NDArray[np.float64]
Int8Array: TypeAlias = npt.NDArray[np.int8]
Int32Array: TypeAlias = npt.NDArray[np.int32]
Int64Array: TypeAlias = npt.NDArray[np.int64]
Shape: TypeAlias = tuple[int, ...]
Pair: TypeAlias = tuple[int, int]
Pads: TypeAlias = tuple[int, int, int, int]  # top, left, bottom, right

Axes: TypeAlias = str
"""The axes of a tensor, one letter per axis.

n: samples, c: channels, d: depth, h: height, w: width, t: time, or the place in a sequence.
"""

_USUAL_AXES = {2: "nc", 3: "nct", 4: "nchw", 5: "ncdhw"}
_PIECE_VALUES = 1 << 20


def usual_axes(rank: int) -> Axes:
    """The axes of a float tensor of ``rank`` dimensions, if nothing else is said.

    Raises:
        KeyError: No tensor has that rank.
    """
    return _USUAL_AXES[rank]


def channels_last_axes(axes: Axes) -> Axes:
    """The axes of one sample of a float tensor, as the integer network has them: nchw to hwc."""
    return axes[2:] + axes[1]


def channels_last_shape(shape: Shape) -> Shape:
    """The shape of one sample of a float tensor, as the integer network has it."""
    return (*shape[2:], shape[1])


def check_tensor(where: str, shape: Shape) -> None:
    """Refuse a tensor that no network may have: each has one sample first, then its channels.

    Raises:
        ModelError: At ``where``, with the shape.
    """
    if len(shape) not in _USUAL_AXES or shape[0] != 1:
        raise ModelError(
            f"shape {shape_text(shape)} is neither 1xC nor 1xCxHxW",
            where=where,
            hint="networks run one image or vector at a time",
        )
    if any(size < 1 for size in shape):
        raise ModelError(f"shape {shape_text(shape)} has an empty dimension", where=where)
    if tensor_bytes(shape) > TENSOR_BYTES:
        raise ModelError(
            f"shape {shape_text(shape)} takes {tensor_bytes(shape)} bytes as float32, "
            f"more than {TENSOR_BYTES}",
            where=where,
            hint="give a smaller input",
        )


def tensor_bytes(shape: Shape) -> int:
    """Size of a tensor as float32, in bytes."""
    return 4 * math.prod(shape)


def all_finite(array: npt.NDArray[Any]) -> bool:
    """Whether ``array`` has neither NaN nor infinity; piece by piece, to save memory."""
    values = array.reshape(-1)
    return all(
        bool(np.isfinite(values[start : start + _PIECE_VALUES]).all())
        for start in range(0, values.size, _PIECE_VALUES)
    )
