"""What a network costs: multiply-accumulates, parameters and shapes, layer by layer."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.model.graph import Graph
from harness.operators.node import Node, arrays_of
from harness.operators.tensor import Shape


@dataclass(frozen=True)
class LayerCost:
    """One layer.

    Attributes:
        macs: Multiply-accumulates of one inference: of Conv and Dense, at padding too, as
            the field counts them; 0 for all other operators.
        parameters: Weights and biases; of a BatchNorm only scale and offset, which are
            what is trained.
        matrix: Rows and columns of the layer's weights as a crossbar sees them, a group:
            (kh * kw * in / groups, out / groups); None without weights.
        groups: Number of such matrices.
        positions: Matrix-vector products of one inference with each of them.
    """

    name: str
    op: str
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    macs: int
    parameters: int
    matrix: tuple[int, int] | None = None
    groups: int = 1
    positions: int = 0


@dataclass(frozen=True)
class ModelSummary:
    """A whole network; ``macs`` and ``parameters`` are sums over ``layers``."""

    name: str
    input_shape: Shape
    output_shape: Shape
    random_weights: bool
    layers: tuple[LayerCost, ...]
    macs: int
    parameters: int


def summarize_model(graph: Graph) -> ModelSummary:
    """Costs of every layer of a valid ``graph``, in its order."""
    layers = tuple(_layer(node, graph) for node in graph.nodes)
    return ModelSummary(
        name=graph.name,
        input_shape=graph.shapes[graph.input],
        output_shape=graph.shapes[graph.output],
        random_weights=graph.random_weights,
        layers=layers,
        macs=sum(layer.macs for layer in layers),
        parameters=sum(layer.parameters for layer in layers),
    )


def _layer(node: Node, graph: Graph) -> LayerCost:
    output = graph.shapes[node.output]
    weights = node.weight_matrix()
    matrix, groups, positions = None, 1, 0
    if weights is not None:
        matrix, groups = (weights.rows, weights.columns), weights.groups
        positions = math.prod(output[2:])
    return LayerCost(
        name=node.name,
        op=node.kind,
        input_shapes=tuple(graph.shapes[name] for name in node.inputs),
        output_shape=output,
        macs=0 if matrix is None else groups * positions * math.prod(matrix),
        parameters=sum(array.size for field, array in arrays_of(node) if field in node.trainable),
        matrix=matrix,
        groups=groups,
        positions=positions,
    )
