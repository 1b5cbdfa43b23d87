"""Small graphs for tests, made by hand and drawn at random."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st

from harness.model.graph import Graph
from harness.model.shapes import infer_shapes
from harness.operators.add import Add
from harness.operators.avg_pool import AvgPool
from harness.operators.batch_norm import BatchNorm
from harness.operators.clip import Clip
from harness.operators.concat import Concat
from harness.operators.conv import Conv
from harness.operators.dense import Dense
from harness.operators.global_avg_pool import GlobalAvgPool
from harness.operators.max_pool import MaxPool
from harness.operators.node import Node
from harness.operators.reshape import Reshape
from harness.operators.softmax import Softmax
from tests.model.onnx_models import weights


def batch_norm(name: str, source: str, channels: int, seed: int = 0) -> BatchNorm:
    return BatchNorm(
        name,
        (source,),
        name,
        scale=weights(channels, seed=seed + 1),
        offset=weights(channels, seed=seed + 2),
        mean=weights(channels, seed=seed + 3),
        variance=np.abs(weights(channels, seed=seed + 4)),
        epsilon=1e-3,
    )


def conv(
    name: str, source: str, depth: int, outputs: int, pad: int = 0, groups: int = 1, seed: int = 0
) -> Conv:
    return Conv(
        name,
        (source,),
        name,
        weight=weights(outputs, depth // groups, 3, 3, seed=seed),
        bias=weights(outputs, seed=seed),
        pads=(pad,) * 4,
        groups=groups,
    )


def dense(name: str, source: str, depth: int, outputs: int) -> Dense:
    return Dense(name, (source,), name, weights(outputs, depth), weights(outputs))


def graph_of(
    nodes: list[Node],
    shape: tuple[int, ...] = (1, 4, 7, 6),
    declared: dict[str, tuple[int, ...]] | None = None,
    output: str | None = None,
) -> Graph:
    shapes = infer_shapes(nodes, shape, declared)
    return Graph("net", "x", output or nodes[-1].output, tuple(nodes), shapes)


_KINDS = ["bn", "bn", "conv", "conv", "clip", "add", "concat", "id", "max", "avg"]


@st.composite
def random_networks(draw: st.DrawFn) -> Graph:
    """Layers drawn one by one, each reading any tensor so far; sometimes with a classifier."""
    shape = (1, 4, 6, 5)
    nodes: list[Node] = []
    shapes: dict[str, tuple[int, ...]] = {"x": shape}
    for index in range(draw(st.integers(2, 8))):
        name = f"l{index}"
        # The first layer reads the input, which is what makes it the network's input.
        source = "x" if index == 0 else draw(st.sampled_from(sorted(shapes)))
        channels, size = shapes[source][1], min(shapes[source][2:])
        others = [n for n, s in sorted(shapes.items()) if s == shapes[source] and s[1] <= 16]
        pair = (source, draw(st.sampled_from(others or [source])))
        pad = 1 if size < 3 else draw(st.integers(0, 1))
        match draw(st.sampled_from(_KINDS)):
            case "conv":
                groups = draw(st.sampled_from([1, channels]))
                node: Node = conv(name, source, channels, channels, pad, groups, seed=index)
            case "bn":
                node = batch_norm(name, source, channels, seed=index)
            case "clip":
                high = draw(st.sampled_from([math.inf, 6.0]))
                node = Clip(name, (source,), name, 0.0, high)
            case "id":
                node = MaxPool(name, (source,), name, (1, 1), (1, 1))
            case "max":
                node = MaxPool(name, (source,), name, (2, 2), (1, 2), (1, 1, 0, 1))
            case "avg":
                include = draw(st.booleans())
                node = AvgPool(name, (source,), name, (3, 2), (2, 1), (1, 1, 2, 0), include)
            case "add":
                node = Add(name, pair, name)
            case _:
                node = Concat(name, pair, name)
        nodes.append(node)
        shapes[name] = infer_shapes(nodes, shape)[name]
    declared = {}
    if draw(st.booleans()):
        last, depth = nodes[-1].output, shapes[nodes[-1].output][1]
        nodes += [
            GlobalAvgPool("pooled", (last,), "pooled"),
            Reshape("flat", ("pooled",), "flat"),
            dense("logits", "flat", depth, 5),
            Softmax("probabilities", ("logits",), "probabilities"),
        ]
        declared["flat"] = (1, depth)
    return graph_of(nodes, shape, declared)
