"""Folds batch normalisation into its neighbours and removes what does nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from harness.errors import ModelError
from harness.model.graph import (
    AvgPool,
    BatchNorm,
    Clip,
    Concat,
    Conv,
    Dense,
    FloatArray,
    Graph,
    MaxPool,
    Node,
    Reshape,
)
from harness.model.identifiers import MAX_NAME_LENGTH, NameTable
from harness.model.shapes import Shape, all_finite, validate

_PIECE_VALUES = 1 << 24
_Wide: TypeAlias = npt.NDArray[np.float64]


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


@dataclass(frozen=True, eq=False)
class _Affine:
    """``y = scale * x + shift`` per channel, in float64."""

    scale: _Wide
    shift: _Wide


def _affine(node: BatchNorm) -> _Affine:
    scale = node.scale.astype(np.float64) / np.sqrt(node.variance.astype(np.float64) + node.epsilon)
    return _Affine(scale, node.offset.astype(np.float64) - node.mean * scale)


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
        """Remove nodes whose output is their input; a Reshape of a Reshape reads the first's."""
        alias: dict[str, str] = {}
        for output, node in list(self._nodes.items()):
            inputs = tuple(alias.get(name, name) for name in node.inputs)
            if isinstance(node, Reshape):
                before = self._nodes.get(inputs[0])
                if isinstance(before, Reshape):
                    inputs = before.inputs
            if inputs != node.inputs:
                self._nodes[output] = node = replace(node, inputs=inputs)
            if _is_identity(node, self._shapes) and not (
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
        """Merge each BatchNorm into the Conv or Dense before it that has no other reader."""
        readers = self._readers()
        alias: dict[str, str] = {}
        for output, node in list(self._nodes.items()):
            inputs = tuple(alias.get(name, name) for name in node.inputs)
            if inputs != node.inputs:
                self._nodes[output] = node = replace(node, inputs=inputs)
            if not isinstance(node, BatchNorm):
                continue
            before = self._nodes.get(inputs[0])
            if not isinstance(before, Conv | Dense) or readers[before.output] != 1:
                continue
            self._nodes[before.output] = _after(before, _affine(node))
            alias[output] = before.output
            readers[before.output] = readers[output]
            del self._nodes[output]
        self._output = alias.get(self._output, self._output)

    def merge_forward(self) -> None:
        """Merge each BatchNorm into the one Conv or Dense that reads it, where exact."""
        readers = self._readers()
        after = {name: node for node in self._nodes.values() for name in node.inputs}
        # Last first: of two in a row the second is merged, then the first.
        for output, node in reversed(list(self._nodes.items())):
            target = after.get(output)
            if not isinstance(node, BatchNorm) or readers[output] != 1 or target is None:
                continue
            target = self._nodes[target.output]
            affine = _affine(node)
            exact = isinstance(target, Dense) or (
                isinstance(target, Conv) and (not any(target.pads) or not affine.shift.any())
            )
            if exact and isinstance(target, Conv | Dense):
                merged = _before(target, affine)
                self._nodes[target.output] = replace(merged, inputs=node.inputs)
                after[node.inputs[0]] = merged
                del self._nodes[output]

    def lower(self) -> None:
        """Turn the BatchNorm nodes that are left into depthwise 1x1 convolutions."""
        lowered: dict[str, Node] = {}
        for node in self._nodes.values():
            for part in self._lowered(node) if isinstance(node, BatchNorm) else (node,):
                lowered[part.output] = part
        self._nodes = lowered

    def _lowered(self, node: BatchNorm) -> Iterator[Node]:
        shape = self._shapes[node.output]
        channels = shape[1]
        affine = _affine(node)
        conv = Conv(
            node.name,
            node.inputs,
            node.output,
            weight=_narrow(affine.scale, node).reshape(channels, 1, 1, 1),
            bias=_narrow(affine.shift, node),
            groups=channels,
        )
        if len(shape) == 4:
            yield conv
            return
        image, result = self._new_name(node, "image"), self._new_name(node, "affine")
        self._shapes[image] = self._shapes[result] = (1, channels, 1, 1)
        yield Reshape(image, node.inputs, image)
        yield replace(conv, name=result, inputs=(image,), output=result)
        yield Reshape(node.name, (result,), node.output)

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


def _is_identity(node: Node, shapes: dict[str, Shape]) -> bool:
    match node:
        case Reshape():
            return shapes[node.inputs[0]] == shapes[node.output]
        case Clip():
            return (node.low, node.high) == (-math.inf, math.inf)
        case MaxPool() | AvgPool():
            return node.kernel == (1, 1) and node.stride == (1, 1) and not any(node.pads)
        case Concat():
            return len(node.inputs) == 1
        case _:
            return False


def _after(node: Conv | Dense, affine: _Affine) -> Conv | Dense:
    """``node`` followed by ``affine``."""
    column = affine.scale.reshape(-1, *(1,) * (node.weight.ndim - 1))
    return replace(
        node,
        weight=_scaled(node, column),
        bias=_narrow(node.bias * affine.scale + affine.shift, node),
    )


def _before(node: Conv | Dense, affine: _Affine) -> Conv | Dense:
    """``node`` that reads what ``affine`` makes of its input; exact without padding."""
    if isinstance(node, Dense):
        shift = [node.weight[rows].astype(np.float64) @ affine.shift for rows in _pieces(node)]
        offset: _Wide = np.concatenate(shift)
        return replace(
            node,
            weight=_scaled(node, affine.scale[None]),
            bias=_narrow(offset + node.bias, node),
        )
    outputs, depth = node.weight.shape[:2]
    # Output channel o reads the input channels of its group only.
    group = np.arange(outputs) // (outputs // node.groups)
    channels = group[:, None] * depth + np.arange(depth)
    taps = node.weight.sum(axis=(2, 3), dtype=np.float64)
    return replace(
        node,
        weight=_scaled(node, affine.scale[channels][:, :, None, None]),
        bias=_narrow(node.bias + (taps * affine.shift[channels]).sum(axis=1), node),
    )


def _scaled(node: Conv | Dense, factors: _Wide) -> FloatArray:
    """The weights times ``factors``, which have one row or as many; in float64 piece by piece."""
    weight = np.empty_like(node.weight)
    for rows in _pieces(node):
        piece: _Wide = node.weight[rows] * (factors if len(factors) == 1 else factors[rows])
        weight[rows] = _narrow(piece, node)
    return weight


def _pieces(node: Conv | Dense) -> Iterator[slice]:
    """Rows of the weights that together are small in float64."""
    outputs = len(node.weight)
    rows = max(1, _PIECE_VALUES * outputs // node.weight.size)
    return (slice(start, start + rows) for start in range(0, outputs, rows))


def _narrow(values: _Wide, node: Node) -> FloatArray:
    with np.errstate(over="ignore"):
        result = np.ascontiguousarray(values, np.float32)
    if not all_finite(result):
        raise ModelError(
            "folding batch normalisation gives weights beyond the range of float32",
            where=f"{node.name} ({type(node).__name__})",
            hint="the normalisation's variance is close to zero: train the network further",
        )
    return result
