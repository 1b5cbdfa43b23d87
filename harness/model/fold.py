"""Folds batch normalisation into its neighbours and removes what does nothing."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from harness.identifiers import MAX_NAME_LENGTH, NameTable
from harness.model.graph import Graph
from harness.model.shapes import validate
from harness.operators.node import Node
from harness.operators.tensor import Shape


def fold(graph: Graph) -> Graph:
    """``graph`` without BatchNorm nodes, identities and nodes that the output ignores.

    A batch normalisation is merged into the Conv or Dense before it, or into the one after
    it where that is exact (at padding a shift is not); otherwise it becomes a depthwise
    1x1 convolution.  Merged layers keep their names.  Parameters are computed in float64
    and rounded to float32 once.

    Raises:
        ModelError: The graph is malformed, or folded weights leave float32's range.
    """
    validate(graph)
    work = _Work(graph)
    work.drop_identities()
    work.drop_dead()
    work.merge_back()
    work.merge_forward()
    work.lower()
    work.merge_back()
    work.drop_identities()
    work.drop_dead()
    folded = work.graph()
    validate(folded)
    return folded


class _Work:
    """The graph while it is rewritten: nodes by output tensor, in topological order."""

    def __init__(self, graph: Graph) -> None:
        self._original = graph
        self._nodes: dict[str, Node] = {node.output: node for node in graph.nodes}
        self._shapes: dict[str, Shape] = dict(graph.shapes)
        self._output = graph.output
        self._names = NameTable()
        for name in (graph.input, *graph.shapes, *(node.name for node in graph.nodes)):
            self._names.reserve(name)

    def graph(self) -> Graph:
        used = {self._original.input, *self._nodes}
        return replace(
            self._original,
            output=self._output,
            nodes=tuple(self._nodes.values()),
            shapes={name: shape for name, shape in self._shapes.items() if name in used},
        )

    def drop_identities(self) -> None:
        """Remove nodes whose output is their input; a view of a view reads the first's input."""
        alias: dict[str, str] = {}
        for output, node in list(self._nodes.items()):
            inputs = tuple(alias.get(name, name) for name in node.inputs)
            if node.is_view:
                before = self._nodes.get(inputs[0])
                if before is not None and before.is_view:
                    inputs = before.inputs
            if inputs != node.inputs:
                self._nodes[output] = node = replace(node, inputs=inputs)
            if node.is_identity(self._shapes[inputs[0]], self._shapes[output]) and not (
                output == self._output and inputs[0] == self._original.input
            ):
                alias[output] = inputs[0]
                del self._nodes[output]
        self._output = alias.get(self._output, self._output)

    def drop_dead(self) -> None:
        """Remove nodes that the output does not depend on."""
        alive = {self._output}
        for output, node in reversed(self._nodes.items()):
            if output in alive:
                alive.update(node.inputs)
        self._nodes = {output: node for output, node in self._nodes.items() if output in alive}

    def merge_back(self) -> None:
        """Merge each affine node into the node before it that has no other reader."""
        readers = self._readers()
        alias: dict[str, str] = {}
        for output, node in list(self._nodes.items()):
            inputs = tuple(alias.get(name, name) for name in node.inputs)
            if inputs != node.inputs:
                self._nodes[output] = node = replace(node, inputs=inputs)
            affine = node.affine()
            before = self._nodes.get(inputs[0])
            if affine is None or before is None or readers[before.output] != 1:
                continue
            merged = before.followed_by(affine)
            if merged is None:
                continue
            self._nodes[before.output] = merged
            alias[output] = before.output
            readers[before.output] = readers[output]
            del self._nodes[output]
        self._output = alias.get(self._output, self._output)

    def merge_forward(self) -> None:
        """Merge each affine node into the one node that reads it, where that is exact."""
        readers = self._readers()
        after = {name: node for node in self._nodes.values() for name in node.inputs}
        # Last first: of two in a row the second is merged, then the first.
        for output, node in reversed(list(self._nodes.items())):
            affine = node.affine()
            target = after.get(output)
            if affine is None or readers[output] != 1 or target is None:
                continue
            merged = self._nodes[target.output].preceded_by(affine)
            if merged is None:
                continue
            self._nodes[target.output] = replace(merged, inputs=node.inputs)
            after[node.inputs[0]] = merged
            del self._nodes[output]

    def lower(self) -> None:
        """Replace nodes by simpler ones that compute the same."""
        lowered: dict[str, Node] = {}
        for node in self._nodes.values():
            parts = node.lowered(self._shapes[node.output], partial(self._new_name, node))
            for part, shape in parts:
                lowered[part.output] = part
                self._shapes[part.output] = shape
        self._nodes = lowered

    def _new_name(self, node: Node, suffix: str) -> str:
        stem = node.name[: MAX_NAME_LENGTH - len(suffix) - 1]
        return self._names.unique(f"{stem}_{suffix}", suffix)

    def _readers(self) -> dict[str, int]:
        """How many inputs read each tensor; the network's output counts as one more."""
        count = dict.fromkeys(self._shapes, 0)
        for node in self._nodes.values():
            for name in node.inputs:
                count[name] += 1
        count[self._output] += 1
        return count
