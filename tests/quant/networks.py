"""Small networks for the tests of quantization, mapping and placement."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from harness.model.graph import Graph
from harness.model.shapes import infer_shapes
from harness.operators.add import Add
from harness.operators.avg_pool import AvgPool
from harness.operators.clip import Clip
from harness.operators.concat import Concat
from harness.operators.conv import Conv
from harness.operators.dense import Dense
from harness.operators.global_avg_pool import GlobalAvgPool
from harness.operators.max_pool import MaxPool
from harness.operators.node import Node
from harness.operators.reshape import Reshape
from harness.operators.softmax import Softmax
from harness.operators.tensor import FloatArray, Pads, Pair


def graph_of(
    nodes: Sequence[Node],
    input_shape: tuple[int, ...],
    reshapes: Mapping[str, tuple[int, ...]] | None = None,
    output: str | None = None,
) -> Graph:
    """A graph that reads tensor ``x``; ``reshapes`` are the shapes of Reshape outputs."""
    shapes = infer_shapes(nodes, input_shape, reshapes)
    return Graph("net", "x", output or nodes[-1].output, tuple(nodes), shapes)


def conv(
    rng: np.random.Generator,
    name: str,
    source: str,
    channels: tuple[int, int],
    kernel: Pair = (3, 3),
    *,
    stride: Pair = (1, 1),
    pads: Pads = (1, 1, 1, 1),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Conv:
    """A convolution from ``channels[0]`` to ``channels[1]`` with random weights and bias."""
    shape = (channels[1], channels[0] // groups, *kernel)
    deviation = math.sqrt(2 / math.prod(shape[1:]))
    return Conv(
        name,
        (source,),
        name,
        (rng.normal(size=shape) * deviation).astype(np.float32),
        (rng.normal(size=channels[1]) * 0.3).astype(np.float32),
        stride,
        pads,
        dilation,
        groups,
    )


def dense(rng: np.random.Generator, name: str, source: str, inputs: int, outputs: int) -> Dense:
    """A dense layer with random weights and bias."""
    weight = rng.normal(size=(outputs, inputs)) / math.sqrt(inputs)
    bias = rng.normal(size=outputs) * 0.3
    return Dense(name, (source,), name, weight.astype(np.float32), bias.astype(np.float32))


def relu(name: str, source: str) -> Clip:
    return Clip(name, (source,), name, 0.0, math.inf)


def branching(seed: int = 0) -> Graph:
    """Every operator: residual, concatenation, depthwise, all pools, reshape, softmax."""
    rng = np.random.default_rng(seed)
    nodes: list[Node] = [
        conv(rng, "stem", "x", (3, 8)),
        relu("stem_relu", "stem"),
        conv(rng, "left", "stem_relu", (8, 8), (3, 3), pads=(2, 0, 2, 0), dilation=(2, 1)),
        Add("sum", ("left", "left_skip"), "sum"),
        Clip("relu6", ("sum",), "relu6", 0.0, 6.0),
        conv(rng, "depthwise", "relu6", (8, 8), groups=8),
        conv(rng, "grouped", "relu6", (8, 4), (1, 1), pads=(0, 0, 0, 0), groups=2),
        Concat("join", ("depthwise", "grouped", "relu6"), "join"),
        MaxPool("max", ("join",), "max", (3, 3), (2, 2), (1, 1, 1, 1)),
        AvgPool("avg", ("max",), "avg", (2, 2), (2, 2), (0, 1, 0, 0)),
        relu("avg_relu", "avg"),
        Reshape("flat", ("avg_relu",), "flat"),
        dense(rng, "hidden", "flat", 20 * 6, 16),
        relu("hidden_relu", "hidden"),
        dense(rng, "logits", "hidden_relu", 16, 10),
        Softmax("probabilities", ("logits",), "probabilities"),
    ]
    skip = conv(rng, "left_skip", "stem_relu", (8, 8), (1, 3), pads=(0, 0, 0, 0))
    nodes.insert(3, skip)
    return graph_of(nodes, (1, 3, 9, 12), {"flat": (1, 120)})


def plain(seed: int = 0, *, channels: int = 6, size: int = 8, classes: int = 10) -> Graph:
    """Convolution, pool, strided convolution, global pool, dense: one path."""
    rng = np.random.default_rng(seed)
    nodes: list[Node] = [
        conv(rng, "first", "x", (3, channels)),
        relu("first_relu", "first"),
        MaxPool("pool", ("first_relu",), "pool", (2, 2), (2, 2)),
        conv(rng, "second", "pool", (channels, 2 * channels), stride=(2, 2)),
        relu("second_relu", "second"),
        GlobalAvgPool("mean", ("second_relu",), "mean"),
        Reshape("flat", ("mean",), "flat"),
        dense(rng, "logits", "flat", 2 * channels, classes),
    ]
    return graph_of(nodes, (1, 3, size, size), {"flat": (1, 2 * channels)})


def samples(graph: Graph, count: int, seed: int = 1) -> FloatArray:
    """Random images for ``graph``."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, *graph.shapes[graph.input][1:])).astype(np.float32)


def sqnr_db(exact: FloatArray, approximate: FloatArray) -> float:
    """Signal to quantization noise."""
    wide = exact.astype(np.float64)
    noise = float(((wide - approximate) ** 2).sum())
    return math.inf if noise == 0 else 10 * math.log10(float((wide**2).sum()) / noise)
