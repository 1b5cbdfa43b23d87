"""Evaluates the operators that exporters leave between constants: shape arithmetic mostly.

With the batch fixed to 1 every shape is known, so ``Shape`` of a computed tensor is a
constant too.  What a result takes is charged to the budget before it is computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from onnx import TensorProto

from harness.operators.onnx.builder import Builder
from harness.operators.onnx.node import OnnxNode
from harness.operators.onnx.value import Array, Constant, Unsupported, normal_axis
from harness.operators.reshape import reshaped
from harness.operators.squeeze import squeezed, unsqueezed
from harness.operators.tensor import Shape
from harness.quantities import shape_text

Folder: TypeAlias = Callable[[OnnxNode, Builder], Array]

_MOST_LISTED = 1 << 16
"""Values of a list or range of integers."""

_CAST_TYPES: Mapping[int, type] = {
    TensorProto.FLOAT: np.float32,
    TensorProto.DOUBLE: np.float64,
    TensorProto.FLOAT16: np.float16,
    TensorProto.INT64: np.int64,
    TensorProto.INT32: np.int32,
    TensorProto.BOOL: np.bool_,
}


def fold_constant(node: OnnxNode, builder: Builder) -> Constant | None:
    """The value of ``node`` if it does not depend on the network's input, else None.

    Raises:
        Unsupported: It is constant, but cannot be evaluated.
    """
    if node.op in ("Shape", "Size"):
        shape = _known_shape(node)
        return Constant(_shape(node, shape) if node.op == "Shape" else _size(shape))
    if not all(value is None or isinstance(value, Constant) for value in node.inputs):
        return None
    folder = FOLDERS.get(node.op)
    if folder is None:
        raise Unsupported("reads only constants: export with constant folding")
    try:
        with np.errstate(all="ignore"):
            result = np.asarray(folder(node, builder))  # numpy makes scalars of 0-D arrays
    except (ValueError, IndexError, TypeError, OverflowError, ZeroDivisionError) as error:
        raise Unsupported(f"constants that do not fit: {error}") from error
    return Constant(result)


def _known_shape(node: OnnxNode) -> Shape:
    value = node.value(0)
    if value is None or value.shape is None:
        raise Unsupported("of a tensor whose shape is not known")
    return value.shape


def _shape(node: OnnxNode, shape: Shape) -> Array:
    start, end = node.integer("start", 0), node.integer("end", len(shape))
    return np.array(shape[start:end], np.int64)


def _size(shape: Shape) -> Array:
    return np.array(math.prod(shape), np.int64)


def _array(node: OnnxNode, index: int = 0) -> Array:
    array = node.constant(index)
    if array is None:
        raise Unsupported(f"input {index} is left out")
    return array


def _arrays(node: OnnxNode) -> list[Array]:
    return [_array(node, index) for index in range(len(node.inputs))]


def _allocate(builder: Builder, shape: Sequence[int], *sources: Array) -> None:
    """Charge a result of ``shape`` before it is computed from ``sources``.

    Raises:
        Unsupported: It has more dimensions than numpy takes, or negative ones.
        ModelError: The budget has not that much left.
    """
    if len(shape) > 32 or min(shape, default=0) < 0:
        raise Unsupported(f"a constant of shape {shape_text(tuple(shape[:8]))}")
    width = max((source.dtype.itemsize for source in sources), default=8)
    builder.budget.charge(math.prod(shape) * width)


def _constant(node: OnnxNode, builder: Builder) -> Array:
    given = [attribute.name for attribute in node.proto.attribute]
    if len(given) != 1:
        raise Unsupported("exactly one value must be given")
    attribute = node.proto.attribute[0]
    match given[0]:
        case "value":
            return node.tensor("value", builder.folder, builder.budget)
        case "value_float":
            return np.array(attribute.f, np.float32)
        case "value_int":
            return np.array(attribute.i, np.int64)
        case "value_floats" if len(attribute.floats) <= _MOST_LISTED:
            return np.array(attribute.floats, np.float32)
        case "value_ints" if len(attribute.ints) <= _MOST_LISTED:
            return np.array(attribute.ints, np.int64)
        case _:
            raise Unsupported(f"a constant given as {given[0]} is not supported")


def _identity(node: OnnxNode, builder: Builder) -> Array:
    del builder
    return _array(node)


def _gather(node: OnnxNode, builder: Builder) -> Array:
    data, indices = _arrays(node)
    axis = normal_axis(node.integer("axis", 0), data.ndim)
    _allocate(builder, (*data.shape[:axis], *indices.shape, *data.shape[axis + 1 :]), data)
    length = data.shape[axis]
    if indices.dtype.kind not in "iu" or np.any((indices < -length) | (indices >= length)):
        raise Unsupported("an index is out of range")
    return np.asarray(np.take(data, indices, axis=axis))


def _concat(node: OnnxNode, builder: Builder) -> Array:
    arrays = _arrays(node)
    builder.budget.charge(sum(array.nbytes for array in arrays))
    return np.concatenate(arrays, axis=normal_axis(node.integer("axis", 0), arrays[0].ndim))


def _cast(node: OnnxNode, builder: Builder) -> Array:
    dtype = _CAST_TYPES.get(node.integer("to", 0))
    if dtype is None:
        raise Unsupported("a Cast to this type is not supported")
    data = _array(node)
    _allocate(builder, data.shape, np.empty(0, dtype))
    return data.astype(dtype)


def _slice(node: OnnxNode, builder: Builder) -> Array:
    del builder
    data = _array(node)
    if node.opset < 10:
        starts, ends, axes = (node.integers(name) for name in ("starts", "ends", "axes"))
        steps = None
    else:
        starts, ends, axes, steps = (node.constant_integers(index) for index in range(1, 5))
    if starts is None or ends is None:
        raise Unsupported("starts or ends are left out")
    axes = tuple(range(len(starts))) if axes is None else axes
    steps = (1,) * len(starts) if steps is None else steps
    cuts = [slice(None)] * data.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        # Going backwards, an end before the first value means "up to the first value".
        stop = None if step < 0 and end < -data.shape[normal_axis(axis, data.ndim)] else end
        cuts[normal_axis(axis, data.ndim)] = slice(start, stop, step)
    return data[tuple(cuts)]


def _binary(operation: Callable[[Array, Array], Array]) -> Folder:
    def folder(node: OnnxNode, builder: Builder) -> Array:
        left, right = _arrays(node)
        shape = np.broadcast_shapes(left.shape, right.shape)
        if math.prod(shape) > _MOST_LISTED and left.dtype.kind != "f":
            raise Unsupported("calculates with a large tensor that is not floating point")
        _allocate(builder, shape, left, right)
        return operation(left, right)

    return folder


def _divide(left: Array, right: Array) -> Array:
    if left.dtype.kind == "f":
        return np.asarray(left / right)
    if not right.all():
        raise Unsupported("division of integers by zero")
    quotient = np.asarray(left // right)
    rest: Array = (left % right != 0) & ((left < 0) != (right < 0))
    return np.asarray(quotient + rest)  # towards zero


def _unary(operation: Callable[[Array], Array]) -> Folder:
    def folder(node: OnnxNode, builder: Builder) -> Array:
        data = _array(node)
        _allocate(builder, data.shape, data)
        return operation(data)

    return folder


def _reshape(node: OnnxNode, builder: Builder) -> Array:
    del builder
    data, target = _array(node), node.constant_integers(1) or ()
    return data.reshape(reshaped(data.shape, target, bool(node.integer("allowzero", 0))))


def _squeeze(node: OnnxNode, builder: Builder) -> Array:
    del builder
    data = _array(node)
    return data.reshape(squeezed(data.shape, node.axes(data.ndim, input_since=13)))


def _unsqueeze(node: OnnxNode, builder: Builder) -> Array:
    del builder
    data = _array(node)
    given = node.constant_integers(1) if node.opset >= 13 else node.integers("axes")
    return data.reshape(unsqueezed(data.shape, given))


def _transpose(node: OnnxNode, builder: Builder) -> Array:
    del builder
    return np.transpose(_array(node), node.integers("perm"))


def _flatten(node: OnnxNode, builder: Builder) -> Array:
    del builder
    data = _array(node)
    axis = node.integer("axis", 1)
    if axis != data.ndim:
        axis = normal_axis(axis, data.ndim)
    return data.reshape(math.prod(data.shape[:axis]), math.prod(data.shape[axis:]))


def _constant_of_shape(node: OnnxNode, builder: Builder) -> Array:
    shape = node.constant_integers(0) or ()
    value = np.zeros((), np.float32)
    if node.has("value"):
        value = node.tensor("value", builder.folder, builder.budget).reshape(())
    _allocate(builder, shape, value)
    return np.full(shape, value)


def _expand(node: OnnxNode, builder: Builder) -> Array:
    data, target = _array(node), node.constant_integers(1) or ()
    shape = np.broadcast_shapes(data.shape, target)
    _allocate(builder, shape, data)
    return np.broadcast_to(data, shape).copy()


def _range(node: OnnxNode, builder: Builder) -> Array:
    del builder
    start, limit, delta = (array.reshape(()) for array in _arrays(node))
    count = math.ceil((limit.item() - start.item()) / delta.item())
    if count > _MOST_LISTED:
        raise Unsupported(f"a range of {count} values")
    return np.asarray(start + np.arange(max(count, 0)) * delta, start.dtype)


def _where(node: OnnxNode, builder: Builder) -> Array:
    condition, left, right = _arrays(node)
    shape = np.broadcast_shapes(condition.shape, left.shape, right.shape)
    _allocate(builder, shape, left, right)
    return np.where(condition, left, right)


def _reduce_prod(node: OnnxNode, builder: Builder) -> Array:
    del builder
    data = _array(node)
    axes = node.axes(data.ndim, input_since=18)
    keep = bool(node.integer("keepdims", 1))
    return np.asarray(np.prod(data, axis=axes, keepdims=keep, dtype=data.dtype))


FOLDERS: Mapping[str, Folder] = {
    "Add": _binary(np.add),
    "Cast": _cast,
    "Ceil": _unary(np.ceil),
    "Concat": _concat,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Div": _binary(_divide),
    "Equal": _binary(np.equal),
    "Expand": _expand,
    "Flatten": _flatten,
    "Floor": _unary(np.floor),
    "Gather": _gather,
    "Identity": _identity,
    "Mul": _binary(np.multiply),
    "Neg": _unary(np.negative),
    "Range": _range,
    "ReduceProd": _reduce_prod,
    "Reshape": _reshape,
    "Slice": _slice,
    "Sqrt": _unary(np.sqrt),
    "Squeeze": _squeeze,
    "Sub": _binary(np.subtract),
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Where": _where,
}
