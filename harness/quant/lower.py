"""Structure before numbers: activations fused into their producers, reshapes out of the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.errors import QuantError
from harness.model.graph import (
    Add,
    AvgPool,
    BatchNorm,
    Clip,
    Concat,
    Conv,
    Dense,
    GlobalAvgPool,
    Graph,
    LogSoftmax,
    MaxPool,
    Node,
    Reshape,
    Softmax,
)

FUSING = (Conv, Dense, Add, MaxPool, AvgPool, GlobalAvgPool)
PASSING = (MaxPool, Clip, Reshape)  # the output has the input's scale
INFINITY = float("inf")


@dataclass(frozen=True, eq=False)
class Step:
    """A node that stays, with the activation fused into it.

    ``observed`` is the graph tensor whose distribution is that of ``output``; ``shape`` is the
    output's, NCHW or NC.  ``low`` and ``high`` are real bounds.
    """

    node: Node
    inputs: tuple[str, ...]
    output: str
    observed: str
    shape: tuple[int, ...]
    low: float = -INFINITY
    high: float = INFINITY


@dataclass(frozen=True, eq=False)
class Lowered:
    """The steps in topological order; tensor names are the graph's."""

    steps: tuple[Step, ...]
    shapes: Mapping[str, tuple[int, ...]]  # NCHW or NC, of the tensors that remain
    output: str


def lower(graph: Graph) -> Lowered:
    """Fuse Clip nodes, and let Dense layers read what a Flatten reads.

    A Clip goes into the Conv, Dense, Add or pool before it if nothing else reads what that
    writes, also through a Reshape.  A Reshape remains only where something that is not a Dense
    layer reads it.

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
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.where: dict[str, str] = {}  # graph tensor -> the remaining tensor with its values
        self.pending: dict[str, Node] = {}  # reshaped tensors that no step writes yet

    def run(self) -> Lowered:
        graph = self.graph
        self._declare(graph.input, graph.shapes[graph.input], graph.name)
        for node in graph.nodes:
            self._check(node)
            match node:
                case Reshape():
                    self._alias(node)
                case Clip() if self._fuse(node):
                    pass
                case Dense():
                    self._emit(node, tuple(self.where[name] for name in node.inputs))
                case _:
                    self._emit(node, tuple(self._materialise(name) for name in node.inputs))
        output = self._materialise(graph.output)
        return Lowered(tuple(self.steps), self.shapes, output)

    def _declare(self, name: str, shape: tuple[int, ...], where: str) -> None:
        if len(shape) not in (2, 4) or shape[0] != 1:
            raise QuantError(
                f"tensor {name} has shape {list(shape)}",
                where=where,
                hint="the integer network has tensors of shape [1, c, h, w] and [1, c] only",
            )
        self.shapes[name] = shape
        self.where[name] = name

    def _emit(self, node: Node, inputs: tuple[str, ...]) -> None:
        shape = self.graph.shapes[node.output]
        self._declare(node.output, shape, node.name)
        self.step_of[node.output] = len(self.steps)
        self.steps.append(Step(node, inputs, node.output, node.output, shape))

    def _alias(self, node: Reshape) -> None:
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

    def _fuse(self, clip: Clip) -> bool:
        """Put ``clip`` into the step that makes its input, if only it reads that."""
        name = clip.inputs[0]
        if not self._read_once(name):
            return False
        source = self.where[name]
        index = self.step_of.get(source)
        if index is None or not isinstance(self.steps[index].node, FUSING):
            return False
        step = self.steps[index]
        fused = replace(
            step,
            observed=clip.output,
            low=min(max(step.low, clip.low), clip.high),
            high=min(max(step.high, clip.low), clip.high),
        )
        reshape = self.pending.pop(name, None)
        if reshape is not None:  # through a Reshape: what the step writes keeps its name and shape
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

    def _check(self, node: Node) -> None:
        match node:
            case Conv() | Dense() | Add() | Concat() | Clip() | Reshape():
                pass
            case GlobalAvgPool() | Softmax():
                pass
            case MaxPool() | AvgPool():
                top, left, bottom, right = node.pads
                if max(top, bottom) >= node.kernel[0] or max(left, right) >= node.kernel[1]:
                    raise QuantError(
                        f"padding {node.pads} is not smaller than the window {node.kernel}",
                        where=node.name,
                    )
            case BatchNorm():
                raise QuantError(
                    "batch normalisation has no integer form",
                    where=node.name,
                    hint="fold it into the convolution or dense layer before it",
                )
            case LogSoftmax():
                raise QuantError(
                    "LogSoftmax has no integer form; only as the last operator, after others, "
                    "can it be left out",
                    where=node.name,
                    hint="end the network before it",
                )
            case _:
                raise QuantError(f"{type(node).__name__} has no integer form", where=node.name)
