"""Which nodes of an ONNX graph count, in which order, and the network's input and output."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import onnx
from onnx import TensorProto

from harness.errors import ModelError
from harness.model.names import shape_text, shown
from harness.model.onnx_file import OnnxFile
from harness.model.shapes import MAX_TENSOR_BYTES, Shape


@dataclass(frozen=True, eq=False)
class Topology:
    """``nodes``: those that the output depends on, in topological order."""

    nodes: tuple[onnx.NodeProto, ...]
    input: str
    input_shape: Shape
    output: str


def read_topology(source: OnnxFile, input_size: int | None) -> Topology:
    """Input, output and the ordered live nodes of ``source``; the batch becomes 1.

    Args:
        input_size: Height and width of the input, instead of the model's own.

    Raises:
        ModelError: Not exactly one input and one output, an input that is no float32 image
            or vector, a dynamic image size without ``input_size``, a batch other than 1,
            a tensor that is written twice or never, or a cycle.
    """
    graph, where = source.graph, str(source.path)
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    names = ", ".join(shown(value.name) for value in inputs[:8])
    if len(inputs) != 1:
        raise ModelError(
            f"the network has {len(inputs)} inputs, not one: {names}"
            if inputs
            else "the network has no input",
            where=where,
            hint="export a network that takes one image or one vector",
        )
    if len(graph.output) != 1:
        names = ", ".join(shown(value.name) for value in graph.output[:8])
        raise ModelError(
            f"the network has {len(graph.output)} outputs, not one: {names or 'none'}",
            where=where,
            hint="export a network that gives one tensor",
        )
    source_input, output = inputs[0], graph.output[0].name
    shape = _input_shape(source_input, input_size, where)
    nodes = _order(graph, {*constants, source_input.name}, output, where)
    return Topology(nodes, source_input.name, shape, output)


def _input_shape(value: onnx.ValueInfoProto, input_size: int | None, where: str) -> Shape:
    where = f"{where}: input {shown(value.name)}"
    if not value.type.HasField("tensor_type") or not value.type.tensor_type.HasField("shape"):
        raise ModelError("the input is no tensor with a shape", where=where)
    tensor = value.type.tensor_type
    if tensor.elem_type != TensorProto.FLOAT:
        known = tensor.elem_type in TensorProto.DataType.values()
        kind = TensorProto.DataType.Name(tensor.elem_type) if known else tensor.elem_type
        raise ModelError(
            f"the input is of type {kind}", where=where, hint="export the network in float32"
        )
    dims = [dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim]
    if len(dims) not in (2, 4):
        raise ModelError(
            f"the input has {len(dims)} dimensions",
            where=where,
            hint="networks take images [N, C, H, W] or vectors [N, C]",
        )
    batch, channels = dims[0], dims[1]
    if batch not in (None, -1, 0, 1):
        raise ModelError(
            f"the batch is fixed to {batch}",
            where=where,
            hint="export with a batch of 1 or a dynamic batch",
        )
    if channels is None:
        raise ModelError(
            "the number of channels is dynamic", where=where, hint="export it as a constant"
        )
    if len(dims) == 2:
        if input_size is not None:
            raise ModelError(
                "an input size was given, but the network takes vectors",
                where=where,
                hint="leave the input size out",
            )
        shape: tuple[int, ...] = (1, channels)
    elif input_size is not None:
        shape = (1, channels, input_size, input_size)
    elif dims[2] is None or dims[3] is None:
        raise ModelError(
            "the height or width is dynamic",
            where=where,
            hint="say which it is to be, e.g. --input 224",
        )
    else:
        shape = (1, channels, dims[2], dims[3])
    if min(shape) < 1 or 4 * math.prod(shape) > MAX_TENSOR_BYTES:
        raise ModelError(
            f"impossible input shape {shape_text(shape)}",
            where=where,
            hint="dimensions must be positive and the input at most 2 GiB",
        )
    return shape


def _order(
    graph: onnx.GraphProto, given: set[str], output: str, where: str
) -> tuple[onnx.NodeProto, ...]:
    writer: dict[str, int] = {}
    for index, node in enumerate(graph.node):
        for name in node.output:
            if name and (name in writer or name in given):
                raise ModelError(
                    f"tensor {shown(name)} is written twice", where=f"{where}: {_label(node)}"
                )
            if name:
                writer[name] = index
    if output not in writer:
        raise ModelError(
            f"no node writes the output {shown(output)}",
            where=where,
            hint="the file may be truncated: export the network again",
        )
    alive = _alive(graph, writer, given, output, where)
    # Smallest index first: nodes that already stand in order keep it.
    readers: dict[int, list[int]] = {index: [] for index in alive}
    missing: dict[int, int] = {}
    for index in alive:
        sources = {writer[name] for name in graph.node[index].input if name in writer}
        missing[index] = len(sources)
        for source in sources:
            readers[source].append(index)
    ready = [index for index in alive if missing[index] == 0]
    heapq.heapify(ready)
    order: list[int] = []
    while ready:
        index = heapq.heappop(ready)
        order.append(index)
        for reader in readers[index]:
            missing[reader] -= 1
            if missing[reader] == 0:
                heapq.heappush(ready, reader)
    if len(order) != len(alive):
        stuck = sorted(alive - set(order))
        names = ", ".join(_label(graph.node[index]) for index in stuck[:8])
        raise ModelError(f"the network has a cycle, on or before: {names}", where=where)
    return tuple(graph.node[index] for index in order)


def _alive(
    graph: onnx.GraphProto, writer: dict[str, int], given: set[str], output: str, where: str
) -> set[int]:
    """Indices of the nodes that ``output`` depends on."""
    alive: set[int] = set()
    pending = [writer[output]]
    while pending:
        index = pending.pop()
        if index in alive:
            continue
        alive.add(index)
        node = graph.node[index]
        for name in node.input:
            if name in writer:
                pending.append(writer[name])
            elif name and name not in given:
                raise ModelError(
                    f"reads {shown(name)}, which nothing writes",
                    where=f"{where}: {_label(node)}",
                    hint="the file may be truncated: export the network again",
                )
    return alive


def _label(node: onnx.NodeProto) -> str:
    return f"{shown(node.name) or 'a node without a name'} ({shown(node.op_type)})"
