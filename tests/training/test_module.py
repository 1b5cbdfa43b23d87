"""The trainable interpreter equals onnxruntime on every operator, and learns."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import ModelError
from harness.model.builtin import NAMES, build
from harness.model.export import to_onnx
from harness.model.graph import Graph
from harness.operators.add import Add
from harness.operators.avg_pool import AvgPool
from harness.operators.batch_norm import BatchNorm
from harness.operators.clip import Clip
from harness.operators.concat import Concat
from harness.operators.conv import Conv
from harness.operators.dense import Dense
from harness.operators.global_avg_pool import GlobalAvgPool
from harness.operators.max_pool import MaxPool
from harness.operators.node import Node, arrays_of
from harness.operators.reshape import Reshape
from harness.operators.softmax import Softmax
from harness.training.module import GraphModule


def by_onnxruntime(graph: Graph, x: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        to_onnx(graph).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    (output,) = session.run(None, {session.get_inputs()[0].name: x})
    return np.asarray(output)


def by_module(graph: Graph, x: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return GraphModule(graph).eval()(torch.from_numpy(x)).numpy()


def agree(graph: Graph, seed: int = 0) -> None:
    shape = graph.shapes[graph.input]
    x = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    expected, actual = by_onnxruntime(graph, x), by_module(graph, x)
    assert actual.shape == expected.shape == tuple(graph.shapes[graph.output])
    scale = max(1.0, float(np.abs(expected).max()))
    assert np.abs(actual - expected).max() <= 2e-5 * scale


@pytest.mark.parametrize("name", NAMES)
def test_builtin_networks_agree_with_onnxruntime(name: str) -> None:
    graph = build(name, seed=5)
    generator = np.random.default_rng(1)
    nodes = [
        dataclasses.replace(
            node,
            mean=generator.normal(size=node.mean.shape).astype(np.float32),
            variance=generator.uniform(0.5, 2.0, node.variance.shape).astype(np.float32),
            offset=generator.normal(size=node.offset.shape).astype(np.float32),
        )
        if isinstance(node, BatchNorm)
        else node
        for node in graph.nodes
    ]
    agree(dataclasses.replace(graph, nodes=tuple(nodes)))


def single(node: Node, inputs: tuple[int, ...], output: tuple[int, ...]) -> Graph:
    return Graph("one", "x", node.output, (node,), {"x": inputs, node.output: output})


@dataclass(frozen=True)
class Window:
    kernel: tuple[int, int]
    stride: tuple[int, int]
    pads: tuple[int, int, int, int]
    size: tuple[int, int]

    def output(self, dilation: tuple[int, int] = (1, 1)) -> tuple[int, int]:
        extents = []
        for axis in range(2):
            reach = dilation[axis] * (self.kernel[axis] - 1) + 1
            padded = self.size[axis] + self.pads[axis] + self.pads[axis + 2]
            extents.append((padded - reach) // self.stride[axis] + 1)
        return extents[0], extents[1]


@st.composite
def windows(draw: st.DrawFn, reach: int = 1) -> Window:
    kernel = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    pads = tuple(draw(st.integers(0, kernel[axis % 2] - 1)) for axis in range(4))
    size = tuple(draw(st.integers(reach * (k - 1) + 1, reach * (k - 1) + 7)) for k in kernel)
    stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    return Window(kernel, stride, pads, size)  # type: ignore[arg-type]


quick = settings(deadline=None, max_examples=40)


@quick
@given(
    window=windows(reach=2),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    groups=st.integers(1, 3),
    widths=st.tuples(st.integers(1, 3), st.integers(1, 3)),
)
def test_convolutions(
    window: Window, dilation: tuple[int, int], groups: int, widths: tuple[int, int]
) -> None:
    inputs, outputs = groups * widths[0], groups * widths[1]
    generator = np.random.default_rng(groups)
    node = Conv(
        "conv",
        ("x",),
        "y",
        weight=generator.normal(size=(outputs, widths[0], *window.kernel)).astype(np.float32),
        bias=generator.normal(size=outputs).astype(np.float32),
        stride=window.stride,
        pads=window.pads,
        dilation=dilation,
        groups=groups,
    )
    agree(single(node, (1, inputs, *window.size), (1, outputs, *window.output(dilation))))


@quick
@given(window=windows(), include=st.booleans(), maximum=st.booleans())
def test_pooling(window: Window, include: bool, maximum: bool) -> None:
    node: Node
    if maximum:
        node = MaxPool("pool", ("x",), "y", window.kernel, window.stride, window.pads)
    else:
        node = AvgPool("pool", ("x",), "y", window.kernel, window.stride, window.pads, include)
    agree(single(node, (1, 3, *window.size), (1, 3, *window.output())))


@pytest.mark.parametrize("bounds", [(0.0, math.inf), (0.0, 6.0), (-1.0, 1.0), (-math.inf, 0.5)])
def test_clips(bounds: tuple[float, float]) -> None:
    agree(single(Clip("clip", ("x",), "y", *bounds), (1, 3, 5, 5), (1, 3, 5, 5)))


def branches() -> Graph:
    """Concat, Add, GlobalAvgPool, Reshape, Dense and Softmax in one network."""
    generator = np.random.default_rng(0)
    weight = generator.normal(size=(5, 6)).astype(np.float32)
    nodes = (
        Clip("low", ("x",), "low", -0.5, math.inf),
        Add("sum", ("x", "low"), "sum"),
        Concat("both", ("sum", "low"), "both"),
        GlobalAvgPool("mean", ("both",), "mean"),
        Reshape("flat", ("mean",), "flat"),
        Dense("fc", ("flat",), "fc", weight=weight, bias=np.ones(5, np.float32)),
        Softmax("soft", ("fc",), "soft"),
    )
    shapes = {
        **dict.fromkeys(("x", "low", "sum"), (1, 3, 4, 4)),
        "both": (1, 6, 4, 4),
        "mean": (1, 6, 1, 1),
        "flat": (1, 6),
        "fc": (1, 5),
        "soft": (1, 5),
    }
    return Graph("branches", "x", "soft", nodes, shapes)


def test_branches_and_heads() -> None:
    agree(branches())


@pytest.mark.parametrize("name", ["lenet5", "mlp", "resnet20"])
def test_a_batch_is_its_images_one_by_one(name: str) -> None:
    graph = build(name)
    shape = graph.shapes[graph.input][1:]
    x = np.random.default_rng(0).normal(size=(3, *shape)).astype(np.float32)
    batch = by_module(graph, x)
    for index in range(3):
        alone = by_module(graph, x[index : index + 1])[0]
        assert np.allclose(batch[index], alone, rtol=1e-4, atol=1e-4)


def test_weights_go_in_and_out_unchanged() -> None:
    graph = build("resnet20", seed=9)
    back = GraphModule(graph).to(memory_format=torch.channels_last).to_graph()
    assert not back.random_weights
    for before, after in zip(graph.nodes, back.nodes, strict=True):
        assert (before.name, before.inputs, before.output) == (
            after.name,
            after.inputs,
            after.output,
        )
        for (_, a), (_, b) in zip(arrays_of(before), arrays_of(after), strict=True):
            assert a.dtype == b.dtype
            assert np.array_equal(a, b)
            assert b.flags.c_contiguous


def test_training_mode_uses_and_updates_batch_statistics() -> None:
    ones, zeros = np.ones(2, np.float32), np.zeros(2, np.float32)
    node = BatchNorm("bn", ("x",), "y", scale=ones, offset=zeros, mean=zeros, variance=ones)
    module = GraphModule(single(node, (1, 2, 3, 3), (1, 2, 3, 3)))
    x = torch.randn(64, 2, 3, 3, generator=torch.Generator().manual_seed(0)) * 3 + 5
    module.train()
    y = module(x).detach()
    assert y.mean(dim=(0, 2, 3)).numpy() == pytest.approx(np.zeros(2), abs=1e-5)
    assert y.var(dim=(0, 2, 3), unbiased=False).numpy() == pytest.approx(np.ones(2), abs=1e-4)
    (trained,) = module.to_graph().nodes
    assert isinstance(trained, BatchNorm)
    assert trained.mean == pytest.approx(0.1 * x.mean(dim=(0, 2, 3)).numpy(), rel=1e-4)
    assert trained.variance == pytest.approx(0.9 + 0.1 * x.var(dim=(0, 2, 3)).numpy(), rel=1e-4)


def test_every_weight_gets_a_gradient() -> None:
    graph = build("resnet20")
    module = GraphModule(graph).train()
    module(torch.randn(4, 3, 32, 32)).square().sum().backward()
    names = {name for name, _ in module.named_parameters()}
    # Convolutions have weight and bias, batch norms scale and offset, and nothing else is.
    layers = [node for node in graph.nodes if isinstance(node, Conv | BatchNorm | Dense)]
    assert len(names) == 2 * len(layers)
    assert all(parameter.grad is not None for parameter in module.parameters())


def test_unknown_nodes_are_refused() -> None:
    class Mystery(Node):
        pass

    with pytest.raises(ModelError, match="Mystery"):
        GraphModule(single(Mystery("what", ("x",), "y"), (1, 2), (1, 2)))
