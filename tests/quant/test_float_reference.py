"""The float reference against onnxruntime."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from harness.errors import QuantError
from harness.model.builtin import build
from harness.model.export import to_onnx
from harness.model.fold import fold
from harness.model.graph import Graph
from harness.operators.add import Add
from harness.operators.avg_pool import AvgPool
from harness.operators.batch_norm import BatchNorm
from harness.operators.clip import Clip
from harness.operators.concat import Concat
from harness.operators.global_avg_pool import GlobalAvgPool
from harness.operators.log_softmax import LogSoftmax
from harness.operators.max_pool import MaxPool
from harness.operators.node import Node
from harness.operators.reshape import Reshape
from harness.operators.softmax import Softmax
from harness.operators.tensor import FloatArray
from harness.quant.float_reference import observe_float, run_float
from tests.quant.networks import branching, conv, dense, graph_of, samples

RNG = np.random.default_rng(11)
SHAPE = (1, 4, 7, 6)

SINGLE: list[Node] = [
    conv(RNG, "y", "x", (4, 6)),
    conv(RNG, "y", "x", (4, 6), (3, 2), stride=(2, 1), pads=(0, 2, 1, 0)),
    conv(RNG, "y", "x", (4, 6), (2, 3), dilation=(3, 2), pads=(1, 2, 2, 1), groups=2),
    conv(RNG, "y", "x", (4, 4), groups=4),
    conv(RNG, "y", "x", (4, 8), (3, 3), stride=(1, 3), groups=4),
    MaxPool("y", ("x",), "y", (3, 2), (2, 1), (1, 0, 2, 1)),
    AvgPool("y", ("x",), "y", (3, 3), (2, 2), (1, 1, 1, 1)),
    AvgPool("y", ("x",), "y", (3, 2), (1, 2), (2, 1, 0, 1), count_include_pad=True),
    GlobalAvgPool("y", ("x",), "y"),
    Clip("y", ("x",), "y", -0.5, 0.75),
    Add("y", ("x", "x"), "y"),
    Concat("y", ("x", "x", "x"), "y"),
    BatchNorm(
        "y",
        ("x",),
        "y",
        *(RNG.uniform(0.5, 2, 4).astype(np.float32) for _ in range(4)),
    ),
]


def onnx_run(graph: Graph, images: FloatArray) -> FloatArray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        to_onnx(graph).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: image[None]})[0] for image in images])


def agree(graph: Graph, count: int = 3) -> None:
    images = samples(graph, count)
    ours = run_float(graph, images, keep={graph.output})[graph.output]
    theirs = onnx_run(graph, images)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-5 * np.abs(theirs).max())


@pytest.mark.parametrize("node", SINGLE, ids=lambda node: type(node).__name__)
def test_operator(node: Node) -> None:
    agree(graph_of([node], SHAPE))


@pytest.mark.parametrize("value", [-1e-30, -1.0, -3e38])
def test_padding_never_wins_a_maximum(value: float) -> None:
    graph = graph_of([MaxPool("y", ("x",), "y", (2, 2), (2, 2), (1, 1, 1, 1))], (1, 2, 4, 4))
    images = np.full((1, 2, 4, 4), value, np.float32)
    assert (run_float(graph, images)["y"] == np.float32(value)).all()


def test_vector_operators() -> None:
    nodes: list[Node] = [
        Reshape("flat", ("x",), "flat"),
        dense(np.random.default_rng(2), "d", "flat", 168, 9),
        Softmax("y", ("d",), "y"),
    ]
    agree(graph_of(nodes, SHAPE, {"flat": (1, 168)}))
    nodes[-1] = LogSoftmax("y", ("d",), "y")
    agree(graph_of(nodes, SHAPE, {"flat": (1, 168)}))


def test_reshape_keeps_nchw_order() -> None:
    agree(graph_of([Reshape("y", ("x",), "y")], SHAPE, {"y": (1, 14, 4, 3)}))


def test_network_with_every_operator() -> None:
    agree(branching())


@pytest.mark.parametrize("name", ["lenet5", "resnet20"])
def test_builtin_network(name: str) -> None:
    agree(fold(build(name)), 2)


def test_all_tensors_are_returned_and_observed_once() -> None:
    graph = branching()
    images = samples(graph, 2)
    tensors = run_float(graph, images)
    assert {name: (1, *value.shape[1:]) for name, value in tensors.items()} == dict(graph.shapes)
    seen: list[str] = []
    observe_float(graph, images, lambda name, _: seen.append(name))
    assert sorted(seen) == sorted(graph.shapes)


def test_wrong_image_shape_is_refused() -> None:
    with pytest.raises(QuantError, match=r"\[n, 3, 9, 12\]"):
        run_float(branching(), np.zeros((1, 3, 12, 9), np.float32))
