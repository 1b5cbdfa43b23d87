"""Reads an ``.onnx`` file into the typed graph.

Everything that is wrong with a network is collected and told at once: its inputs and outputs,
tensors that cannot be decoded, and every node that is not supported.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx

from harness.errors import ModelError
from harness.identifiers import sanitise
from harness.model.graph import Graph
from harness.model.onnx_constants import FOLDERS, fold_constant
from harness.model.onnx_file import DEFAULT_DOMAINS, OnnxFile, open_onnx
from harness.model.onnx_inference import onnx_output_shapes, require_same
from harness.model.onnx_rewrite import one_sample, per_axis, without_unread
from harness.model.onnx_topology import Topology, read_topology
from harness.model.shapes import validate
from harness.operators.onnx.builder import Builder
from harness.operators.onnx.node import OnnxNode
from harness.operators.onnx.reader import OnnxReader
from harness.operators.onnx.tensors import Budget, OverBudgetError, decode_tensor
from harness.operators.onnx.value import Activation, Constant, Unknown, Unsupported, Value
from harness.operators.registry import onnx_readers
from harness.operators.tensor import Shape
from harness.quantities import shape_text
from harness.safe_text import shown

RANDOM_WEIGHTS_KEY = "aimc_harness.random_weights"
"""Metadata by which an exported network says that it was never trained."""

QUANTIZED = frozenset(
    {
        "ConvInteger",
        "DequantizeLinear",
        "DynamicQuantizeLinear",
        "MatMulInteger",
        "QLinearConv",
        "QLinearMatMul",
        "QuantizeLinear",
    }
)
"""Operators by which an already quantized network is known."""

_MOST_LISTED = 200


def read_onnx(path: Path, *, input_size: int | None = None) -> Graph:
    """The network of ``path`` with batch size 1, batch normalisation not yet folded.

    Args:
        input_size: Height and width of the input; needed where the model leaves them
            open, and otherwise in place of the model's own.

    Raises:
        ModelError: The file is malformed or takes more memory than the budget has, or the
            network is not supported; all reasons are listed, nodes each with name, operator and
            shapes.
    """
    source = open_onnx(path)
    topology = read_topology(source, input_size)
    walk = _Walk(source, topology)
    try:
        for proto in topology.nodes:
            walk.visit(proto)
    except OverBudgetError as error:  # which does not know the file
        raise ModelError(error.what, where=str(path), hint=error.hint) from error
    output = walk.output()
    if walk.problems or walk.refused or output is None:
        raise _refusal(walk.problems, walk.refused, path, resized=input_size is not None)
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
        file_batch=topology.batch,
    )
    validate(graph)
    return graph


class _Walk:
    """Visits the nodes in order; keeps the value of every tensor by its ONNX name.

    Attributes:
        problems: Why the network cannot be read, apart from nodes.
        refused: One line for each node that is not supported.
    """

    def __init__(self, source: OnnxFile, topology: Topology) -> None:
        self.problems = [*topology.problems, *_quantized(topology, source.path)]
        self.refused: list[str] = []
        self._source = source
        self._topology = topology
        name, shape = next(iter(topology.inputs.items()))
        whole = shape is not None and not topology.problems
        self.builder = Builder(
            name,
            shape if shape is not None and whole else (1, 1),
            source.path.parent,
            Budget(source.size_bytes),
        )
        self._values: dict[str, Value] = {
            name: self.builder.input if whole else self._placeholder(shape)
            for name, shape in topology.inputs.items()
        }
        self._read = {name for node in topology.nodes for name in node.input} | {*topology.outputs}
        self._initializers = {tensor.name: tensor for tensor in source.graph.initializer}

    def visit(self, proto: onnx.NodeProto) -> None:
        inputs = tuple(self._value(name) if name else None for name in proto.input)
        if proto.op_type in QUANTIZED or (
            any(isinstance(value, Unknown) for value in inputs) and _known(proto)
        ):
            # The fault lies upstream and is listed already.
            self._values.update((name, Unknown()) for name in proto.output)
            return
        inferred: dict[str, Shape] = {}
        try:
            if proto.domain not in DEFAULT_DOMAINS:
                raise Unsupported(f"operators of {shown(proto.domain)} are not supported")
            if any(attribute.HasField("g") or attribute.graphs for attribute in proto.attribute):
                raise Unsupported("control flow (an attribute that is a graph) is not supported")
            reader = onnx_readers().get(proto.op_type)
            given = one_sample(proto, reader, inputs, self._topology.batch)
            plain = per_axis(without_unread(proto, reader, self._read), reader, inputs)
            node = OnnxNode(plain, self._source.opset, given)
            complaint: Unsupported | None = None
            if not any(isinstance(value, Unknown) for value in inputs):
                inferred, complaint = self._infer(node)
            value = self._convert(node, reader)
            if complaint is not None:
                raise complaint
            if not _disputed(node, reader):
                require_same(value.shape, inferred, proto.output[0])
            self._values[proto.output[0]] = value
        except Unsupported as reason:
            self._report(proto, inputs, str(reason))
        except OverBudgetError:
            raise
        except ModelError as error:  # of a tensor in an attribute
            self._report(proto, inputs, error.what)
        for name in proto.output:
            if name not in self._values:
                self._values[name] = self._placeholder(inferred.get(name))

    def _infer(self, node: OnnxNode) -> tuple[dict[str, Shape], Unsupported | None]:
        """What onnx says of the outputs; its complaint is kept, for ours may say more."""
        try:
            return onnx_output_shapes(node.proto, node.opset, node.inputs), None
        except Unsupported as complaint:
            return {}, complaint

    def _convert(self, node: OnnxNode, reader: OnnxReader | None) -> Value:
        constant = fold_constant(node, self.builder)
        if constant is not None:
            return constant
        if reader is None:
            raise Unsupported("not supported")
        return reader.read(node, self.builder)

    def _value(self, name: str) -> Value:
        if name not in self._values:
            self._values[name] = self._decoded(name)
        return self._values[name]

    def _decoded(self, name: str) -> Value:
        builder = self.builder
        try:
            tensor = self._initializers[name]
            return Constant(decode_tensor(tensor, builder.folder, builder.budget))
        except OverBudgetError:
            raise
        except ModelError as error:
            where = f"{self._source.path}: {error.where}"
            self.problems.append(ModelError(error.what, where=where, hint=error.hint))
            return Unknown()

    def _placeholder(self, shape: Shape | None) -> Value:
        """Stands for a tensor that is not computed, so that later nodes can be judged."""
        if shape is None or min(shape, default=1) < 1:
            return Unknown()
        return self.builder.placeholder(shape)

    def _report(self, proto: onnx.NodeProto, inputs: tuple[Value | None, ...], reason: str) -> None:
        reads = ", ".join(shape_text(value.shape) for value in inputs[:8] if value is not None)
        name = proto.name or f"writes {proto.output[0] if proto.output else '?'}"
        described = f"{shown(name)} ({shown(proto.op_type)}, reads {reads or 'nothing'})"
        self.refused.append(f"{described}: {reason}")

    def output(self) -> str | None:
        """The tensor that is the network's output; None with the reason among the problems."""
        name = self._topology.outputs[0]
        value = self._values.get(name, Unknown())
        if isinstance(value, Unknown) or self.problems:
            return None  # the fault is listed already
        where = f"{self._source.path}: output {shown(name)}"
        try:
            if not isinstance(value, Activation):
                raise Unsupported("the output is not computed from the input")
            tensor = self.builder.elementwise(value)
            if tensor == self.builder.input.tensor:
                raise Unsupported("the network does nothing: its output is its input")
        except Unsupported as reason:
            if not self.refused:
                self.problems.append(ModelError(str(reason), where=where))
            return None
        return tensor


