"""Converters of elementwise operators, of Concat, Softmax and LogSoftmax."""

from __future__ import annotations

import math

import numpy as np

from harness.model.graph import Add, Clip, Concat, LogSoftmax, Softmax
from harness.model.onnx_builder import Builder, real_array
from harness.model.onnx_node import (
    Activation,
    Constant,
    OnnxNode,
    Unsupported,
    Value,
    normal_axis,
)
from harness.model.onnx_tensors import Array
from harness.quantities import shape_text


def relu(node: OnnxNode, builder: Builder) -> Value:
    return _clip(node, builder, 0.0, math.inf)


def clip(node: OnnxNode, builder: Builder) -> Value:
    if node.opset < 11:
        low, high = node.real("min", -math.inf), node.real("max", math.inf)
    else:
        low, high = _bound(node, 1, -math.inf), _bound(node, 2, math.inf)
    return _clip(node, builder, low, high)


def _bound(node: OnnxNode, index: int, default: float) -> float:
    array = node.constant(index)
    if array is None:
        return default
    if array.size != 1 or array.dtype.kind != "f" or np.isnan(array).any():
        raise Unsupported(f"input {index} is no float")
    return float(array.reshape(-1)[0])


def _clip(node: OnnxNode, builder: Builder, low: float, high: float) -> Value:
    source = node.activation(0)
    if (low, high) == (-math.inf, math.inf):
        return source
    result = builder.emit(node, Clip("", (builder.elementwise(source),), "", low, high))
    return Activation(result.tensor, source.shape)


def arithmetic(node: OnnxNode, builder: Builder) -> Value:
    """Add, Sub, Mul and Div: of two activations (Add only), or with a constant per channel."""
    left, right = node.value(0), node.value(1)
    if isinstance(left, Constant):
        source, constant, swapped = node.activation(1), left.array, True
    elif isinstance(right, Constant):
        source, constant, swapped = node.activation(0), right.array, False
    elif node.op == "Add":
        return _add(node, builder, node.activation(0), node.activation(1))
    else:
        raise Unsupported("of two computed tensors is not supported")
    values = real_array(_per_channel(constant, source), "the constant")
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    if node.op == "Add":
        scale, offset = one, values
    elif node.op == "Sub":
        scale, offset = (-one, values) if swapped else (one, -values)
    elif node.op == "Mul":
        scale, offset = values, zero
    else:
        if swapped or not values.all():
            raise Unsupported("divides by zero or by a computed tensor")
        with np.errstate(over="ignore"):
            scale, offset = real_array(one / values, "the reciprocal"), zero
    if (scale == 1.0).all() and (offset == 0.0).all():
        return source
    if len(source.shape) not in (2, 4):
        row = Activation(source.tensor, (1, math.prod(source.shape)))
        if scale.size != 1 or offset.size != 1:
            raise Unsupported("a constant per channel needs [N, C] or [N, C, H, W]")
        return Activation(builder.affine(node, row, scale, offset).tensor, source.shape)
    return builder.affine(node, source, scale, offset)


def _per_channel(constant: Array, source: Activation) -> Array:
    """``constant`` as [c] or [1]; unsupported where it varies along another axis."""
    rank = len(source.shape)
    if constant.size == 1 and constant.ndim <= rank:
        return constant.reshape(1)
    aligned = (1,) * (rank - constant.ndim) + constant.shape
    fits = len(aligned) == rank and aligned[0] == 1 and rank in (2, 4)
    if fits and aligned[1] == source.shape[1] and all(size == 1 for size in aligned[2:]):
        return constant.reshape(-1)
    raise Unsupported(
        f"the constant {shape_text(constant.shape)} is neither one value nor one per channel"
    )


def _add(node: OnnxNode, builder: Builder, left: Activation, right: Activation) -> Activation:
    if left.shape != right.shape:
        raise Unsupported("adds tensors of different shapes")
    inputs = (builder.elementwise(left), builder.elementwise(right))
    return Activation(builder.emit(node, Add("", inputs, "")).tensor, left.shape)


def add_all(node: OnnxNode, builder: Builder) -> Value:
    """Sum of any number of tensors of one shape."""
    total = node.activation(0)
    for index in range(1, len(node.inputs)):
        total = _add(node, builder, total, node.activation(index))
    return total


def concat(node: OnnxNode, builder: Builder) -> Value:
    parts = [node.activation(index) for index in range(len(node.inputs))]
    rank = len(parts[0].shape)
    axis = normal_axis(node.integer("axis", 1), rank)
    if len(parts) == 1:
        return parts[0]
    if axis != 1 or rank not in (2, 4):
        raise Unsupported(f"axis {axis} is not supported, only the channels (1)")
    tensors = tuple(builder.tensor(part) for part in parts)
    return builder.emit(node, Concat("", tensors, ""))


def softmax(node: OnnxNode, builder: Builder) -> Value:
    return _over_all(node, builder, Softmax)


def log_softmax(node: OnnxNode, builder: Builder) -> Value:
    return _over_all(node, builder, LogSoftmax)


def _over_all(
    node: OnnxNode, builder: Builder, kind: type[Softmax] | type[LogSoftmax]
) -> Activation:
    source = node.activation(0)
    shape = source.shape
    axis = normal_axis(node.integer("axis", 1 if node.opset < 13 else -1), len(shape))
    # Before opset 13 everything from the axis on was one row; since then only the axis is.
    others = shape[:axis] if node.opset < 13 else shape[:axis] + shape[axis + 1 :]
    if any(size != 1 for size in others):
        raise Unsupported(f"axis {axis} is not supported, only a softmax over all values")
    row = Activation(source.tensor, (1, math.prod(shape)))
    result = builder.emit(node, kind("", (builder.tensor(row),), ""))
    return Activation(result.tensor, shape)
