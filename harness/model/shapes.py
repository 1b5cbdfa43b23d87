"""Shapes of a graph's tensors, and the check that a graph keeps its contract."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from harness.budget import NODES, PARAMETER_BYTES, TENSOR_BYTES, TENSORS_BYTES
from harness.errors import ModelError
from harness.model.graph import (
    Add,
    AvgPool,
    BatchNorm,
    Clip,
    Concat,
    Conv,
    Dense,
    FloatArray,
    GlobalAvgPool,
    Graph,
    LogSoftmax,
    MaxPool,
    Node,
    Pads,
    Pair,
    Reshape,
    Softmax,
)
from harness.model.identifiers import is_identifier
from harness.quantities import shape_text
from harness.safe_text import shown

Shape: TypeAlias = tuple[int, ...]

_PIECE_VALUES = 1 << 20
MAX_WINDOW = 65_535
"""Largest stride, dilation, padding and kernel size."""


def window_output(
    size: int, kernel: int, stride: int, before: int, after: int, dilation: int
) -> int:
    """Output length of a sliding window along one axis; not positive if it does not fit."""
    return (size + before + after - dilation * (kernel - 1) - 1) // stride + 1


def infer_shapes(
    nodes: Sequence[Node], input_shape: Shape, declared: Mapping[str, Shape] | None = None
) -> dict[str, Shape]:
    """Shape of the input and of every node's output.

    Args:
        nodes: In topological order.  The network's input is the one tensor that is read
            and that no node writes.
        input_shape: [1, c, h, w] or [1, c].
        declared: Shapes of the outputs of Reshape nodes, which cannot be inferred.

    Raises:
        ModelError: Naming the layer, its operator and the shapes that do not fit.
    """
    if not nodes:
        raise ModelError("the network has no layers", hint="give a network with layers to run")
    written = {node.output for node in nodes}
    sources = {name: None for node in nodes for name in node.inputs if name not in written}
    if len(sources) != 1:
        names = ", ".join(shown(name) for name in sources) or "none"
        raise ModelError(
            f"the network must read exactly one tensor that no layer writes, not {len(sources)}",
            where=names,
        )
    (source,) = sources
    check_tensor(source, input_shape)
    shapes: dict[str, Shape] = {source: input_shape}
    for node in nodes:
        for name in node.inputs:
            if name not in shapes:
                raise ModelError(
                    f"reads {shown(name)} before it is written", where=_where(node), hint=_ORDER
                )
        if node.output in shapes:
            raise ModelError(f"{shown(node.output)} is written twice", where=_where(node))
        shape = node_shape(
            node, [shapes[name] for name in node.inputs], (declared or {}).get(node.output)
        )
        check_tensor(node.output, shape, node)
        shapes[node.output] = shape
    return shapes


_ORDER = "nodes must stand in topological order"


def node_shape(node: Node, inputs: Sequence[Shape], declared: Shape | None = None) -> Shape:
    """Output shape of one node; ``declared`` is what a Reshape is to give.

    Raises:
        ModelError: The inputs do not fit the operator, or its parameters are impossible.
    """
    arity_ok = len(inputs) == 2 if isinstance(node, Add) else len(inputs) == 1
    if isinstance(node, Concat):
        arity_ok = len(inputs) >= 1
    if not arity_ok:
        raise _misfit(node, inputs, f"wrong number of inputs ({len(inputs)})")
    x = inputs[0]
    match node:
        case Conv():
            return _conv_shape(node, x)
        case Dense():
            return _dense_shape(node, x)
        case BatchNorm():
            _check_batch_norm(node, x)
            return x
        case MaxPool() | AvgPool():
            return _pool_shape(node, x)
        case GlobalAvgPool():
            _require_rank(node, x, 4)
            return (1, x[1], 1, 1)
        case Add():
            if inputs[0] != inputs[1]:
                raise _misfit(node, inputs, "both inputs must have one shape")
            return x
        case Concat():
            return _concat_shape(node, inputs)
        case Clip():
            if not (node.low <= node.high and node.low < math.inf and node.high > -math.inf):
                raise _misfit(node, inputs, f"empty range [{node.low}, {node.high}]")
            return x
        case Softmax() | LogSoftmax():
            _require_rank(node, x, 2)
            return x
        case Reshape():
            if declared is None:
                raise _misfit(node, inputs, "the output shape of a Reshape must be declared")
            if math.prod(declared) != math.prod(x):
                raise _misfit(node, inputs, f"cannot become {shape_text(declared)}")
            return declared
        case _:
            raise ModelError(f"unknown operator {type(node).__name__}", where=shown(node.name))


def arrays_of(node: Node) -> Iterator[tuple[str, FloatArray]]:
    """The parameters of a node, by field name."""
    for field in fields(node):
        value = getattr(node, field.name)
        if isinstance(value, np.ndarray):
            yield field.name, value


def validate(graph: Graph) -> None:
    """Check everything that `harness.model.graph` promises.

    Raises:
        ModelError: Naming the layer, operator and shapes of the first offence.
    """
    if len(graph.nodes) > NODES:
        raise ModelError(
            f"{len(graph.nodes)} layers are more than {NODES}", where=shown(graph.name)
        )
    for name in (graph.name, graph.input, *_all_names(graph)):
        if not is_identifier(name):
            raise ModelError(
                "not an identifier ([a-z][a-z0-9_]*, at most 48 characters, no C keyword)",
                where=shown(name),
            )
    seen: set[str] = set()
    parameters = 0
    for node in graph.nodes:
        if node.name in seen:
            raise ModelError("two layers have this name", where=_where(node))
        seen.add(node.name)
        for field, array in arrays_of(node):
            parameters += array.nbytes
            if array.dtype != np.float32:
                raise ModelError(f"{field} is {array.dtype}, not float32", where=_where(node))
            if not all_finite(array):
                raise ModelError(
                    f"{field} has values that are not finite",
                    where=_where(node),
                    hint="the weights contain NaN or infinity: export a network that trained well",
                )
    if parameters > PARAMETER_BYTES:
        raise ModelError(
            f"the weights take {parameters} bytes as float32, more than {PARAMETER_BYTES}",
            where=shown(graph.name),
        )
    check_tensors(graph.shapes, graph.name)
    if graph.input not in graph.shapes:
        raise ModelError("the input has no shape", where=shown(graph.input))
    expected = infer_shapes(graph.nodes, graph.shapes[graph.input], graph.shapes)
    if graph.input not in expected or graph.output not in expected:
        raise ModelError("the graph's input or output is no tensor of it", where=shown(graph.name))
    if dict(graph.shapes) != expected:
        wrong = sorted(
            name
            for name in {*graph.shapes, *expected}
            if graph.shapes.get(name) != expected.get(name)
        )
        name = wrong[0]
        raise ModelError(
            f"shape {shape_text(graph.shapes.get(name))} is recorded, "
            f"{shape_text(expected.get(name))} follows from the layers",
            where=shown(name),
        )


def _all_names(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        yield node.name
        yield node.output


def _where(node: Node) -> str:
    return f"{shown(node.name)} ({type(node).__name__})"


def _misfit(node: Node, inputs: Sequence[Shape], what: str) -> ModelError:
    read = ", ".join(shape_text(shape) for shape in inputs)
    return ModelError(f"{what}; reads {read}", where=_where(node))


def _require_rank(node: Node, x: Shape, rank: int) -> None:
    if len(x) != rank:
        raise _misfit(node, [x], f"needs a tensor of {rank} dimensions")


def check_tensor(name: str, shape: Shape, node: Node | None = None) -> None:
    where = f"{_where(node)}, tensor {shown(name)}" if node else shown(name)
    if len(shape) not in (2, 4) or shape[0] != 1:
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


def check_tensors(shapes: Mapping[str, Shape], network: str) -> None:
    """Refuse tensors that together take more memory than the budget has.

    Raises:
        ModelError: Naming the largest tensor.
    """
    total = sum(map(tensor_bytes, shapes.values()))
    if total > TENSORS_BYTES:
        name = max(shapes, key=lambda name: tensor_bytes(shapes[name]))
        raise ModelError(
            f"all tensors together take {total} bytes as float32, more than {TENSORS_BYTES}; "
            f"the largest is {shown(name)} with shape {shape_text(shapes[name])} "
            f"and {tensor_bytes(shapes[name])} bytes",
            where=shown(network),
            hint="give a smaller input",
        )


def tensor_bytes(shape: Shape) -> int:
    """Size of a tensor as float32."""
    return 4 * math.prod(shape)


def all_finite(array: npt.NDArray[Any]) -> bool:
    """Whether there is neither NaN nor infinity in ``array``; piece by piece, to save memory."""
    values = array.reshape(-1)
    return all(
        bool(np.isfinite(values[start : start + _PIECE_VALUES]).all())
        for start in range(0, values.size, _PIECE_VALUES)
    )


def _check_window(
    node: Node, x: Shape, kernel: Pair, stride: Pair, pads: Pads, dilation: Pair
) -> Shape:
    """Height and width that a window gives, its parameters checked."""
    _require_rank(node, x, 4)
    values = (*kernel, *stride, *dilation)
    if min(values) < 1 or min(pads) < 0 or max(*values, *pads) > MAX_WINDOW:
        raise _misfit(
            node,
            [x],
            f"impossible window: kernel {kernel}, stride {stride}, pads {pads}, "
            f"dilation {dilation}",
        )
    height = window_output(x[2], kernel[0], stride[0], pads[0], pads[2], dilation[0])
    width = window_output(x[3], kernel[1], stride[1], pads[1], pads[3], dilation[1])
    if height < 1 or width < 1:
        raise _misfit(
            node, [x], f"the {shape_text(kernel)} window does not fit into the padded input"
        )
    return (height, width)


def _conv_shape(node: Conv, x: Shape) -> Shape:
    weight = node.weight.shape
    if len(weight) != 4 or min(weight) < 1:
        raise _misfit(node, [x], f"weight {shape_text(weight)} is not [out, in/groups, kh, kw]")
    _require_rank(node, x, 4)
    if node.groups < 1 or weight[0] % node.groups or x[1] != weight[1] * node.groups:
        raise _misfit(
            node, [x], f"weight {shape_text(weight)} in {node.groups} groups does not fit the input"
        )
    if node.bias.shape != (weight[0],):
        raise _misfit(
            node, [x], f"bias {shape_text(node.bias.shape)} does not fit {weight[0]} outputs"
        )
    kernel = (weight[2], weight[3])
    height, width = _check_window(node, x, kernel, node.stride, node.pads, node.dilation)
    return (1, weight[0], height, width)


def _dense_shape(node: Dense, x: Shape) -> Shape:
    _require_rank(node, x, 2)
    weight = node.weight.shape
    if len(weight) != 2 or min(weight) < 1 or weight[1] != x[1]:
        raise _misfit(node, [x], f"weight {shape_text(weight)} does not fit the input")
    if node.bias.shape != (weight[0],):
        raise _misfit(
            node, [x], f"bias {shape_text(node.bias.shape)} does not fit {weight[0]} outputs"
        )
    return (1, weight[0])


def _pool_shape(node: MaxPool | AvgPool, x: Shape) -> Shape:
    height, width = _check_window(node, x, node.kernel, node.stride, node.pads, (1, 1))
    top, left, bottom, right = node.pads
    if max(top, bottom) >= node.kernel[0] or max(left, right) >= node.kernel[1]:
        raise _misfit(node, [x], f"pads {node.pads} must be smaller than the kernel {node.kernel}")
    return (1, x[1], height, width)


def _concat_shape(node: Concat, inputs: Sequence[Shape]) -> Shape:
    first = inputs[0]
    if any(len(x) != len(first) or x[2:] != first[2:] for x in inputs):
        raise _misfit(node, inputs, "inputs may differ in channels only")
    return (1, sum(x[1] for x in inputs), *first[2:])


def _check_batch_norm(node: BatchNorm, x: Shape) -> None:
    for field, array in arrays_of(node):
        if array.shape != (x[1],):
            raise _misfit(
                node, [x], f"{field} {shape_text(array.shape)} does not fit {x[1]} channels"
            )
    if not math.isfinite(node.epsilon) or not np.all(
        node.variance.astype(np.float64) + node.epsilon > 0.0
    ):
        raise _misfit(node, [x], "variance plus epsilon must be positive")