def _disputed(node: OnnxNode, reader: OnnxReader | None) -> bool:
    """Whether onnx and runtimes disagree about the output's shape."""
    return reader is not None and reader.rounds_up and bool(node.integer("ceil_mode", 0))


def _known(proto: onnx.NodeProto) -> bool:
    default = proto.domain in DEFAULT_DOMAINS
    supported = proto.op_type in onnx_readers()
    return default and (supported or proto.op_type in (*FOLDERS, "Shape", "Size"))


def _quantized(topology: Topology, path: Path) -> list[ModelError]:
    found = [node for node in topology.nodes if node.op_type in QUANTIZED]
    if not found:
        return []
    first = f"{shown(found[0].name)} ({shown(found[0].op_type)})"
    return [
        ModelError(
            f"the network is quantized already: {len(found)} such nodes, the first is {first}",
            where=str(path),
            hint="give the float32 network: the harness calibrates and quantizes it itself",
        )
    ]


def _refusal(
    problems: Sequence[ModelError], refused: Sequence[str], path: Path, *, resized: bool
) -> ModelError:
    """All reasons in one error."""
    if len(problems) == 1 and not refused:
        return problems[0]
    lines = []
    for problem in problems[:_MOST_LISTED]:
        where = (problem.where or "").removeprefix(str(path)).removeprefix(": ")
        what = f"{where}: {problem.what}" if where else problem.what
        lines.append(f"  {what}" + (f" ({problem.hint})" if problem.hint else ""))
    lines += [f"  {line}" for line in refused[:_MOST_LISTED]]
    more = len(problems) + len(refused) - len(lines)
    if more:
        lines.append(f"  and {more} more")
    count = f"{len(refused)} {'node is' if len(refused) == 1 else 'nodes are'} not supported"
    if problems:
        also = f", and {count}" if refused else ""
        plural = "is 1 reason" if len(problems) == 1 else f"are {len(problems)} reasons"
        count = f"there {plural} against the network{also}"
    hint = "supported operators: " + ", ".join(onnx_readers()) if refused else None
    if resized and hint is not None:
        hint += "; or leave the input size out if the network does not fit it"
    return ModelError(f"{count}:\n" + "\n".join(lines), where=str(path), hint=hint)
