"""A `Graph` as a torch module: trainable, and written back into a graph of the same shape."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from harness.errors import ModelError
from harness.model.graph import Graph
from harness.operators.backend.primitives import channels_first, channels_last
from harness.operators.backend.torch_backend import TorchFloat
from harness.operators.node import Node
from harness.operators.tensor import FloatArray, Shape


def _tensor(values: FloatArray) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


def _array(tensor: Tensor) -> FloatArray:
    return tensor.detach().to(torch.float32).contiguous().numpy().copy()


class Layer(nn.Module):
    """The module of one node; ``forward`` takes its inputs [n, c, ...] of any batch size."""

    def parameters_of_node(self) -> dict[str, FloatArray]:
        """The node's array fields with their present values."""
        return {}


class NodeLayer(Layer):
    """One node with its own float function.

    Its trainable fields are parameters and its running statistics are buffers, by their names.

    Args:
        shape: Of the node's output, as the graph has it.
    """

    def __init__(self, node: Node, shape: Shape) -> None:
        super().__init__()
        self._node, self._shape = node, shape
        for name in node.trainable:
            self.register_parameter(name, nn.Parameter(_tensor(getattr(node, name))))
        for name in node.statistics:
            self.register_buffer(name, _tensor(getattr(node, name)))

    def forward(self, *inputs: Tensor) -> Tensor:
        return self._compute(inputs, self._held())

    def _held(self) -> dict[str, Tensor]:
        names = (*self._node.trainable, *self._node.statistics)
        return {name: getattr(self, name) for name in names}

    def _compute(
        self, inputs: tuple[Tensor, ...], parameters: Mapping[str, Tensor | None]
    ) -> Tensor:
        backend = TorchFloat(training=self.training)
        last = [channels_last(x) for x in inputs]
        result: Tensor = self._node.compute(backend, last, self._shape, parameters)
        first: Tensor = channels_first(result)
        return first

    def parameters_of_node(self) -> dict[str, FloatArray]:
        return {name: _array(tensor) for name, tensor in self._held().items()}


class MatrixLayer(NodeLayer):
    """A layer that multiplies by a matrix: ``weight`` has its output channels first."""

    weight: nn.Parameter
    bias: nn.Parameter

    def multiply(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The layer with other parameters of the same shapes; None: no bias."""
        return self._compute((x,), {"weight": weight, "bias": bias})


def _layer(node: Node, shape: Shape) -> NodeLayer:
    if type(node).compute is Node.compute:
        raise ModelError(f"training does not know the operator {node.kind}", where=node.name)
    return NodeLayer(node, shape) if node.weight_matrix() is None else MatrixLayer(node, shape)


class GraphModule(nn.Module):
    """Runs any `Graph` on batches: [n, ...] for the graph's [1, ...].

    In training mode batch normalisation uses the batch's statistics and updates its
    running ones.  Layers are found under ``layers`` by node name.

    Raises:
        ModelError: The graph has a node that is unknown here.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        self.layers = nn.ModuleDict(
            {node.name: _layer(node, graph.shapes[node.output]) for node in graph.nodes}
        )

    def forward(self, x: Tensor) -> Tensor:
        tensors = {self.graph.input: x}
        for node in self.graph.nodes:
            inputs = [tensors[name] for name in node.inputs]
            tensors[node.output] = self.layers[node.name](*inputs)
        return tensors[self.graph.output]

    def to_graph(self) -> Graph:
        """The graph with the module's present weights; ``random_weights`` is false."""
        nodes = []
        for node in self.graph.nodes:
            layer = self.layers[node.name]
            assert isinstance(layer, Layer)
            nodes.append(dataclasses.replace(node, **layer.parameters_of_node()))  # type: ignore[arg-type]
        return dataclasses.replace(self.graph, nodes=tuple(nodes), random_weights=False)
