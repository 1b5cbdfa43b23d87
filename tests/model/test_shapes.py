"""The check of a graph: names, order, parameters and shapes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from harness.errors import ModelError
from harness.model.builtin import NAMES, build
from harness.model.graph import Graph
from harness.model.shapes import infer_shapes, validate
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

IMAGE = (1, 4, 7, 6)


def conv(**changes: object) -> Conv:
    node = Conv("c", ("x",), "c", weight=weights(6, 2, 3, 3), bias=weights(6), groups=2)
    return replace(node, **changes)


def dense(**changes: object) -> Dense:
    return replace(Dense("d", ("x",), "d", weights(3, 5), weights(3)), **changes)


def pool(**changes: object) -> MaxPool:
    return replace(MaxPool("p", ("x",), "p", (3, 2), (2, 1)), **changes)


@pytest.mark.parametrize(
    ("node", "shape", "expected"),
    [
        (conv(), IMAGE, (1, 6, 5, 4)),
        (conv(stride=(2, 3), pads=(1, 0, 2, 5), dilation=(2, 1)), IMAGE, (1, 6, 3, 3)),
        (dense(), (1, 5), (1, 3)),
        (pool(), IMAGE, (1, 4, 3, 5)),
        (AvgPool("p", ("x",), "p", (3, 2), (2, 2), (1, 0, 1, 1)), IMAGE, (1, 4, 4, 3)),
        (GlobalAvgPool("g", ("x",), "g"), IMAGE, (1, 4, 1, 1)),
        (Add("a", ("x", "x"), "a"), IMAGE, IMAGE),
        (Concat("k", ("x", "x", "x"), "k"), IMAGE, (1, 12, 7, 6)),
        (Clip("r", ("x",), "r", 0.0, math.inf), IMAGE, IMAGE),
        (Reshape("v", ("x",), "v"), IMAGE, (1, 168)),
        (Softmax("s", ("x",), "s"), (1, 5), (1, 5)),
    ],
)
def test_shape_of(node: Node, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    declared = {"v": (1, 168)}
    assert infer_shapes([node], shape, declared) == {"x": shape, node.output: expected}


@pytest.mark.parametrize(
    ("node", "shape", "message"),
    [
        (conv(groups=4), IMAGE, "in 4 groups does not fit"),
        (conv(groups=0), IMAGE, "in 0 groups"),
        (conv(bias=weights(5)), IMAGE, "bias 5 does not fit 6 outputs"),
        (conv(stride=(0, 1)), IMAGE, "impossible window"),
        (conv(pads=(-1, 0, 0, 0)), IMAGE, "impossible window"),
        (conv(stride=(1 << 40, 1)), IMAGE, "impossible window"),
        (conv(dilation=(4, 1)), IMAGE, "does not fit into the padded input"),
        (conv(), (1, 4), "4 dimensions"),
        (dense(), (1, 6), "does not fit the input; reads 1x6"),
        (dense(), IMAGE, "2 dimensions"),
        (pool(pads=(3, 0, 0, 0)), IMAGE, "smaller than the kernel"),
        (pool(kernel=(9, 1)), IMAGE, "does not fit"),
        (Clip("r", ("x",), "r", 1.0, 0.0), IMAGE, "empty range"),
        (Clip("r", ("x",), "r", math.nan, 0.0), IMAGE, "empty range"),
        (Clip("r", ("x",), "r", math.inf, math.inf), IMAGE, "empty range"),
        (Softmax("s", ("x",), "s"), IMAGE, "2 dimensions"),
        (Add("a", ("x", "x", "x"), "a"), IMAGE, r"inputs \(3\)"),
        (Reshape("v", ("x",), "v"), IMAGE, "must be declared"),
        (
            BatchNorm("b", ("x",), "b", *(weights(4) for _ in range(3)), -np.ones(4, np.float32)),
            IMAGE,
            "must be positive",
        ),
        (
            BatchNorm("b", ("x",), "b", *(np.abs(weights(3)) for _ in range(4))),
            IMAGE,
            "does not fit 4 channels",
        ),
        (GlobalAvgPool("g", ("x",), "g"), (1, 0, 3, 3), "empty dimension"),
        (GlobalAvgPool("g", ("x",), "g"), (2, 3, 3, 3), "neither 1xC nor 1xCxHxW"),
        (GlobalAvgPool("g", ("x",), "g"), (1, 1 << 30, 3, 3), "takes 38654705664 bytes as float32"),
    ],
)
def test_refused(node: Node, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        infer_shapes([node], shape)


def test_add_and_concat_of_different_images() -> None:
    smaller = pool(name="s", output="s")
    for node in (Add("y", ("x", "s"), "y"), Concat("y", ("x", "s"), "y")):
        with pytest.raises(ModelError, match=r"y \((Add|Concat)\).*1x4x7x6, 1x4x3x5"):
            infer_shapes([smaller, node], IMAGE)


def test_order_and_sources() -> None:
    first, second = Clip("a", ("x",), "a", 0.0, 1.0), Clip("b", ("a",), "b", 0.0, 1.0)
    with pytest.raises(ModelError, match="before it is written"):
        infer_shapes([second, first], IMAGE)
    with pytest.raises(ModelError, match="written twice"):
        infer_shapes([first, replace(second, output="a")], IMAGE)
    with pytest.raises(ModelError, match="exactly one tensor"):
        infer_shapes([Add("y", ("x", "z"), "y")], IMAGE)
    with pytest.raises(ModelError, match="no layers"):
        infer_shapes([], IMAGE)


@pytest.fixture
def graph() -> Graph:
    nodes = [conv(), Clip("r", ("c",), "r", 0.0, math.inf)]
    return Graph("net", "x", "r", tuple(nodes), infer_shapes(nodes, IMAGE))


def _rename(graph: Graph, name: str) -> Graph:
    return replace(graph, nodes=(graph.nodes[0], replace(graph.nodes[1], name=name)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: replace(g, name="../net"), "not an identifier"),
        (lambda g: _rename(g, "int"), "not an identifier"),
        (lambda g: _rename(g, "A"), "not an identifier"),
        (lambda g: _rename(g, "a" * 49), "not an identifier"),
        (lambda g: _rename(g, "c"), "two layers have this name"),
        (lambda g: replace(g, output="y"), "no tensor of it"),
        (lambda g: replace(g, shapes={**g.shapes, "r": (1, 6, 4, 5)}), "1x6x4x5 is recorded"),
        (lambda g: replace(g, shapes={**g.shapes, "z": (1, 6)}), "is recorded"),
        (lambda g: replace(g, shapes={"c": (1, 6, 4, 5)}), "no shape"),
        (
            lambda g: replace(g, nodes=(conv(bias=weights(6).astype(np.float64)), g.nodes[1])),
            "float64, not float32",
        ),
        (
            lambda g: replace(g, nodes=(conv(bias=weights(6) * np.float32(np.nan)), g.nodes[1])),
            "not finite",
        ),
    ],
)
def test_validate_refuses(graph: Graph, change: Callable[[Graph], Graph], message: str) -> None:
    validate(graph)
    with pytest.raises(ModelError, match=message):
        validate(change(graph))


@pytest.mark.parametrize("name", NAMES)
def test_built_in_networks_are_valid(name: str) -> None:
    validate(build(name))
