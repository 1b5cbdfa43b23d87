"""Quantized networks against the float reference, and the structure that quantizing leaves."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from harness.errors import QuantError
from harness.model.builtin import build
from harness.model.fold import fold
from harness.model.graph import Graph
from harness.operators.add import Add
from harness.operators.avg_pool import AvgPool, QAvgPool
from harness.operators.batch_norm import BatchNorm
from harness.operators.clip import Clip, QClip
from harness.operators.concat import Concat, QConcat
from harness.operators.conv import Conv, QConv
from harness.operators.dense import Dense, QDense
from harness.operators.global_avg_pool import GlobalAvgPool
from harness.operators.max_pool import MaxPool, QMaxPool
from harness.operators.node import Node
from harness.operators.reshape import Reshape
from harness.operators.softmax import Softmax
from harness.operators.tensor import FloatArray
from harness.quant.float_reference import run_float, to_nchw
from harness.quant.program import QNetwork
from harness.quant.quantize import quantize, quantize_input
from harness.quant.reference import infer, run_integer, top1
from tests.quant.networks import (
    branching,
    conv,
    dense,
    graph_of,
    plain,
    relu,
    samples,
    sqnr_db,
)


def real_outputs(network: QNetwork, images: FloatArray) -> FloatArray:
    inputs = quantize_input(images, network.tensors[network.input].scale)
    output = network.tensors[network.output]
    integer = run_integer(network, inputs)[network.output]
    return to_nchw((integer * output.scale).astype(np.float32))


def fidelity_db(graph: Graph, network: QNetwork, images: FloatArray) -> float:
    exact = run_float(graph, images, keep={graph.output})[graph.output]
    return sqnr_db(exact, real_outputs(network, images))


def kinds(network: QNetwork) -> list[str]:
    return [type(node).__name__ for node in network.nodes]


@pytest.mark.parametrize("seed", range(4))
def test_every_operator_keeps_its_meaning(seed: int) -> None:
    graph = branching(seed)
    network = quantize(graph, samples(graph, 64))
    images = samples(graph, 32, seed=99)
    exact = run_float(graph, images)
    integer = run_integer(network, quantize_input(images, network.tensors[network.input].scale))
    for name, values in integer.items():
        reference = exact[name]
        real = to_nchw((values * network.tensors[name].scale).astype(np.float32))
        assert real.shape == reference.shape
        assert sqnr_db(reference, real) > 20, name


@pytest.mark.parametrize(("name", "decibels"), [("lenet5", 28), ("mlp", 28), ("resnet20", 30)])
def test_builtin_networks_keep_their_outputs(name: str, decibels: float) -> None:
    graph = fold(build(name))
    network = quantize(graph, samples(graph, 16))
    assert network.random_weights
    images = samples(graph, 16, seed=7)
    assert fidelity_db(graph, network, images) > decibels


def test_a_trained_classifier_keeps_its_accuracy() -> None:
    digits, labels = load_digits(return_X_y=True)
    images = (digits.reshape(-1, 1, 8, 8) / 8 - 1).astype(np.float32)
    rng = np.random.default_rng(0)
    nodes: list[Node] = [
        conv(rng, "features", "x", (1, 32)),
        relu("relu", "features"),
        MaxPool("pool", ("relu",), "pool", (2, 2), (2, 2)),
        Reshape("flat", ("pool",), "flat"),
        dense(rng, "logits", "flat", 512, 10),
    ]
    graph = graph_of(nodes, (1, 1, 8, 8), {"flat": (1, 512)})
    train, test = slice(0, 1200), slice(1200, None)
    features = run_float(graph, images[train], keep={"flat"})["flat"].astype(np.float64)
    offset = features.mean(axis=0)
    centred = features - offset
    gram = centred.T @ centred + 10 * np.eye(512)
    weight = np.linalg.solve(gram, centred.T @ (np.eye(10)[labels[train]] - 0.1)).T
    classifier = Dense(
        "logits",
        ("flat",),
        "logits",
        weight.astype(np.float32),
        (0.1 - weight @ offset).astype(np.float32),
    )
    graph = replace(graph, nodes=(*graph.nodes[:-1], classifier))
    network = quantize(graph, images[:100])
    exact = run_float(graph, images[test], keep={"logits"})["logits"].argmax(axis=1)
    inputs = quantize_input(images[test], network.tensors["x"].scale)
    predicted = top1(infer(network, inputs))
    assert (exact == labels[test]).mean() > 0.93
    assert (predicted == exact).mean() > 0.985
    assert (predicted == labels[test]).mean() > (exact == labels[test]).mean() - 0.01


def test_activations_are_fused_and_flatten_is_absorbed() -> None:
    graph = branching()
    network = quantize(graph, samples(graph, 8))
    names = [node.name for node in network.nodes]
    assert not {"stem_relu", "relu6", "avg_relu", "flat", "hidden_relu"} & set(names)
    by_name = {node.name: node for node in network.nodes}
    stem, hidden = by_name["stem"], by_name["hidden"]
    assert isinstance(stem, QConv)
    assert stem.output == "stem_relu"
    assert (stem.requant.low, stem.requant.high) == (0, 127)
    assert isinstance(hidden, QDense)
    assert hidden.inputs == ("avg_relu",)
    assert network.tensors["avg_relu"].shape == (2, 3, 20)
    expected = graph.nodes[[n.name for n in graph.nodes].index("hidden")]
    assert isinstance(expected, Dense)
    permuted = expected.weight.reshape(16, 20, 2, 3).transpose(0, 2, 3, 1).reshape(16, -1)
    assert np.array_equal(hidden.weight_float, permuted)


def test_an_activation_with_another_reader_stays() -> None:
    rng = np.random.default_rng(0)
    nodes: list[Node] = [
        conv(rng, "c", "x", (2, 3)),
        relu("r", "c"),
        Add("y", ("c", "r"), "y"),
    ]
    graph = graph_of(nodes, (1, 2, 5, 5))
    network = quantize(graph, samples(graph, 16))
    assert kinds(network) == ["QConv", "QClip", "QAdd"]
    assert network.tensors["c"].scale == network.tensors["r"].scale
    assert fidelity_db(graph, network, samples(graph, 8, 5)) > 30


def test_an_activation_after_the_network_output_is_not_fused_into_it() -> None:
    rng = np.random.default_rng(0)
    nodes: list[Node] = [conv(rng, "c", "x", (2, 3)), relu("r", "c")]
    graph = graph_of(nodes, (1, 2, 5, 5), output="c")
    network = quantize(graph, samples(graph, 4))
    assert network.output == "c"
    assert int(run_integer(network, network.calibration_inputs)["c"].min()) < 0


def test_clips_in_a_row_and_clips_on_the_input() -> None:
    rng = np.random.default_rng(0)
    nodes: list[Node] = [
        Clip("before", ("x",), "before", -1.0, 1.5),
        conv(rng, "c", "before", (2, 3)),
        relu("r", "c"),
        Clip("y", ("r",), "y", 0.25, 1.0),
    ]
    graph = graph_of(nodes, (1, 2, 5, 5))
    network = quantize(graph, samples(graph, 16))
    assert kinds(network) == ["QClip", "QConv"]
    first, second = network.nodes
    assert isinstance(first, QClip)
    assert isinstance(second, QConv)
    scale = network.tensors["x"].scale
    assert (first.low, first.high) == (round(-1 / scale), round(1.5 / scale))
    assert (second.requant.low, second.requant.high) == (32, 127)
    assert fidelity_db(graph, network, samples(graph, 8, 5)) > 30


def test_pool_before_activation() -> None:
    rng = np.random.default_rng(0)
    nodes: list[Node] = [
        conv(rng, "c", "x", (2, 3)),
        MaxPool("p", ("c",), "p", (2, 2), (2, 2)),
        relu("r", "p"),
        GlobalAvgPool("y", ("r",), "y"),
    ]
    graph = graph_of(nodes, (1, 2, 6, 6))
    network = quantize(graph, samples(graph, 16))
    assert kinds(network) == ["QConv", "QMaxPool", "QAvgPool"]
    pool = network.nodes[1]
    assert isinstance(pool, QMaxPool)
    assert pool.low == 0
    mean = network.nodes[2]
    assert isinstance(mean, QAvgPool)
    assert mean.kernel == (3, 3)
    assert mean.requant.multiplier.size == 10


def test_activation_after_flatten_goes_through_it() -> None:
    rng = np.random.default_rng(0)
    nodes: list[Node] = [
        conv(rng, "c", "x", (2, 4)),
        Reshape("flat", ("c",), "flat"),
        relu("r", "flat"),
        Clip("r6", ("r",), "r6", -1.0, 6.0),
        dense(rng, "y", "r6", 100, 8),
    ]
    graph = graph_of(nodes, (1, 2, 5, 5), {"flat": (1, 100)})
    network = quantize(graph, samples(graph, 16))
    assert kinds(network) == ["QConv", "QDense"]
    assert network.nodes[1].inputs == ("c",)
    assert int(run_integer(network, network.calibration_inputs)["c"].min()) == 0
    assert fidelity_db(graph, network, samples(graph, 8, 5)) > 30
    # The network's output must have its own shape.
    graph = graph_of(nodes[:3], (1, 2, 5, 5), {"flat": (1, 100)})
    network = quantize(graph, samples(graph, 16))
    assert kinds(network) == ["QConv", "QReshape"]
    assert network.tensors[network.output].shape == (100,)
    assert fidelity_db(graph, network, samples(graph, 8, 5)) > 30


def test_reshape_that_is_not_flattening() -> None:
    rng = np.random.default_rng(0)
    nodes: list[Node] = [
        conv(rng, "c", "x", (2, 4)),
        Reshape("wide", ("c",), "wide"),
        Reshape("back", ("wide",), "back"),
        conv(rng, "d", "back", (10, 3), (1, 1), pads=(0, 0, 0, 0)),
        Reshape("y", ("d",), "y"),
    ]
    shapes = {"wide": (1, 100), "back": (1, 10, 5, 2), "y": (1, 30)}
    graph = graph_of(nodes, (1, 2, 5, 5), shapes)
    network = quantize(graph, samples(graph, 16))
    assert kinds(network) == ["QConv", "QReshape", "QConv", "QReshape"]
    assert network.nodes[1].inputs == ("c",)
    assert fidelity_db(graph, network, samples(graph, 8, 5)) > 30


def test_activation_between_flatten_and_dense_with_other_readers() -> None:
    rng = np.random.default_rng(0)
    nodes: list[Node] = [
        conv(rng, "c", "x", (2, 4)),
        Reshape("flat", ("c",), "flat"),
        relu("r", "flat"),
        dense(rng, "d1", "r", 100, 8),
        dense(rng, "d2", "flat", 100, 8),
        Add("s", ("d1", "d2"), "s"),
        dense(rng, "d3", "r", 100, 8),
        Concat("y", ("s", "d3"), "y"),
    ]
    graph = graph_of(nodes, (1, 2, 5, 5), {"flat": (1, 100)})
    network = quantize(graph, samples(graph, 16))
    assert fidelity_db(graph, network, samples(graph, 8, 5)) > 28


def test_identity_reshape_and_one_pixel_flatten_cost_nothing() -> None:
    rng = np.random.default_rng(0)
    nodes: list[Node] = [
        Reshape("same", ("x",), "same"),
        GlobalAvgPool("m", ("same",), "m"),
        Reshape("flat", ("m",), "flat"),
        dense(rng, "y", "flat", 6, 3),
    ]
    graph = graph_of(nodes, (1, 6, 4, 4), {"same": (1, 6, 4, 4), "flat": (1, 6)})
    assert kinds(quantize(graph, samples(graph, 4))) == ["QAvgPool", "QDense"]


def test_concat_inputs_take_its_scale_where_nothing_else_reads_them() -> None:
    rng = np.random.default_rng(0)
    nodes: list[Node] = [
        conv(rng, "a", "x", (2, 3)),
        conv(rng, "b", "x", (2, 3)),
        MaxPool("bp", ("b",), "bp", (3, 3), (1, 1), (1, 1, 1, 1)),
        conv(rng, "shared", "x", (2, 3)),
        Concat("inner", ("a", "bp"), "inner"),
        Concat("outer", ("inner", "shared", "x"), "outer"),
        conv(rng, "reads", "shared", (3, 11)),
        Add("y", ("outer", "reads"), "y"),
    ]
    graph = graph_of(nodes, (1, 2, 5, 5))
    network = quantize(graph, samples(graph, 16))
    by_name = {node.name: node for node in network.nodes}
    inner, outer = by_name["inner"], by_name["outer"]
    assert isinstance(inner, QConcat)
    assert isinstance(outer, QConcat)
    assert inner.requants == (None, None)
    assert outer.requants[0] is None
    assert outer.requants[1] is not None
    assert outer.requants[2] is not None
    scales = {network.tensors[name].scale for name in ("a", "b", "bp", "inner", "outer")}
    assert len(scales) == 1
    assert fidelity_db(graph, network, samples(graph, 8, 5)) > 28


def test_dead_and_tiny_channels() -> None:
    layer = conv(np.random.default_rng(0), "c", "x", (2, 6))
    layer.weight[0] = 0
    layer.bias[0] = 1.25
    layer.weight[1] = 0
    layer.bias[1] = 0
    layer.weight[2] *= 1e-30
    layer.bias[2] = -0.75
    layer.weight[3] *= 1e-42  # subnormal
    layer.bias[3] = 0
    layer.weight[4] *= 1e-5
    graph = graph_of([layer], (1, 2, 5, 5))
    network = quantize(graph, samples(graph, 8))
    images = samples(graph, 4, 5)
    exact = run_float(graph, images)["c"]
    real = real_outputs(network, images)
    step = network.tensors["c"].scale
    assert np.abs(exact[:, :5] - real[:, :5]).max() <= step
    assert sqnr_db(exact, real) > 30


@pytest.mark.parametrize("factor", [1e-30, 1e-12, 1e12, 1e25])
def test_scales_of_any_size(factor: float) -> None:
    graph = plain()
    first = graph.nodes[0]
    assert isinstance(first, Conv)
    scaled = replace(
        first,
        weight=(first.weight * factor).astype(np.float32),
        bias=(first.bias * factor).astype(np.float32),
    )
    logits = graph.nodes[-1]
    assert isinstance(logits, Dense)
    nodes = (scaled, *graph.nodes[1:-1], replace(logits, bias=logits.bias * np.float32(factor)))
    second = nodes[3]
    assert isinstance(second, Conv)
    nodes = (*nodes[:3], replace(second, bias=second.bias * np.float32(factor)), *nodes[4:])
    large = replace(graph, nodes=nodes)
    network = quantize(large, samples(graph, 16))
    assert fidelity_db(large, network, samples(graph, 8, 5)) > 25


def test_an_output_that_calibration_never_left_zero() -> None:
    layer = conv(np.random.default_rng(0), "c", "x", (2, 3))
    layer.bias[...] = -1000
    graph = graph_of([layer, relu("y", "c")], (1, 2, 5, 5))
    network = quantize(graph, samples(graph, 4))
    assert not run_integer(network, network.calibration_inputs)["y"].any()
    assert network.tensors["y"].scale > 0


def test_an_accumulator_beyond_int32_names_the_layer() -> None:
    count = 140_000
    weight = np.ones((1, count), np.float32)
    layer = Dense("wide", ("x",), "wide", weight, np.zeros(1, np.float32))
    graph = graph_of([layer], (1, count))
    with pytest.raises(QuantError, match="int32") as caught:
        quantize(graph, samples(graph, 1))
    assert caught.value.where == "wide"


def test_an_accumulator_that_just_fits_is_exact() -> None:
    count = 130_000
    layer = Dense("wide", ("x",), "wide", np.ones((1, count), np.float32), np.zeros(1, np.float32))
    graph = graph_of([layer], (1, count))
    network = quantize(graph, np.ones((1, count), np.float32))
    extreme = np.full((1, count), -128, np.int8)
    assert run_integer(network, extreme)["wide"].item() == -128
    assert run_integer(network, network.calibration_inputs)["wide"].item() == 127


def test_layers_that_cannot_be_quantized_are_named() -> None:
    ones = np.ones(3, np.float32)
    norm = BatchNorm("norm", ("x",), "norm", ones, ones, ones, ones)
    graph = graph_of([norm], (1, 3, 4, 4))
    with pytest.raises(QuantError, match="batch normalisation") as caught:
        quantize(graph, samples(graph, 1))
    assert caught.value.where == "norm"
    for value in (math.nan, math.inf):
        for field in ("weight", "bias"):
            layer = conv(np.random.default_rng(0), "c", "x", (3, 2))
            getattr(layer, field).flat[1] = value
            graph = graph_of([layer], (1, 3, 4, 4))
            with pytest.raises(QuantError, match="not finite") as caught:
                quantize(graph, samples(graph, 1))
            assert caught.value.where == "c"


def test_quantizing_is_deterministic() -> None:
    graph = branching(3)
    first, second = (quantize(graph, samples(graph, 8)) for _ in range(2))
    assert [vars(t) for t in first.tensors.values()] == [vars(t) for t in second.tensors.values()]
    for a, b in zip(first.nodes, second.nodes, strict=True):
        for key, value in vars(a).items():
            if isinstance(value, np.ndarray):
                assert np.array_equal(value, vars(b)[key])


def test_overrides_and_kept_tensors() -> None:
    graph = plain()
    network = quantize(graph, samples(graph, 8))
    inputs = network.calibration_inputs
    usual = run_integer(network, inputs)
    seen: list[tuple[int, ...]] = []

    def zeros(values: np.ndarray) -> np.ndarray:
        seen.append(values.shape)
        return np.zeros((values.shape[0], 2, 2, 12), np.int8)

    changed = run_integer(network, inputs, {"second": zeros}, keep={network.output, "pool"})
    assert seen == [(8, 4, 4, 6)]
    assert set(changed) == {network.output, "pool"}
    assert np.array_equal(changed["pool"], usual["pool"])
    assert len(np.unique(changed[network.output], axis=0)) == 1
    assert np.array_equal(infer(network, inputs, batch=3), usual[network.output])
    assert infer(network, inputs[:0]).shape == (0, 10)


def test_inputs_of_the_wrong_type_or_shape_are_refused() -> None:
    network = quantize(plain(), samples(plain(), 2))
    with pytest.raises(QuantError, match="int8"):
        run_integer(network, network.calibration_inputs.astype(np.int16))
    with pytest.raises(QuantError, match="int8"):
        run_integer(network, network.calibration_inputs[:, :, :, :2])


def test_quantize_input_saturates_and_rounds_half_up() -> None:
    images = np.array([[-99.0, -0.25, 0.25, 0.24, 99.0]], np.float32)
    assert quantize_input(images, 0.5).tolist() == [[-127, 0, 1, 0, 127]]
    maps = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    assert quantize_input(maps, 1.0)[0, 2, 1].tolist() == [9, 21]


def random_network(draw: st.DrawFn) -> Graph:
    """A random chain with skips: every tensor is [1, c, h, w] until a classifier at the end."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = (1, draw(st.integers(1, 4)), draw(st.integers(6, 9)), draw(st.integers(6, 9)))
    nodes: list[Node] = []
    source = "x"
    for index in range(draw(st.integers(1, 6))):
        current = graph_of(nodes, shape).shapes[source] if nodes else shape
        channels = current[1]
        name = f"n{index}"
        same = [t for t in _tensors(nodes, shape) if t[1] == current]
        alike = [t for t in _tensors(nodes, shape) if t[1][2:] == current[2:]]
        kind = draw(st.sampled_from(["conv", "clip", "add", "concat", "max", "avg", "depthwise"]))
        small = min(current[2:]) < 3
        if kind == "add":
            nodes.append(Add(name, (source, draw(st.sampled_from(same))[0]), name))
        elif kind == "concat" and channels < 40:
            nodes.append(Concat(name, (draw(st.sampled_from(alike))[0], source), name))
        elif kind == "clip":
            low, high = draw(st.sampled_from([(0.0, math.inf), (0.0, 6.0), (-1.0, 1.0)]))
            nodes.append(Clip(name, (source,), name, low, high))
        elif kind == "max" and not small:
            nodes.append(MaxPool(name, (source,), name, (3, 2), (2, 1), (1, 0, 0, 1)))
        elif kind == "avg" and not small:
            include = draw(st.booleans())
            nodes.append(AvgPool(name, (source,), name, (2, 3), (1, 2), (0, 1, 1, 0), include))
        elif kind == "depthwise":
            nodes.append(conv(rng, name, source, (channels, channels), groups=channels))
        else:
            stride = draw(st.sampled_from([(1, 1), (2, 1)]))
            nodes.append(conv(rng, name, source, (channels, 5), stride=stride))
        source = name
    graph = graph_of(nodes, shape)
    if draw(st.booleans()):
        features = math.prod(graph.shapes[source])
        nodes += [
            Reshape("flat", (source,), "flat"),
            dense(rng, "logits", "flat", features, 7),
            Softmax("soft", ("logits",), "soft"),
        ]
        if draw(st.booleans()):
            nodes.pop()
        return graph_of(nodes, shape, {"flat": (1, features)})
    return graph


def _tensors(nodes: list[Node], shape: tuple[int, ...]) -> list[tuple[str, tuple[int, ...]]]:
    return list(graph_of(nodes, shape).shapes.items()) if nodes else [("x", shape)]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_networks_stay_close_to_float(data: st.DataObject) -> None:
    graph = data.draw(st.composite(random_network)())
    images = samples(graph, 16)
    network = quantize(graph, images)
    assert set(network.tensors) == {network.input, *(node.output for node in network.nodes)}
    for node in network.nodes:
        assert all(name in network.tensors for name in node.inputs)
    assert fidelity_db(graph, network, images) > (12 if graph.output == "soft" else 18)
