"""The evaluation path is the integer program: byte for byte when exact, closely when fast."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.accuracy.evaluate import Accuracies, Evaluator
from harness.accuracy.evaluate_calibration import fast_converter_ranges
from harness.accuracy.evaluate_normal import NormalSource
from harness.accuracy.noise import with_noise
from harness.config.load import load_config, load_loop_config
from harness.config.schema import SystemConfig
from harness.data.workloads import workload_for
from harness.errors import DataError, MappingError, QuantError
from harness.mapping.mapping import Unit
from harness.mapping.resolve import resolve_mapping
from harness.model.graph import Graph
from harness.model.load import load_model
from harness.operators.backend.numpy_backend import NumpyInteger
from harness.operators.backend.torch_backend import Arithmetic, Requantizer
from harness.operators.conv import QConv
from harness.operators.integer_node import Requant
from harness.operators.tensor import FloatArray, Int8Array
from harness.placement.analog import converter_ranges, sample_patches
from harness.placement.cut import cut
from harness.placement.place import layer_inputs, place
from harness.placement.reference import infer_plan
from harness.quant.program import QNetwork
from harness.quant.quantize import quantize, quantize_input
from harness.quant.reference import infer, top1
from tests.placement.systems import system_with
from tests.quant.networks import branching, samples

PCM = load_loop_config(noise="pcm").noise
NONE = load_loop_config(noise="none").noise
DAY_S = 86400.0


def evaluator(
    network: QNetwork, images: FloatArray, system: SystemConfig, **options: object
) -> Evaluator:
    labels = np.zeros(len(images), np.int64)
    arguments = {"noise": PCM, "threads": 1} | options
    return Evaluator(network, images, labels, system=system, **arguments)  # type: ignore[arg-type]


def quantized(network: QNetwork, images: FloatArray) -> Int8Array:
    return quantize_input(images, network.tensors[network.input].scale)


def reference(
    network: QNetwork,
    images: FloatArray,
    system: SystemConfig,
    conductances: dict[str, FloatArray],
) -> Int8Array:
    """What the program of the placed network must give."""
    mapping = resolve_mapping("digital", network)
    layers: dict[str, Unit] = dict(mapping.layers)
    layers |= dict.fromkeys(conductances, "analog")
    mapping = replace(mapping, layers=layers, insists=True, conductances=conductances)
    return infer_plan(place(network, mapping, system), system, quantized(network, images))


def check_exact(
    network: QNetwork, images: FloatArray, system: SystemConfig, analog: list[str]
) -> None:
    evaluation = evaluator(network, images, system, exact=True)
    held = evaluation.conductances(analog, t_s=DAY_S, seed=1, repetition=0)
    assert np.array_equal(evaluation.outputs(held), reference(network, images, system, held))


def trained(name: str) -> tuple[Graph, QNetwork, FloatArray, np.ndarray]:
    workload = workload_for(name)
    assert workload is not None
    graph = load_model(name, checkpoint=workload.checkpoint_path())
    splits = workload.load_splits()
    network = quantize(graph, splits.calibration.images()[:64])
    return graph, network, splits.test.images(), splits.test.labels.astype(np.int64)


@pytest.fixture(scope="module")
def lenet5() -> tuple[Graph, QNetwork, FloatArray, np.ndarray]:
    return trained("lenet5")


@pytest.fixture(scope="module")
def small() -> tuple[QNetwork, FloatArray]:
    graph = branching(2)
    return quantize(graph, samples(graph, 16)), samples(graph, 5, seed=7)


@pytest.mark.parametrize(
    "tile",
    [
        {"rows": 256, "columns": 256},
        {"rows": 256, "columns": 256, "dac_bits": 5, "adc_bits": 6},
        {"rows": 40, "columns": 10, "adc_bits": 12},
    ],
)
def test_lenet5_on_test_images(
    lenet5: tuple[Graph, QNetwork, FloatArray, np.ndarray], tile: dict[str, object]
) -> None:
    _, network, images, _ = lenet5
    analog = list(resolve_mapping("analog", network).analog)
    check_exact(network, images[:40], system_with(tiles=512, **tile), analog)


def test_resnet20() -> None:
    workload = workload_for("resnet20")
    assert workload is not None
    graph = load_model("resnet20", checkpoint=workload.checkpoint_path())
    network = quantize(graph, samples(graph, 4))
    system = system_with(rows=256, columns=256, tiles=512)
    names = list(resolve_mapping("analog", network).analog)
    check_exact(network, samples(graph, 2, seed=3), system, names)
    check_exact(network, samples(graph, 1, seed=4), system, names[5:9])


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(1, 140),
    columns=st.integers(1, 20),
    dac_bits=st.integers(2, 8),
    adc_bits=st.integers(2, 16),
    analog=st.sets(st.sampled_from(["stem", "left", "left_skip", "hidden", "logits"]), min_size=1),
)
def test_any_tile_and_any_layers(
    small: tuple[QNetwork, FloatArray],
    rows: int,
    columns: int,
    dac_bits: int,
    adc_bits: int,
    analog: set[str],
) -> None:
    """Row blocks cut kernels anywhere; asymmetric padding, dilation, every operator."""
    network, images = small
    system = system_with(
        tiles=1024, rows=rows, columns=columns, dac_bits=dac_bits, adc_bits=adc_bits
    )
    if rows < 8 and columns < 3:
        system = system.model_copy(update={"tiles": 100_000})
    check_exact(network, images, system, sorted(analog))


def test_no_analog_layer_is_the_digital_network(small: tuple[QNetwork, FloatArray]) -> None:
    network, images = small
    expected = infer(network, quantized(network, images))
    for exact in (True, False):
        outputs = evaluator(network, images, system_with(), exact=exact).outputs({})
        assert np.array_equal(outputs, expected)
    accuracies = evaluator(network, images, system_with()).accuracies(
        [], t_s=DAY_S, repetitions=3, seed=1
    )
    assert accuracies.values == ((top1(expected) == 0).mean(),) * 3


def test_float32_is_close_to_exact(
    lenet5: tuple[Graph, QNetwork, FloatArray, np.ndarray],
) -> None:
    _, network, images, _ = lenet5
    system = system_with(rows=100, columns=64, tiles=512)
    analog = resolve_mapping("analog", network).analog
    exact, fast = (evaluator(network, images, system, exact=exact) for exact in (True, False))
    held = exact.conductances(analog, t_s=DAY_S, seed=1, repetition=0)
    expected, outputs = exact.outputs(held), fast.outputs(held)
    assert (outputs != expected).mean() < 0.01
    assert np.abs(outputs.astype(int) - expected).max() <= 4
    assert (top1(outputs) == top1(expected)).mean() > 0.995


def test_fast_converter_ranges_are_placements(
    lenet5: tuple[Graph, QNetwork, FloatArray, np.ndarray],
) -> None:
    _, network, _, _ = lenet5
    tile = with_noise(system_with(rows=64, columns=256), PCM).tile
    how = Arithmetic(torch.device("cpu"), exact=False)
    node = next(n for n in network.nodes if n.name == "conv2")
    assert isinstance(node, QConv)
    inputs = layer_inputs(network, {"conv2"})[node.inputs[0]]
    patches = sample_patches(node, inputs, 1000)
    rng = np.random.default_rng(0)
    conductance = (rng.normal(size=(150, 40)) * 8000).clip(-32767, 32767).astype(np.int16)
    conductance[:, 3] = 0
    extents = [e for e in cut(150, 40, tile) if e.n0 == 0]
    exact = converter_ranges(patches, conductance, extents, tile)
    fast = fast_converter_ranges(patches, conductance, extents, tile, how)
    np.testing.assert_allclose(fast, exact, rtol=1e-5)
    silent = np.zeros_like(patches)
    np.testing.assert_allclose(
        fast_converter_ranges(silent, conductance, extents, tile, how),
        converter_ranges(silent, conductance, extents, tile),
    )


@settings(max_examples=200, deadline=None)
@given(data=st.data(), unit=st.sampled_from([1, 256]))
def test_requantization(data: st.DataObject, unit: int) -> None:
    channels = data.draw(st.integers(1, 4))

    def integers(low: int, high: int) -> np.ndarray:
        values = data.draw(st.lists(st.integers(low, high), min_size=channels, max_size=channels))
        return np.array(values, np.int32)

    low, high = sorted(data.draw(st.tuples(st.integers(-128, 127), st.integers(-128, 127))))
    requant = Requant(integers(1 << 30, (1 << 31) - 1), integers(-31, 31), low, high)
    bias = integers(-(1 << 29), 1 << 29)
    acc = np.stack([integers(-(1 << 21), 1 << 21) for _ in range(3)])
    expected = NumpyInteger().requantize(acc.astype(np.int64) * unit + bias, requant)
    how = Arithmetic(torch.device("cpu"), exact=True)
    result = Requantizer(requant, how, unit=unit, bias=bias)(how.tensor(acc))
    assert np.array_equal(result.numpy(), expected)


def test_repetitions_are_what_they_are_alone(
    lenet5: tuple[Graph, QNetwork, FloatArray, np.ndarray],
) -> None:
    """Neither threads, nor other repetitions, nor the number of images change a result."""
    _, network, images, labels = lenet5
    system = with_noise(load_config(system="alpine-hp").system, PCM)

    def made(threads: int) -> Evaluator:
        return Evaluator(
            network, images, labels, system=system, noise=PCM, threads=threads, device="cpu"
        )

    analog = ["fc1", "conv2"]
    both = made(1).accuracies(analog, t_s=1.0, repetitions=4, seed=9)
    assert made(3).accuracies(analog, t_s=1.0, repetitions=4, seed=9) == both
    assert len(set(both.values)) > 1
    one = made(2)
    classes = one.predictions(analog, t_s=1.0, seed=9, repetition=3)
    assert (classes == labels).mean() == both.values[3]
    few = one.accuracies(analog, t_s=1.0, repetitions=4, seed=9, images=100)
    assert few.values[3] == (classes[:100] == labels[:100]).mean()
    assert one.accuracies(analog, t_s=1.0, repetitions=4, seed=8) != both
    before = torch.get_num_threads()
    made(2).accuracies(analog, t_s=1.0, repetitions=1, seed=1)
    assert torch.get_num_threads() == before


def test_accuracy_falls_with_noise(
    lenet5: tuple[Graph, QNetwork, FloatArray, np.ndarray],
) -> None:
    _, network, images, labels = lenet5
    system = with_noise(load_config(system="alpine-hp").system, PCM)
    analog = resolve_mapping("analog", network).analog
    worse = PCM.model_copy(update={"prog_noise_scale": 4.0})
    means = [
        Evaluator(network, images, labels, system=system, noise=noise, threads=1)
        .accuracies(analog, t_s=t_s, repetitions=3, seed=1)
        .mean
        for noise, t_s in ((NONE, DAY_S), (PCM, DAY_S), (worse, 3e8))
    ]
    assert means[0] > 0.98
    assert abs(means[1] - means[0]) < 0.01
    assert means[2] < means[1] - 0.02


def test_wrong_arguments(small: tuple[QNetwork, FloatArray]) -> None:
    network, images = small
    evaluation = evaluator(network, images, system_with())
    for name in ("nowhere", "depthwise", "max"):
        with pytest.raises(MappingError, match=name) as caught:
            evaluation.accuracies([name], t_s=0.0, repetitions=1, seed=1)
        assert caught.value.hint is not None
        assert "left_skip" in caught.value.hint
    outside = np.full(len(images), 1 << 20)
    for labels in (np.zeros(3, np.int64), np.zeros((5, 2), np.int64), -outside, outside):
        with pytest.raises(DataError, match="label"):
            Evaluator(network, images, labels, system=system_with(), noise=PCM)
    with pytest.raises(QuantError, match="0 images"):
        evaluator(network, images[:0], system_with())


def test_statistics_of_repetitions() -> None:
    values = (0.5, 0.7, 0.6, 0.8)
    accuracies = Accuracies(values)
    assert accuracies.mean == pytest.approx(0.65)
    assert accuracies.deviation == pytest.approx(0.12909944)
    # Student's t of 3 degrees of freedom at 97.5 % is 3.182446.
    assert accuracies.ci95 == pytest.approx(3.182446 * 0.12909944 / 2, rel=1e-6)
    assert Accuracies((0.5,)).deviation == 0
    assert Accuracies((0.5,)).ci95 == math.inf


def test_normal_source() -> None:
    device = torch.device("cpu")
    like = torch.empty(50, 7, 13, 11)
    z = NormalSource(3, device).like(like)
    assert z.shape == like.shape
    assert torch.equal(z, NormalSource(3, device).like(like))
    source = NormalSource(4, device)
    values = [z.flatten().numpy(), source.like(torch.empty(9)).numpy()]
    values += [source.like(torch.empty(1001, 3)).flatten().numpy(), source.like(like[:1]).numpy()]
    assert len(np.unique(np.concatenate([v.reshape(-1)[:9] for v in values]))) == 36
    flat = values[0].astype(np.float64)
    assert stats.kstest(flat, "norm").pvalue > 0.01
    assert flat.std() == pytest.approx(1, abs=0.01)
    assert np.abs(flat).max() > 3.9
    assert abs(np.corrcoef(flat[1:], flat[:-1])[0, 1]) < 0.01
    assert source.like(torch.empty(3, dtype=torch.float64)).dtype == torch.float64
