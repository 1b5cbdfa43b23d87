"""The typed graph evaluated in float64, written from the contract and from nothing else."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from harness.model.graph import Graph
from harness.operators.add import Add
from harness.operators.avg_pool import AvgPool
from harness.operators.batch_norm import BatchNorm
from harness.operators.clip import Clip
from harness.operators.concat import Concat
from harness.operators.conv import Conv
from harness.operators.dense import Dense
from harness.operators.global_avg_pool import GlobalAvgPool
from harness.operators.hard_sigmoid import HardSigmoid, HardSwish
from harness.operators.log_softmax import LogSoftmax
from harness.operators.max_pool import MaxPool
from harness.operators.node import Node
from harness.operators.reshape import Reshape
from harness.operators.softmax import Softmax
from harness.operators.tensor import Pads, Pair

Array = npt.NDArray[np.float64]


def evaluate(graph: Graph, x: npt.NDArray[np.floating]) -> Array:
    """The output of ``graph`` for the input ``x``; every tensor's shape is checked."""
    values = {graph.input: np.asarray(x, np.float64)}
    assert values[graph.input].shape == graph.shapes[graph.input]
    for node in graph.nodes:
        inputs = [values[name] for name in node.inputs]
        result = _apply(node, inputs, graph.shapes[node.output])
        assert result.shape == graph.shapes[node.output], node.name
        values[node.output] = result
    return values[graph.output]


def _apply(node: Node, inputs: list[Array], shape: tuple[int, ...]) -> Array:
    x = inputs[0]
    match node:
        case Conv():
            return _conv(node, x)
        case Dense():
            return x @ node.weight.T.astype(np.float64) + node.bias
        case BatchNorm():
            form = (1, -1) + (1,) * (x.ndim - 2)
            scale, offset, mean, variance = (
                np.asarray(part, np.float64).reshape(form)
                for part in (node.scale, node.offset, node.mean, node.variance)
            )
            return (x - mean) / np.sqrt(variance + node.epsilon) * scale + offset
        case MaxPool():
            return _windows(x, node.kernel, node.stride, node.pads, (1, 1), -math.inf).max((4, 5))
        case AvgPool():
            total = _windows(x, node.kernel, node.stride, node.pads, (1, 1), 0.0).sum((4, 5))
            if node.count_include_pad:
                return total / math.prod(node.kernel)
            counted = np.ones_like(x)
            return total / _windows(counted, node.kernel, node.stride, node.pads, (1, 1), 0.0).sum(
                (4, 5)
            )
        case GlobalAvgPool():
            return x.mean((2, 3), keepdims=True)
        case Add():
            return inputs[0] + inputs[1]
        case Concat():
            return np.concatenate(inputs, axis=1)
        case Clip():
            return np.minimum(np.maximum(x, node.low), node.high)
        case HardSigmoid():
            gate = np.minimum(np.maximum(node.alpha * x + node.beta, 0), 1)
            return x * gate if isinstance(node, HardSwish) else gate
        case Reshape():
            return x.reshape(shape)
        case Softmax():
            powers = np.exp(x - x.max())
            return powers / powers.sum()
        case LogSoftmax():
            return x - np.logaddexp.reduce(x, axis=None)
    raise AssertionError(f"no such operator: {type(node).__name__}")


def _windows(
    x: Array, kernel: Pair, stride: Pair, pads: Pads, dilation: Pair, fill: float
) -> Array:
    """[n, c, oh, ow, kh, kw]: what each window sees."""
    top, left, bottom, right = pads
    padded = np.pad(
        x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=np.float64(fill)
    )
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    views = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(2, 3))
    return views[:, :, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]


def _conv(node: Conv, x: Array) -> Array:
    outputs, depth, *kernel = node.weight.shape
    windows = _windows(x, tuple(kernel), node.stride, node.pads, node.dilation, 0.0)
    weight = node.weight.astype(np.float64)
    per_group = outputs // node.groups
    parts = [
        np.einsum(
            "nchwij,ocij->nohw",
            windows[:, group * depth : (group + 1) * depth],
            weight[group * per_group : (group + 1) * per_group],
        )
        for group in range(node.groups)
    ]
    return np.concatenate(parts, axis=1) + node.bias.reshape(1, -1, 1, 1)
