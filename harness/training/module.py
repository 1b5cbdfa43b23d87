"""A `Graph` as a torch module: trainable, and written back into a graph of the same shape."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from harness.errors import ModelError
from harness.model.graph import (
    Add,
    AvgPool,
    BatchNorm,
    Clip,
    Concat,
    Conv,
    Dense,
    FloatArray,
    GlobalAvgPool,
    Graph,
    LogSoftmax,
    MaxPool,
    Node,
    Pads,
    Reshape,
    Softmax,
)

_BATCH_NORM_MOMENTUM = 0.1  # weight of the newest batch in the running statistics


def _tensor(values: FloatArray) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


def _array(tensor: Tensor) -> FloatArray:
    return tensor.detach().to(torch.float32).contiguous().numpy().copy()


def _pad(x: Tensor, pads: Pads, value: float) -> Tensor:
    top, left, bottom, right = pads
    return functional.pad(x, (left, right, top, bottom), value=value)


class Layer(nn.Module):
    """One node; ``forward`` takes its inputs with any batch size."""

    def parameters_of_node(self) -> dict[str, FloatArray]:
        """The node's array fields with their present values."""
        return {}


class MatrixLayer(Layer):
    """A convolution or dense layer: ``weight`` has its output channels first."""

    def __init__(self, node: Conv | Dense) -> None:
        super().__init__()
        self.weight = nn.Parameter(_tensor(node.weight))
        self.bias = nn.Parameter(_tensor(node.bias))

    def forward(self, x: Tensor) -> Tensor:
        return self.multiply(x, self.weight, self.bias)

    def multiply(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The layer with other parameters of the same shapes; None: no bias."""
        raise NotImplementedError

    def parameters_of_node(self) -> dict[str, FloatArray]:
        return {"weight": _array(self.weight), "bias": _array(self.bias)}


class _ConvLayer(MatrixLayer):
    def __init__(self, node: Conv) -> None:
        super().__init__(node)
        top, left, bottom, right = node.pads
        self._symmetric = top == bottom and left == right
        self._node = node

    def multiply(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        node = self._node
        padding = (node.pads[0], node.pads[1])
        if not self._symmetric:
            x, padding = _pad(x, node.pads, 0.0), (0, 0)
        return functional.conv2d(x, weight, bias, node.stride, padding, node.dilation, node.groups)


class _DenseLayer(MatrixLayer):
    def multiply(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return functional.linear(x, weight, bias)


class _BatchNormLayer(Layer):
    mean: Tensor
    variance: Tensor

    def __init__(self, node: BatchNorm) -> None:
        super().__init__()
        self.scale = nn.Parameter(_tensor(node.scale))
        self.offset = nn.Parameter(_tensor(node.offset))
        self.register_buffer("mean", _tensor(node.mean))
        self.register_buffer("variance", _tensor(node.variance))
        self._epsilon = node.epsilon

    def forward(self, x: Tensor) -> Tensor:
        return functional.batch_norm(
            x,
            self.mean,
            self.variance,
            self.scale,
            self.offset,
            self.training,
            _BATCH_NORM_MOMENTUM,
            self._epsilon,
        )

    def parameters_of_node(self) -> dict[str, FloatArray]:
        return {
            "scale": _array(self.scale),
            "offset": _array(self.offset),
            "mean": _array(self.mean),
            "variance": _array(self.variance),
        }


class _FixedLayer(Layer):
    """A node without parameters."""

    def __init__(self, node: Node, output_shape: Sequence[int]) -> None:
        super().__init__()
        self._node = node
        self._output_shape = tuple(output_shape)

    def forward(self, *inputs: Tensor) -> Tensor:
        node, x = self._node, inputs[0]
        match node:
            case MaxPool():
                return functional.max_pool2d(
                    _pad(x, node.pads, -math.inf) if any(node.pads) else x, node.kernel, node.stride
                )
            case AvgPool():
                return _average_pool(x, node)
            case GlobalAvgPool():
                return x.mean(dim=(2, 3), keepdim=True)
            case Add():
                return inputs[0] + inputs[1]
            case Concat():
                return torch.cat(inputs, dim=1)
            case Clip():
                return _clip(x, node)
            case Reshape():
                return x.reshape(x.shape[0], *self._output_shape[1:])
            case Softmax():
                return torch.softmax(x, dim=1)
            case LogSoftmax():
                return torch.log_softmax(x, dim=1)
            case _:
                raise _unknown(node)


def _clip(x: Tensor, node: Clip) -> Tensor:
    if node.low == 0.0 and node.high == math.inf:
        return functional.relu(x)
    return torch.clamp(x, node.low, node.high)


def _average_pool(x: Tensor, node: AvgPool) -> Tensor:
    if not any(node.pads):
        return functional.avg_pool2d(x, node.kernel, node.stride)
    sums = functional.avg_pool2d(
        _pad(x, node.pads, 0.0), node.kernel, node.stride, divisor_override=1
    )
    if node.count_include_pad:
        return sums / (node.kernel[0] * node.kernel[1])
    counts = functional.avg_pool2d(
        _pad(torch.ones_like(x[:1, :1]), node.pads, 0.0),
        node.kernel,
        node.stride,
        divisor_override=1,
    )
    return sums / counts


def _unknown(node: Node) -> ModelError:
    return ModelError(f"training does not know the operator {type(node).__name__}", where=node.name)


def _layer(node: Node, output_shape: Sequence[int]) -> Layer:
    match node:
        case Conv():
            return _ConvLayer(node)
        case Dense():
            return _DenseLayer(node)
        case BatchNorm():
            return _BatchNormLayer(node)
        case (
            MaxPool()
            | AvgPool()
            | GlobalAvgPool()
            | Add()
            | Concat()
            | Clip()
            | Reshape()
            | Softmax()
            | LogSoftmax()
        ):
            return _FixedLayer(node, output_shape)
        case _:
            raise _unknown(node)


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
