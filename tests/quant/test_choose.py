"""Where a clipping threshold is chosen: on the tensor whose values arithmetic reads."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from harness.model.builtin import NAMES, build
from harness.model.export import to_onnx
from harness.model.fold import fold
from harness.model.graph import Graph
from harness.operators.add import Add
from harness.operators.concat import Concat
from harness.operators.max_pool import MaxPool
from harness.operators.node import Node
from harness.operators.reshape import Reshape
from harness.operators.tensor import FloatArray
from harness.quant import quantize as quantize_module
from harness.quant.calibrate import Distribution, calibrate, common_threshold
from harness.quant.choose import read_from, readers_of
from harness.quant.lower import lower
from harness.quant.program import QNetwork
from harness.quant.quantize import quantize, quantize_input
from harness.quant.reference import infer
from tests.quant.networks import conv, dense, graph_of, relu, samples, sqnr_db

SIZE = 16


def pooled(window: int, *, reader: str = "dense") -> Graph:
    """A convolution whose values are read behind max-pools of ``window`` x ``window``."""
    rng = np.random.default_rng(3)
    left = SIZE // window
    nodes: list[Node] = [
        conv(rng, "features", "x", (3, 16)),
        relu("features_relu", "features"),
        MaxPool("pool", ("features_relu",), "pool", (window, window), (window, window)),
    ]
    shapes = {"flat": (1, 16 * left * left)}
    if reader == "conv":
        nodes.append(conv(rng, "mixed", "pool", (16, 16), (1, 1), pads=(0, 0, 0, 0)))
    nodes.append(Reshape("flat", (nodes[-1].output,), "flat"))
    nodes.append(dense(rng, "logits", "flat", 16 * left * left, 10))
    return graph_of(nodes, (1, 3, SIZE, SIZE), shapes)


def float_outputs(graph: Graph, images: FloatArray) -> FloatArray:
    session = onnxruntime.InferenceSession(to_onnx(graph).SerializeToString())
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: image[None]})[0] for image in images])


def fidelity_db(network: QNetwork, graph: Graph, images: FloatArray) -> float:
    outputs = infer(network, quantize_input(images, network.tensors[network.input].scale))
    real = outputs.astype(np.float64) * network.tensors[network.output].scale
    return sqnr_db(float_outputs(graph, images), real.reshape(len(images), -1))


def with_threshold(
    graph: Graph, images: FloatArray, source: str, monkeypatch: pytest.MonkeyPatch
) -> QNetwork:
    """``graph`` with the threshold of the convolution's output chosen on the tensor ``source``."""
    seen = calibrate(graph, images)
    forced = {name: seen[source] if name == "features_relu" else seen[name] for name in seen}
    with monkeypatch.context() as patch:
        patch.setattr(quantize_module, "calibrate", lambda *_: forced)
        patch.setattr("harness.quant.choose.DECIDING_REDUCTION", 1 << 30)
        return quantize(graph, images)


@pytest.mark.parametrize("reader", ["dense", "conv"])
@pytest.mark.parametrize(("window", "gained_db"), [(SIZE, 2.5), (8, 0.5)])
def test_behind_large_pools_nothing_is_lost(
    window: int, gained_db: float, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = pooled(window, reader=reader)
    calibration, images = samples(graph, 64), samples(graph, 64, seed=2)
    chosen = fidelity_db(quantize(graph, calibration), graph, images)
    pool = with_threshold(graph, calibration, "pool", monkeypatch)
    own = with_threshold(graph, calibration, "features_relu", monkeypatch)
    assert chosen >= fidelity_db(pool, graph, images)
    assert chosen > fidelity_db(own, graph, images) + gained_db


def test_pools_in_a_row_count_together() -> None:
    nodes: list[Node] = [
        conv(np.random.default_rng(0), "features", "x", (3, 4)),
        MaxPool("first", ("features",), "first", (4, 4), (4, 4)),
        MaxPool("second", ("first",), "second", (4, 4), (4, 4)),
        Reshape("flat", ("second",), "flat"),
        dense(np.random.default_rng(0), "logits", "flat", 4, 3),
    ]
    lowered = lower(graph_of(nodes, (1, 3, SIZE, SIZE), {"flat": (1, 4)}))
    assert read_from("features", lowered, readers_of(lowered)) == ["second"]


def test_every_reader_counts_once() -> None:
    """A convolution reads the tensor itself, another one its largest values."""
    rng = np.random.default_rng(0)
    nodes: list[Node] = [
        conv(rng, "features", "x", (3, 4)),
        MaxPool("all", ("features",), "all", (SIZE, SIZE), (SIZE, SIZE)),
        conv(rng, "wide", "features", (4, 4), (SIZE, SIZE), pads=(0, 0, 0, 0)),
        Add("sum", ("all", "wide"), "sum"),
    ]
    graph = graph_of(nodes, (1, 3, SIZE, SIZE))
    lowered = lower(graph)
    assert sorted(read_from("features", lowered, readers_of(lowered))) == ["all", "features"]
    seen = calibrate(graph, samples(graph, 32))
    both = common_threshold([seen["all"], seen["features"]])
    assert quantize(graph, samples(graph, 32)).tensors["features"].scale == both / 127
    alone = sorted(seen[name].threshold() for name in ("all", "features"))
    assert alone[0] <= both <= alone[1]


def test_a_concat_is_followed_too() -> None:
    rng = np.random.default_rng(0)
    nodes: list[Node] = [
        conv(rng, "left", "x", (3, 4)),
        conv(rng, "right", "x", (3, 4)),
        Concat("both", ("left", "right"), "both"),
        MaxPool("all", ("both",), "all", (SIZE, SIZE), (SIZE, SIZE)),
        conv(rng, "last", "all", (8, 4), (1, 1), pads=(0, 0, 0, 0)),
    ]
    graph = graph_of(nodes, (1, 3, SIZE, SIZE))
    network = quantize(graph, samples(graph, 32))
    threshold = calibrate(graph, samples(graph, 32))["all"].threshold()
    for name in ("left", "right", "both", "all"):
        assert network.tensors[name].scale == threshold / 127


@pytest.mark.parametrize("name", NAMES)
def test_built_in_networks_choose_on_the_tensor_itself(name: str) -> None:
    lowered = lower(fold(build(name)))
    readers = readers_of(lowered)
    for step in lowered.steps:
        assert read_from(step.output, lowered, readers) == [step.output]


def test_a_small_tensor_counts_as_a_large_one() -> None:
    large, small = Distribution(), Distribution()
    rng = np.random.default_rng(0)
    large.add(rng.normal(size=1 << 16).astype(np.float32))
    small.add(np.abs(rng.normal(size=64) + 6).astype(np.float32))
    assert large.threshold() < 5
    assert common_threshold([large, small]) > 0.9 * small.maximum
    assert common_threshold([Distribution(), large]) == large.threshold()
    assert common_threshold([Distribution()]) == 0.0
