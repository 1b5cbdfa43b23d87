"""The mapped network's reference: exact against loops, close to float, noise by image."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from harness.config.schema import SystemConfig
from harness.errors import QuantError
from harness.mapping.resolve import resolve_mapping
from harness.model.builtin import build
from harness.model.fold import fold
from harness.model.graph import Graph
from harness.operators.conv import Conv, QConv
from harness.operators.dense import QDense
from harness.operators.tensor import Int8Array
from harness.placement.place import place
from harness.placement.plan import AnalogLayer, Plan
from harness.placement.reference import accumulate, infer_plan, native_mvm, run_plan
from harness.placement.tile_arithmetic import mvm as numpy_mvm
from harness.quant.float_reference import run_float, to_nchw
from harness.quant.program import QNetwork
from harness.quant.quantize import quantize, quantize_input
from harness.quant.reference import run_integer
from tests.placement.systems import system_with
from tests.quant.networks import branching, conv, graph_of, plain, samples, sqnr_db


def mapped(graph: Graph, system: SystemConfig, count: int = 16) -> Plan:
    network = quantize(graph, samples(graph, count))
    return place(network, resolve_mapping("analog", network), system)


def inputs_for(network: QNetwork, graph: Graph, count: int, seed: int = 5) -> Int8Array:
    return quantize_input(samples(graph, count, seed), network.tensors[network.input].scale)


def slow_column(layer: AnalogLayer, patch: list[int], n: int, adc_bits: int) -> int:
    """One output of a noiseless analog layer in Python integers, from docs/architecture.md."""
    acc = 0
    for block in layer.blocks:
        if not block.n0 <= n < block.n0 + block.columns:
            continue
        c = n - block.n0
        total = sum(patch[block.k0 + r] * int(block.conductance[r, c]) for r in range(block.rows))
        s = int(block.adc_shift[c])
        v = (total * int(block.adc_multiplier[c]) + 2 ** (s - 17)) // 2 ** (s - 16)
        limit = 2 ** (adc_bits - 1) - 1
        acc += max(-limit, min(limit, (v + 0x8000) // 2**16))
    t = acc * 256 + int(layer.bias[n])
    multiplier, shift = int(layer.requant.multiplier[n]), int(layer.requant.shift[n])
    t = max(-(2**31), min(2**31 - 1, t * 2 ** max(-shift, 0)))
    t = (t * multiplier + 2**30) // 2**31
    if shift > 0:
        t = (t + 2 ** (shift - 1)) // 2**shift
    return max(layer.requant.low, min(layer.requant.high, t))


def slow_patch(node: QConv | QDense, image: Int8Array, oy: int, ox: int) -> list[int]:
    if isinstance(node, QDense):
        return [int(value) for value in image.reshape(-1)]
    h, w, channels = image.shape
    patch = []
    for ky, kx, c in itertools.product(
        range(node.weight.shape[1]), range(node.weight.shape[2]), range(channels)
    ):
        y = oy * node.stride[0] - node.pads[0] + ky * node.dilation[0]
        x = ox * node.stride[1] - node.pads[1] + kx * node.dilation[1]
        patch.append(int(image[y, x, c]) if 0 <= y < h and 0 <= x < w else 0)
    return patch


@pytest.mark.parametrize("adc_bits", [4, 8, 13])
def test_every_analog_layer_against_integer_loops(adc_bits: int) -> None:
    graph = branching(2)
    system = system_with(rows=20, columns=6, adc_bits=adc_bits)
    plan = mapped(graph, system)
    assert len(plan.analog["left"].blocks) == 8
    network = plan.network
    tensors = run_plan(plan, system, inputs_for(network, graph, 2))
    for node in network.nodes:
        if node.name not in plan.analog or not isinstance(node, QConv | QDense):
            continue
        layer = plan.analog[node.name]
        out = tensors[node.output][1]
        maps = out.reshape(1, 1, -1) if out.ndim == 1 else out
        for oy, ox in itertools.product(range(0, maps.shape[0], 2), range(0, maps.shape[1], 3)):
            patch = slow_patch(node, tensors[node.inputs[0]][1], oy, ox)
            expected = [slow_column(layer, patch, n, adc_bits) for n in range(layer.columns)]
            assert maps[oy, ox].tolist() == expected


@pytest.mark.parametrize(
    "tile",
    [
        {},
        {"noise": True, "output_noise_lsb": 0.6},
        {"noise": True, "output_noise_lsb": 0.3, "read_noise_lsb": 200.0, "adc_bits": 12},
        {"dac_bits": 4, "noise": True},
    ],
)
def test_the_native_tile_and_the_numpy_tile_agree(tile: dict[str, object]) -> None:
    graph = plain()
    system = system_with(**tile)
    plan = mapped(graph, system)
    images = inputs_for(plan.network, graph, 3)
    native = run_plan(plan, system, images, first_epoch=7)
    independent = run_plan(plan, system, images, first_epoch=7, mvm=numpy_mvm)
    assert native.keys() == independent.keys()
    for name, values in native.items():
        assert np.array_equal(values, independent[name]), name


@pytest.mark.parametrize(("adc_bits", "loss_db"), [(8, 6.0), (16, 1.0)])
@pytest.mark.parametrize("rows", [24, 256])
def test_close_to_float(adc_bits: int, loss_db: float, rows: int) -> None:
    """A wide converter costs nothing against digital int8, 8 bits little, in one block or many."""
    for graph in (plain(3), branching(1), fold(build("lenet5"))):
        system = system_with(rows=rows, columns=256, adc_bits=adc_bits, tiles=1024)
        network = quantize(graph, samples(graph, 32))
        plan = place(network, resolve_mapping("analog", network), system)
        assert len(plan.analog) >= 3
        images = samples(graph, 16, seed=9)
        exact = run_float(graph, images, keep={graph.output})[graph.output]
        inputs = quantize_input(images, network.tensors[network.input].scale)
        scale = network.tensors[network.output].scale
        digital = run_integer(network, inputs)[network.output]
        analog = infer_plan(plan, system, inputs)
        quality = [
            sqnr_db(exact, to_nchw((values * scale).astype(np.float32)))
            for values in (digital, analog)
        ]
        assert quality[1] > min(quality[0], 34) - loss_db


def test_one_block_with_fine_weights_beats_digital_int8() -> None:
    graph = graph_of([conv(np.random.default_rng(0), "c", "x", (4, 8))], (1, 4, 9, 9))
    system = system_with(rows=256, columns=256, adc_bits=16)
    plan = mapped(graph, system)
    images = samples(graph, 8, 3)
    inputs = quantize_input(images, plan.network.tensors["x"].scale)
    scale = plan.network.tensors["c"].scale
    exact = run_float(graph, images)["c"]
    digital = run_integer(plan.network, inputs)["c"] * scale
    analog = infer_plan(plan, system, inputs) * scale
    assert sqnr_db(exact, to_nchw(analog.astype(np.float32))) > sqnr_db(
        exact, to_nchw(digital.astype(np.float32))
    )


def test_images_have_epochs_and_batches_do_not_matter() -> None:
    graph = plain()
    system = system_with(noise=True, output_noise_lsb=2.0)
    plan = mapped(graph, system)
    images = inputs_for(plan.network, graph, 5)
    images[4] = images[0]
    whole = run_plan(plan, system, images)
    for tensor, values in run_plan(plan, system, images[3:], first_epoch=3).items():
        assert np.array_equal(values, whole[tensor][3:])
    assert np.array_equal(infer_plan(plan, system, images, batch=2), whole["logits"])
    assert not np.array_equal(whole["first_relu"][4], whole["first_relu"][0])
    other_seed = system.model_copy(update={"tile": system.tile.model_copy(update={"seed": 2})})
    assert not np.array_equal(run_plan(plan, other_seed, images)["first_relu"], whole["first_relu"])
    assert infer_plan(plan, system, images[:0]).shape == (0, 10)


def test_pixels_are_numbered_from_0_in_each_epoch() -> None:
    graph = plain()
    system = system_with(noise=True, output_noise_lsb=20.0, adc_bits=12)
    tile = system.tile
    layer = mapped(graph, system, 4).analog["second"]
    patches = np.random.default_rng(0).integers(-128, 128, (9, layer.rows), dtype=np.int8)
    total = accumulate(layer, tile, patches, 3, native_mvm())
    expected = np.tile(layer.bias.astype(np.int64), (9, 1))
    for block in layer.blocks:
        codes = numpy_mvm(
            patches[:, block.k0 : block.k0 + block.rows],
            block.conductance,
            block.adc_multiplier,
            block.adc_shift,
            adc_bits=12,
            dac_bits=tile.dac_bits,
            noise=True,
            output_noise_lsb=20.0,
            read_noise_lsb=tile.read_noise_lsb,
            seed=tile.seed,
            tile=block.tile,
            epoch=3,
            first_mvm=0,
        )
        expected[:, block.n0 : block.n0 + block.columns] += 256 * codes.astype(np.int64)
    assert total.dtype == np.int32
    assert total.tolist() == expected.tolist()


def test_only_the_tensors_that_are_asked_for_are_kept() -> None:
    graph = plain()
    system = system_with()
    plan = mapped(graph, system, 4)
    images = inputs_for(plan.network, graph, 2)
    assert run_plan(plan, system, images, keep={"pool", "logits"}).keys() == {"pool", "logits"}


def test_output_noise_has_the_stated_deviation() -> None:
    graph = graph_of([conv(np.random.default_rng(0), "c", "x", (3, 8))], (1, 3, 40, 40))
    quiet, noisy = system_with(), system_with(noise=True, output_noise_lsb=3.0)
    plan = mapped(graph, quiet, 2)
    images = inputs_for(plan.network, graph, 2)
    layer = plan.analog["c"]
    exact = run_plan(plan, quiet, images)["c"].astype(np.float64)
    disturbed = run_plan(plan, noisy, images)["c"].astype(np.float64)
    ratio = layer.requant.multiplier / 2.0 ** (31 + layer.requant.shift) * 256
    inside = (np.abs(exact) < 100) & (np.abs(disturbed) < 120)
    deviation = [(disturbed - exact)[..., n][inside[..., n]].std() / ratio[n] for n in range(8)]
    np.testing.assert_allclose(deviation, 3.0, rtol=0.15)


def odd_channels() -> Conv:
    """Channels without weights, with tiny weights, and with biases that dwarf them."""
    layer = conv(np.random.default_rng(0), "c", "x", (2, 6))
    layer.weight[0] = 0
    layer.bias[0] = 1.25
    layer.weight[1] = 0
    layer.bias[1] = 0
    layer.weight[2] *= 1e-30
    layer.bias[2] = -0.75
    layer.weight[3] *= 1e-42
    layer.bias[3] = 0
    layer.weight[4] *= 1e-6
    layer.bias[4] = 2.0
    return layer


@pytest.mark.parametrize("noise", [False, True])
def test_dead_and_tiny_channels(noise: bool) -> None:
    graph = graph_of([odd_channels()], (1, 2, 5, 5))
    system = system_with(noise=noise, output_noise_lsb=0.6)
    plan = mapped(graph, system)
    images = samples(graph, 4, 5)
    exact = run_float(graph, images)["c"]
    inputs = quantize_input(images, plan.network.tensors["x"].scale)
    step = plan.network.tensors["c"].scale
    real = to_nchw((infer_plan(plan, system, inputs) * step).astype(np.float32))
    assert np.abs(exact[:, :5] - real[:, :5]).max() <= step
    assert sqnr_db(exact, real) > (20 if noise else 28)


def test_a_layer_whose_calibration_inputs_are_zero() -> None:
    graph = graph_of([conv(np.random.default_rng(0), "c", "x", (2, 6))], (1, 2, 5, 5))
    network = quantize(graph, samples(graph, 4))
    silent = replace(network, calibration_inputs=np.zeros_like(network.calibration_inputs))
    system = system_with(adc_bits=16)
    plan = place(silent, resolve_mapping("analog", silent), system)
    inputs = inputs_for(network, graph, 4)
    digital = run_integer(network, inputs)["c"].astype(int)
    assert np.abs(infer_plan(plan, system, inputs).astype(int) - digital).max() <= 2


def test_programmed_conductances_take_the_weights_place() -> None:
    graph = plain()
    system = system_with(adc_bits=16)
    network = quantize(graph, samples(graph, 16))
    mapping = resolve_mapping("analog", network)
    weights = {
        node.name: node.weight_float.reshape(node.weight.shape[0], -1).T
        for node in network.nodes
        if isinstance(node, QConv | QDense)
    }
    inputs = inputs_for(network, graph, 4)
    usual = infer_plan(place(network, mapping, system), system, inputs)
    same = place(network, replace(mapping, conductances=weights), system)
    assert np.array_equal(infer_plan(same, system, inputs), usual)
    programmed = {name: (values * 0.5).astype(np.float32) for name, values in weights.items()}
    halved = place(network, replace(mapping, conductances=programmed), system)
    assert np.array_equal(
        halved.analog["first"].blocks[0].conductance, same.analog["first"].blocks[0].conductance
    )
    first = network.nodes[0]
    assert isinstance(first, QConv)
    expected = run_integer(
        replace(
            network,
            nodes=(
                replace(
                    first,
                    requant=replace(first.requant, shift=first.requant.shift + 1),
                    bias=first.bias * 2,
                ),
                *network.nodes[1:],
            ),
        ),
        inputs,
    )["first_relu"].astype(int)
    difference = run_plan(halved, system, inputs)["first_relu"].astype(int) - expected
    assert np.abs(difference).max() <= 1


def test_a_digital_plan_is_the_integer_network() -> None:
    graph = plain()
    network = quantize(graph, samples(graph, 4))
    system = system_with(tiles=0)
    plan = place(network, resolve_mapping("digital", network), system)
    inputs = inputs_for(network, graph, 4)
    expected = run_integer(network, inputs)[network.output]
    assert np.array_equal(infer_plan(plan, system, inputs), expected)


def test_wrong_inputs_are_refused() -> None:
    graph = plain()
    system = system_with()
    plan = mapped(graph, system)
    with pytest.raises(QuantError, match="int8"):
        run_plan(plan, system, np.zeros((1, 3, 8, 8), np.int8))


def test_the_native_module_is_there() -> None:
    codes = native_mvm()(
        np.ones((1, 2), np.int8),
        np.full((2, 1), 100, np.int16),
        np.array([1 << 15], np.uint16),
        np.array([17], np.uint16),
        epoch=0,
        first_mvm=0,
    )
    assert codes.tolist() == [[50]]
