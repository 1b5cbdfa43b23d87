"""Tensors of other ranks than a map's or a vector's: sequences [n, c, t] and volumes."""

from __future__ import annotations

import numpy as np
import pytest

from harness.codegen.blob import Blob
from harness.codegen.fp32_context import NetworkFp32Context
from harness.errors import ModelError
from harness.model.shapes import infer_shapes
from harness.operators.add import Add
from harness.operators.clip import Clip
from harness.operators.concat import Concat
from harness.operators.integer_node import QTensor
from harness.operators.max_pool import MaxPool
from harness.operators.node import Node
from harness.operators.reshape import Reshape
from harness.operators.softmax import Softmax
from harness.quant.float_reference import run_float
from harness.quant.quantize import quantize, quantize_input
from harness.quant.reference import run_integer
from tests.quant.networks import conv, dense, graph_of, samples

RNG = np.random.default_rng(3)
SEQUENCE = (1, 4, 7)
VOLUME = (1, 2, 3, 4, 5)


def elementwise(shape: tuple[int, ...]) -> list[Node]:
    """Nodes of any rank, and a dense layer behind them."""
    length = 2 * int(np.prod(shape))
    return [
        Clip("low", ("x",), "low", -0.5, 0.5),
        Add("sum", ("x", "low"), "sum"),
        Concat("both", ("sum", "x"), "both"),
        Reshape("flat", ("both",), "flat"),
        dense(RNG, "logits", "flat", length, 5),
    ]


@pytest.mark.parametrize(("shape", "axes"), [(SEQUENCE, "tc"), (VOLUME, "dhwc")])
def test_a_network_of_any_rank(shape: tuple[int, ...], axes: str) -> None:
    length = 2 * int(np.prod(shape))
    graph = graph_of(elementwise(shape), shape, {"flat": (1, length)})
    images = samples(graph, 20)
    exact = run_float(graph, images)
    clipped = np.clip(images, -0.5, 0.5)
    np.testing.assert_allclose(exact["both"], np.concatenate([images + clipped, images], axis=1))
    network = quantize(graph, images)
    assert network.tensors["both"].axes == axes
    assert network.tensors["both"].shape == (*shape[2:], 2 * shape[1])
    kept = run_integer(network, quantize_input(images, network.tensors["x"].scale))
    for name in ("both", "logits"):
        restored = np.moveaxis(kept[name], -1, 1) * network.tensors[name].scale
        error = np.abs(restored - exact[name]).max()
        assert error < 0.05 * np.abs(exact[name]).max()


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (conv(RNG, "c", "x", (4, 4)), "needs a tensor of 4 dimensions; reads 1x4x7"),
        (MaxPool("m", ("x",), "m", (2, 2), (2, 2)), "needs a tensor of 4 dimensions"),
        (dense(RNG, "d", "x", 4, 4), "needs a tensor of 2 dimensions"),
        (Softmax("s", ("x",), "s"), "needs a tensor of 2 dimensions"),
    ],
)
def test_an_operator_says_what_it_takes(node: Node, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        infer_shapes([node], SEQUENCE)


def test_axes_are_named() -> None:
    tensor = QTensor("x", (7, 4), 1.0)
    assert (tensor.axes, tensor.size("t"), tensor.size("c"), tensor.size("h")) == ("tc", 7, 4, 1)
    other = QTensor("x", (7, 4), 1.0, "hc")
    assert (other.size("h"), other.size("t")) == (7, 1)
    graph = graph_of(elementwise(SEQUENCE), SEQUENCE, {"flat": (1, 56)})
    assert graph.axes_of("sum") == "nct"
    assert graph.axes_of("flat") == "nc"


def test_kernels_see_a_sequence_as_one_row_of_pixels() -> None:
    graph = graph_of(elementwise(SEQUENCE), SEQUENCE, {"flat": (1, 56)})
    network = quantize(graph, samples(graph, 4))
    context = NetworkFp32Context(network.tensors, {}, {}, Blob())
    assert context.hwc("both") == (1, 7, 8)
    assert context.hwc("logits") == (1, 1, 5)
