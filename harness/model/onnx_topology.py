"""Which nodes of an ONNX graph count, in which order, and the network's input and output.

What makes a network unsupported is collected, not raised: the user learns it together with what
is wrong with the nodes.  A damaged graph is refused at once.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass

import onnx
from onnx import TensorProto

from harness.budget import TENSOR_BYTES
from harness.errors import ModelError
from harness.model.onnx_file import OnnxFile
from harness.operators.tensor import Shape, tensor_bytes
from harness.quantities import shape_text
from harness.safe_text import shown


@dataclass(frozen=True, eq=False)
class Topology:
    """``nodes``: those that the outputs depend on, in topological order.

    Attributes:
        inputs: Shapes of the network's inputs with batch 1; None where it is not known or the
            values are not float32.
        batch: How many samples the file runs at once; 1 if it leaves that open.
        problems: Why the network cannot be read, as far as inputs and outputs say.
    """

    nodes: tuple[onnx.NodeProto, ...]
    inputs: Mapping[str, Shape | None]
    outputs: tuple[str, ...]
    batch: int
    problems: tuple[ModelError, ...]


def read_topology(source: OnnxFile, input_size: int | None) -> Topology:
    """Inputs, outputs and the ordered live nodes of ``source``; the batch becomes 1.

    Args:
        input_size: Height and width of the input, instead of the model's own.

    Raises:
        ModelError: A tensor that is written twice or never, a cycle, or nothing to compute.
    """
    graph, where = source.graph, str(source.path)
    constants = {tensor.name for tensor in graph.initializer}
    given = [value for value in graph.input if value.name not in constants]
    problems: list[ModelError] = []
    if len(given) != 1:
        names = ", ".join(shown(value.name) for value in given[:8])
        problems.append(
            ModelError(
                f"the network has {len(given)} inputs, not one: {names}"
                if given
                else "the network has no input",
                where=where,
                hint="export a network that takes one image or one vector",
            )
        )
    if len(graph.output) != 1:
        names = ", ".join(shown(value.name) for value in graph.output[:8])
        problems.append(
            ModelError(
                f"the network has {len(graph.output)} outputs, not one: {names or 'none'}",
                where=where,
                hint="export a network that gives one tensor",
            )
        )
    if not given or not graph.output:
        raise problems[0]
    inputs: dict[str, Shape | None] = {}
    batch = 1
    for value in given:
        reader = _InputReader(f"{where}: input {shown(value.name)}")
        inputs[value.name] = reader.shape(value, input_size)
        batch = max(batch, reader.batch)
        problems += reader.problems
    outputs = tuple(value.name for value in graph.output)
    nodes = _order(graph, constants | inputs.keys(), outputs, where)
    return Topology(nodes, inputs, outputs, batch, tuple(problems))


class _InputReader:
    """Reads what a file says of one input, and collects what is wrong with it."""

    def __init__(self, where: str) -> None:
        self.problems: list[ModelError] = []
        self.batch = 1
        self._where = where

    def _report(self, what: str, hint: str | None = None) -> None:
        self.problems.append(ModelError(what, where=self._where, hint=hint))

    def shape(self, value: onnx.ValueInfoProto, input_size: int | None) -> Shape | None:
        """Its shape with batch 1; None if that or the type is not one that can be judged."""
        tensor = value.type.tensor_type
        if not value.type.HasField("tensor_type") or not tensor.HasField("shape"):
            self._report("the input is no tensor with a shape")
            return None
        is_float = tensor.elem_type == TensorProto.FLOAT
        if not is_float:
            known = tensor.elem_type in TensorProto.DataType.values()
            kind = TensorProto.DataType.Name(tensor.elem_type) if known else tensor.elem_type
            self._report(f"the input is of type {kind}", "export the network in float32")
        dims = [dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim]
        if len(dims) not in (2, 4):
            self._report(
                f"the input has {len(dims)} dimensions",
                "networks take images [N, C, H, W] or vectors [N, C]",
            )
        if not dims:
            return None
        self._read_batch(dims[0])
        sizes = self._sizes(dims[1:], input_size)
        if not is_float or sizes is None:
            return None
        return self._checked((1, *sizes))

    def _read_batch(self, batch: int | None) -> None:
        if batch not in (None, -1, 0):
            if batch < 0:
                self._report(f"the batch is {batch}", "export with a batch of 1")
            self.batch = max(batch, 1)

    def _sizes(self, dims: list[int | None], input_size: int | None) -> Shape | None:
        """All but the batch; None if one is left open."""
        if dims and dims[0] is None:
            self._report("the number of channels is dynamic", "export it as a constant")
        if input_size is not None and len(dims) == 1:
            self._report(
                "an input size was given, but the network takes vectors", "leave the input size out"
            )
        elif input_size is not None and len(dims) == 3:
            dims = [dims[0], input_size, input_size]
        if None in dims[1:]:
            self._report(
                "the height or width is dynamic", "say which it is to be, e.g. --input 224"
            )
        sizes = tuple(size for size in dims if size is not None)
        return sizes if len(sizes) == len(dims) else None

    def _checked(self, shape: Shape) -> Shape | None:
        if min(shape) < 1:
            self._report(f"impossible input shape {shape_text(shape)}", "give positive dimensions")
            return None
        if tensor_bytes(shape) > TENSOR_BYTES:
            self._report(
                f"shape {shape_text(shape)} takes {tensor_bytes(shape)} bytes as float32, "
                f"more than {TENSOR_BYTES}",
                "give a smaller input",
            )
            return None
        return shape


def _order(
    graph: onnx.GraphProto, given: set[str], outputs: tuple[str, ...], where: str
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
    for output in outputs:
        if output not in writer:
            raise ModelError(
                f"no node writes the output {shown(output)}",
                where=where,
                hint="the file may be truncated: export the network again",
            )
    alive = _alive(graph, writer, given, outputs, where)
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
    graph: onnx.GraphProto,
    writer: dict[str, int],
    given: set[str],
    outputs: tuple[str, ...],
    where: str,
) -> set[int]:
    """Indices of the nodes that ``outputs`` depend on."""
    alive: set[int] = set()
    pending = [writer[output] for output in outputs]
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
