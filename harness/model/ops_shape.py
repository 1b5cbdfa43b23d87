"""Converters that only change how ONNX sees a tensor: no data moves, no node is made."""

from __future__ import annotations

import math

from harness.model.onnx_builder import Builder
from harness.model.onnx_node import (
    Activation,
    OnnxNode,
    Unsupported,
    Value,
    normal_axis,
)
from harness.model.shapes import Shape
from harness.quantities import shape_text


def identity(node: OnnxNode, builder: Builder) -> Value:
    del builder
    value = node.value(0)
    return node.activation(0) if value is None else value


def dropout(node: OnnxNode, builder: Builder) -> Value:
    training = node.constant(2) if node.opset >= 12 else None
    if training is not None and training.any():
        raise Unsupported("training mode is not supported")
    if any(node.proto.output[1:]):
        raise Unsupported("the output of the mask is not supported")
    return identity(node, builder)


def cast(node: OnnxNode, builder: Builder) -> Value:
    del builder
    if node.integer("to", 1) != 1:
        raise Unsupported("computed values stay float32; only a Cast to float32 is supported")
    return node.activation(0)


def flatten(node: OnnxNode, builder: Builder) -> Value:
    del builder
    source = node.activation(0)
    axis, rank = node.integer("axis", 1), len(source.shape)
    if axis != rank:
        axis = normal_axis(axis, rank)
    return view(node, source, (math.prod(source.shape[:axis]), math.prod(source.shape[axis:])))


def reshape(node: OnnxNode, builder: Builder) -> Value:
    del builder
    source = node.activation(0)
    target = node.constant_integers(1)
    if target is None:
        raise Unsupported("the target shape is left out")
    return view(node, source, reshaped(source.shape, target, bool(node.integer("allowzero", 0))))


def squeeze(node: OnnxNode, builder: Builder) -> Value:
    del builder
    source = node.activation(0)
    axes = node.axes(len(source.shape), input_since=13)
    return view(node, source, squeezed(source.shape, axes))


def unsqueeze(node: OnnxNode, builder: Builder) -> Value:
    del builder
    source = node.activation(0)
    given = node.constant_integers(1) if node.opset >= 13 else node.integers("axes")
    return view(node, source, unsqueezed(source.shape, given))


def transpose(node: OnnxNode, builder: Builder) -> Value:
    """Only where axes of length 1 move: the order of the values stays."""
    del builder
    source = node.activation(0)
    rank = len(source.shape)
    order = node.integers("perm") or tuple(reversed(range(rank)))
    if sorted(order) != list(range(rank)):
        raise Unsupported(f"perm {list(order)} is no permutation")
    moved = [axis for axis in order if source.shape[axis] != 1]
    if moved != sorted(moved):
        raise Unsupported("reorders values: networks must be in NCHW order throughout")
    return view(node, source, tuple(source.shape[axis] for axis in order))


def expand(node: OnnxNode, builder: Builder) -> Value:
    del builder
    source = node.activation(0)
    target = node.constant_integers(1) or ()
    aligned = (1,) * (len(source.shape) - len(target)) + target
    if len(aligned) != len(source.shape) or any(
        want not in (1, have) for want, have in zip(aligned, source.shape, strict=True)
    ):
        raise Unsupported(f"to {shape_text(target)} repeats values")
    return source


def view(node: OnnxNode, source: Activation, shape: Shape) -> Activation:
    """``source`` seen in ``shape``, because of ``node``.

    Raises:
        Unsupported: The sizes differ.
    """
    if math.prod(shape) != math.prod(source.shape) or any(size < 1 for size in shape):
        raise Unsupported(f"{shape_text(source.shape)} cannot become {shape_text(shape)}")
    return Activation(source.tensor, shape, node.proto.name)


def reshaped(shape: Shape, target: tuple[int, ...], allow_zero: bool) -> Shape:
    """``target`` with its 0 (copy) and -1 (the rest) filled in.

    Raises:
        Unsupported: That is not possible.
    """
    result = list(target)
    for index, size in enumerate(target):
        if size == 0 and not allow_zero:
            if index >= len(shape):
                raise Unsupported(f"shape {list(target)} copies an axis that does not exist")
            result[index] = shape[index]
    if result.count(-1) > 1 or min(result, default=0) < -1:
        raise Unsupported(f"shape {list(target)} is not possible")
    if -1 in result:
        known = math.prod(size for size in result if size != -1)
        if known == 0 or math.prod(shape) % known:
            raise Unsupported(f"{shape_text(shape)} cannot become {list(target)}")
        result[result.index(-1)] = math.prod(shape) // known
    return tuple(result)


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
