"""Reads an ``.onnx`` file into the typed graph."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import onnx

from harness.errors import ModelError
from harness.model.graph import Graph
from harness.model.names import sanitise, shape_text, shown
from harness.model.onnx_builder import Builder
from harness.model.onnx_file import DEFAULT_DOMAINS, OnnxFile, open_onnx
from harness.model.onnx_inference import onnx_output_shapes, require_same
from harness.model.onnx_node import Activation, Constant, OnnxNode, Unknown, Unsupported, Value
from harness.model.onnx_tensors import Budget, decode_tensor
from harness.model.onnx_topology import Topology, read_topology
from harness.model.ops_constant import FOLDERS, fold_constant
from harness.model.registry import CONVERTERS, QUANTIZED
from harness.model.shapes import Shape, validate

RANDOM_WEIGHTS_KEY = "aimc_harness.random_weights"
"""Metadata by which an exported network says that it was never trained."""

_MOST_LISTED = 200


def read_onnx(path: Path, *, input_size: int | None = None) -> Graph:
    """The network of ``path`` with batch size 1, batch normalisation not yet folded.

    Args:
        input_size: Height and width of the input; needed where the model leaves them
            open, and otherwise in place of the model's own.

    Raises:
        ModelError: The file is malformed, or has nodes that are not supported; these are
            all listed, each with its name, operator, shapes and the reason.
    """
    source = open_onnx(path)
    topology = read_topology(source, input_size)
    _refuse_quantized(topology, path)
    walk = _Walk(source, topology)
    try:
        for proto in topology.nodes:
            walk.visit(proto)
    except ModelError as error:  # of one tensor, which does not know its file
        where = f"{path}: {error.where}" if error.where else str(path)
        raise ModelError(error.what, where=where, hint=error.hint) from error
    if walk.problems:
        raise _unsupported(walk.problems, path, resized=input_size is not None)
    output = walk.output()
    graph = Graph(
        name=sanitise(path.stem, "network"),
        input=walk.builder.input.tensor,
        output=output,
        nodes=tuple(walk.builder.nodes),
        shapes=dict(walk.builder.shapes),
        random_weights=any(
            entry.key == RANDOM_WEIGHTS_KEY and entry.value == "true"
            for entry in source.model.metadata_props
        ),
    )
    validate(graph)
    return graph


@dataclass(frozen=True)
class _Problem:
    name: str
    op: str
    shapes: str
    reason: str


class _Walk:
    """Visits the nodes in order; keeps the value of every tensor by its ONNX name."""

    def __init__(self, source: OnnxFile, topology: Topology) -> None:
        self.problems: list[_Problem] = []
        self._source = source
        self._topology = topology
        folder = source.path.parent
        self.builder = Builder(topology.input, topology.input_shape, folder, Budget())
        self._values: dict[str, Value] = {topology.input: self.builder.input}
        self._initializers = {tensor.name: tensor for tensor in source.graph.initializer}

    def visit(self, proto: onnx.NodeProto) -> None:
        inputs = tuple(self._value(name) if name else None for name in proto.input)
        if any(isinstance(value, Unknown) for value in inputs) and _known(proto):
            # The fault lies upstream and is listed already.
            self._values.update((name, Unknown()) for name in proto.output)
            return
        inferred: dict[str, Shape] = {}
        try:
            if proto.domain not in DEFAULT_DOMAINS:
                raise Unsupported(f"operators of {shown(proto.domain)} are not supported")
            node = OnnxNode(proto, self._source.opset, inputs)
            complaint: Unsupported | None = None
            if not any(isinstance(value, Unknown) for value in inputs):
                inferred, complaint = self._infer(proto, inputs)
            value = self._convert(node)
            if complaint is not None:
                raise complaint
            if not _disputed(node):
                require_same(value.shape, inferred, proto.output[0])
            self._values[proto.output[0]] = value
        except Unsupported as reason:
            self._report(proto, inputs, str(reason))
        for name in proto.output:
            if name not in self._values:
                self._values[name] = self._placeholder(inferred.get(name))

    def _infer(
        self, proto: onnx.NodeProto, inputs: tuple[Value | None, ...]
    ) -> tuple[dict[str, Shape], Unsupported | None]:
        """What onnx says of the outputs; its complaint is kept, for ours may say more."""
        try:
            return onnx_output_shapes(proto, self._source.opset, inputs), None
        except Unsupported as complaint:
            return {}, complaint

    def _convert(self, node: OnnxNode) -> Value:
        constant = fold_constant(node, self.builder)
        if constant is not None:
            return constant
        converter = CONVERTERS.get(node.op)
        if converter is None:
            raise Unsupported("not supported")
        return converter(node, self.builder)

    def _value(self, name: str) -> Value:
        if name not in self._values:
            tensor = self._initializers[name]
            budget = self.builder.budget
            self._values[name] = Constant(decode_tensor(tensor, self.builder.folder, budget))
        return self._values[name]

    def _placeholder(self, shape: Shape | None) -> Value:
        """Stands for a tensor that is not computed, so that later nodes can be judged."""
        if shape is None or min(shape, default=1) < 1:
            return Unknown()
        return self.builder.placeholder(shape)

    def _report(self, proto: onnx.NodeProto, inputs: tuple[Value | None, ...], reason: str) -> None:
        reads = ", ".join(shape_text(value.shape) for value in inputs[:8] if value is not None)
        name = proto.name or f"writes {proto.output[0] if proto.output else '?'}"
        self.problems.append(_Problem(shown(name), shown(proto.op_type), reads, reason))

    def output(self) -> str:
        """The tensor that is the network's output, in the shape that ONNX gives it."""
        value = self._values[self._topology.output]
        where = f"{self._source.path}: output {shown(self._topology.output)}"
        if not isinstance(value, Activation):
            raise ModelError("the output is not computed from the input", where=where)
        try:
            tensor = self.builder.elementwise(value)
        except Unsupported as reason:
            raise ModelError(str(reason), where=where) from reason
        if tensor == self.builder.input.tensor:
            raise ModelError("the network does nothing: its output is its input", where=where)
        return tensor


