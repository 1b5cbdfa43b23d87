"""Structure before numbers: activations fused into their producers, reshapes out of the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.errors import QuantError
from harness.model.graph import Graph
from harness.operators.node import Node
from harness.operators.quantization.step import Step
from harness.operators.tensor import Shape


@dataclass(frozen=True, eq=False)
class Lowered:
    """The steps in topological order; tensor names are the graph's."""

    steps: tuple[Step, ...]
    shapes: Mapping[str, Shape]  # NCHW or NC, of the tensors that remain
    output: str


def lower(graph: Graph) -> Lowered:
    """Fuse activations into their producers, and remove views where any shape will do.

    A clamp goes into the node before it if that can clamp and nothing else reads what it writes,
    also through a view.  A view remains only where a node reads it that needs that shape.

    Raises:
        QuantError: A node or a shape that has no integer form.
    """
    return _Lowering(graph).run()


class _Lowering:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.uses = Counter(name for node in graph.nodes for name in node.inputs)
        self.uses[graph.output] += 1
        self.producer = {node.output: node for node in graph.nodes}
        self.steps: list[Step] = []
        self.step_of: dict[str, int] = {}  # remaining tensor -> the step that writes it
        self.shapes: dict[str, Shape] = {}
        self.where: dict[str, str] = {}  # graph tensor -> the remaining tensor with its values
        self.pending: dict[str, Node] = {}  # reshaped tensors that no step writes yet

    def run(self) -> Lowered:
        graph = self.graph
        self._declare(graph.input, graph.shapes[graph.input], graph.name)
        for node in graph.nodes:
            node.check_integer_form()
            bounds = node.fused_bounds()
            if node.is_view:
                self._alias(node)
            elif bounds is not None and self._fuse(node, *bounds):
                pass
            elif node.reads_any_shape:
                self._emit(node, tuple(self.where[name] for name in node.inputs))
            else:
                self._emit(node, tuple(self._materialise(name) for name in node.inputs))
        output = self._materialise(graph.output)
        return Lowered(tuple(self.steps), self.shapes, output)

    def _declare(self, name: str, shape: Shape, where: str) -> None:
        if len(shape) < 2 or shape[0] != 1:
            raise QuantError(
                f"tensor {name} has shape {list(shape)}",
                where=where,
                hint="the integer network has tensors of one sample with channels, [1, c, ...]",
            )
        self.shapes[name] = shape
        self.where[name] = name

    def _emit(self, node: Node, inputs: tuple[str, ...]) -> None:
        shape = self.graph.shapes[node.output]
        self._declare(node.output, shape, node.name)
        self.step_of[node.output] = len(self.steps)
        self.steps.append(Step(node, inputs, node.output, node.output, shape))

    def _alias(self, node: Node) -> None:
        source = self.where[node.inputs[0]]
        self.where[node.output] = source
        if self.graph.shapes[node.output] != self.shapes[source]:
            self.pending[node.output] = node

    def _materialise(self, name: str) -> str:
        """The tensor that holds ``name`` in its own shape; writes it if it is an alias."""
        node = self.pending.pop(name, None)
        if node is not None:
            self._emit(node, (self.where[name],))
        return self.where[name]

    def _fuse(self, clip: Node, low: float, high: float) -> bool:
        """Put ``clip``, a clamp, into the step that makes its input, if only it reads that."""
        name = clip.inputs[0]
        if not self._read_once(name):
            return False
        source = self.where[name]
        index = self.step_of.get(source)
        if index is None or not self.steps[index].node.fuses_clip:
            return False
        step = self.steps[index]
        fused = replace(
            step,
            observed=clip.output,
            low=min(max(step.low, low), high),
            high=min(max(step.high, low), high),
        )
        reshape = self.pending.pop(name, None)
        if reshape is not None:  # through a view: what the step writes keeps its name and shape
            self.where[clip.output] = source
            self.pending[clip.output] = replace(reshape, output=clip.output)
        else:
            fused = replace(fused, output=clip.output)
            del self.shapes[source]
            self.step_of[clip.output] = self.step_of.pop(source)
            self._declare(clip.output, step.shape, clip.name)
        self.steps[index] = fused
        return True

    def _read_once(self, name: str) -> bool:
        """Whether one node reads ``name``, and each tensor back to the step that made it."""
        while self.uses[name] == 1:
            producer = self.producer.get(name)
            if name == self.where[name] or producer is None:
                return True
            name = producer.inputs[0]
        return False
