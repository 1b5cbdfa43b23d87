"""The values that ONNX nodes read and give while a network is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from harness.operators.tensor import FloatArray, Pads, Shape, all_finite

Array: TypeAlias = npt.NDArray[Any]


class Unsupported(Exception):  # noqa: N818  (never leaves the reader: it becomes a ModelError)
    """This node cannot be converted; the message says why.  Collected by the reader."""


@dataclass(frozen=True, eq=False)
class Constant:
    """A value known before the network runs."""

    array: Array

    @property
    def shape(self) -> Shape:
        return tuple(self.array.shape)


@dataclass(frozen=True)
class Activation:
    """The graph's tensor ``tensor``, seen in ``shape``: the view that ONNX has of it.

    Flatten, Reshape, Squeeze and the like only change the view; a Reshape node is made
    where an operator needs another shape than the tensor has, named after ``viewed_by``,
    the last ONNX node that changed the view.
    """

    tensor: str
    shape: Shape
    viewed_by: str = ""


@dataclass(frozen=True)
class Padded:
    """``source`` (4-D) with a border of ``value``, which a Conv or pooling has to absorb."""

    source: Activation
    pads: Pads
    value: float

    @property
    def shape(self) -> Shape:
        n, c, h, w = self.source.shape
        top, left, bottom, right = self.pads
        return (n, c, h + top + bottom, w + left + right)


@dataclass(frozen=True)
class Unknown:
    """The output of a node that was not converted, where even its shape is not known."""

    shape: None = None


Value: TypeAlias = Constant | Activation | Padded | Unknown


def normal_axis(axis: int, rank: int) -> int:
    """``axis`` counted from the front.

    Raises:
        Unsupported: It is out of range.
    """
    if not -rank <= axis < rank:
        raise Unsupported(f"axis {axis} of a tensor of {rank} dimensions")
    return axis % rank


def real_array(array: Array, what: str) -> FloatArray:
    """``array`` as float32 parameters.

    Raises:
        Unsupported: Not floating point, or with values that are not finite in float32.
    """
    if array.dtype.kind != "f":
        raise Unsupported(f"{what} is of type {array.dtype}, not float32")
    with np.errstate(over="ignore"):
        result = np.ascontiguousarray(array, np.float32)
    if not all_finite(result):
        raise Unsupported(f"{what} has values that are not finite (NaN or infinity)")
    return result