def _disputed(node: OnnxNode) -> bool:
    """Before opset 22 onnx counts windows that start in the padding; runtimes never did."""
    return node.op in ("MaxPool", "AveragePool") and bool(node.integer("ceil_mode", 0))


def _known(proto: onnx.NodeProto) -> bool:
    default = proto.domain in DEFAULT_DOMAINS
    return default and (proto.op_type in CONVERTERS or proto.op_type in (*FOLDERS, "Shape", "Size"))


def _refuse_quantized(topology: Topology, path: Path) -> None:
    found = [node for node in topology.nodes if node.op_type in QUANTIZED]
    if found:
        first = f"{shown(found[0].name)} ({shown(found[0].op_type)})"
        raise ModelError(
            f"the network is quantized already: {len(found)} such nodes, the first is {first}",
            where=str(path),
            hint="give the float32 network: the harness calibrates and quantizes it itself",
        )


def _unsupported(problems: list[_Problem], path: Path, *, resized: bool) -> ModelError:
    lines = [
        f"  {problem.name} ({problem.op}, reads {problem.shapes or 'nothing'}): {problem.reason}"
        for problem in problems[:_MOST_LISTED]
    ]
    if len(problems) > _MOST_LISTED:
        lines.append(f"  and {len(problems) - _MOST_LISTED} more")
    plural = "node is" if len(problems) == 1 else "nodes are"
    hint = "supported operators: " + ", ".join(sorted(CONVERTERS))
    if resized:
        hint += "; or leave the input size out if the network does not fit it"
    return ModelError(
        f"{len(problems)} {plural} not supported:\n" + "\n".join(lines), where=str(path), hint=hint
    )
