"""Squeeze and Unsqueeze: axes of length 1 go or come; no node is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.operators.onnx.reader import OnnxReader, listed_axes
from harness.operators.onnx.value import Unsupported, Value, normal_axis
from harness.operators.reshape import view
from harness.operators.tensor import Shape

if TYPE_CHECKING:
    from harness.operators.onnx.builder import Builder
    from harness.operators.onnx.node import OnnxNode


def read_squeeze(node: OnnxNode, builder: Builder) -> Value:
    source = node.activation(0)
    axes = node.axes(len(source.shape), input_since=13)
    return view(node, source, squeezed(source.shape, axes))


def read_unsqueeze(node: OnnxNode, builder: Builder) -> Value:
    source = node.activation(0)
    given = node.constant_integers(1) if node.opset >= 13 else node.integers("axes")
    return view(node, source, unsqueezed(source.shape, given))


def squeezed(shape: Shape, axes: tuple[int, ...] | None) -> Shape:
    """``shape`` without ``axes`` (all of length 1 if None).

    Raises:
        Unsupported: An axis is longer than 1.
    """
    if axes is None:
        return tuple(size for size in shape if size != 1)
    if any(shape[axis] != 1 for axis in axes):
        raise Unsupported(f"axes {list(axes)} are not all of length 1")
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def unsqueezed(shape: Shape, given: tuple[int, ...] | None) -> Shape:
    """``shape`` with axes of length 1 at the places ``given`` in the result.

    Raises:
        Unsupported: A place is given twice or does not exist.
    """
    if given is None:
        raise Unsupported("axes are missing")
    rank = len(shape) + len(given)
    places = {normal_axis(axis, rank) for axis in given}
    if len(places) != len(given):
        raise Unsupported(f"axes {list(given)} are given twice")
    sizes = iter(shape)
    return tuple(1 if axis in places else next(sizes) for axis in range(rank))


ONNX_READERS = {
    "Squeeze": OnnxReader(read_squeeze, mixed_axes=listed_axes),
    "Unsqueeze": OnnxReader(read_unsqueeze, mixed_axes=listed_axes),
}
