"""The numbers of an analog layer: what is sampled, and what a code and a unit are worth."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from harness.errors import PlacementError
from harness.mapping.resolve import resolve_mapping
from harness.operators.conv import Conv, QConv
from harness.operators.dense import Dense, QDense
from harness.operators.window import Window
from harness.placement import analog, place
from harness.placement.adc import column_thresholds
from harness.placement.analog import (
    analog_layer,
    calibration_patches,
    converter_ranges,
    float_matrix,
    layer_on_tiles,
    layer_patches,
    or_reach,
    sample_patches,
)
from harness.placement.cut import Extent
from harness.placement.footprint import check_memory, memory_bytes
from harness.placement.plan import AnalogLayer
from harness.placement.reference import infer_plan, native_mvm
from harness.quant.program import QNetwork
from harness.quant.quantize import quantize
from harness.quant.reference import run_integer
from tests.placement.systems import system_with
from tests.quant.networks import conv, graph_of, plain, samples

RNG = np.random.default_rng(0)
WINDOW = conv(RNG, "c", "x", (2, 3), (3, 2), stride=(2, 1), pads=(1, 0, 2, 1), dilation=(1, 2))


def one_layer(layer: Conv | Dense, shape: tuple[int, ...]) -> tuple[QNetwork, QConv | QDense]:
    graph = graph_of([layer], shape)
    network = quantize(graph, samples(graph, 4))
    node = network.nodes[0]
    assert isinstance(node, QConv | QDense)
    return network, node


def dense_layer(weight: np.ndarray, bias: np.ndarray) -> tuple[QNetwork, QConv | QDense]:
    layer = Dense("d", ("x",), "d", weight.astype(np.float32), bias.astype(np.float32))
    return one_layer(layer, (1, weight.shape[1]))


def test_patches_of_a_convolution_in_raster_order() -> None:
    _, node = one_layer(WINDOW, (1, 2, 6, 5))
    images = RNG.integers(-128, 128, (3, 6, 5, 2), dtype=np.int8)
    patches = layer_patches(node, images)
    assert patches.dtype == np.int8
    assert patches.flags.c_contiguous
    assert patches.shape == (3, 4 * 4, 12)
    for image, pixel, ky, kx in np.ndindex(3, 16, 3, 2):
        y, x = pixel // 4 * 2 - 1 + ky, pixel % 4 + 2 * kx
        inside = 0 <= y < 6 and 0 <= x < 5
        expected = images[image, y, x] if inside else np.zeros(2, np.int8)
        at = (ky * 2 + kx) * 2
        assert patches[image, pixel, at : at + 2].tolist() == expected.tolist()


def test_the_window_of_a_convolution() -> None:
    layer = conv(RNG, "c", "x", (5, 4), (3, 2), stride=(2, 1), pads=(1, 0, 2, 1), dilation=(1, 2))
    _, node = one_layer(layer, (1, 5, 6, 7))
    assert isinstance(node, QConv)
    form = node.matrix_form()
    assert form is not None
    assert form.window == Window((3, 2), (2, 1), (1, 0, 2, 1), (1, 2))


def test_patches_of_a_dense_layer_are_its_inputs() -> None:
    _, node = dense_layer(RNG.normal(size=(4, 30)), np.zeros(4))
    maps = RNG.integers(-128, 128, (3, 2, 3, 5), dtype=np.int8)
    assert np.array_equal(layer_patches(node, maps), maps.reshape(3, 1, 30))
    assert np.array_equal(sample_patches(node, maps, 99), maps.reshape(3, 30))


@pytest.mark.parametrize(
    ("largest", "taken"), [(1, 1), (5, 5), (7, 7), (47, 47), (48, 48), (99, 48)]
)
def test_samples_are_spread_evenly_over_images_and_pixels(largest: int, taken: int) -> None:
    _, node = one_layer(WINDOW, (1, 2, 6, 5))
    images = RNG.integers(-128, 128, (3, 6, 5, 2), dtype=np.int8)
    every = layer_patches(node, images).reshape(48, 12)
    expected = every[[i * 48 // taken for i in range(taken)]]
    assert np.array_equal(sample_patches(node, images, largest), expected)
    _, flat = dense_layer(RNG.normal(size=(2, 60)), np.zeros(2))
    rows = images.reshape(3, 60)
    assert np.array_equal(sample_patches(flat, images, 2), rows[[0, 1]])


@pytest.mark.parametrize(
    ("sums", "patches"),
    [(2 << 20, 4096), (3 * 8 * 1000, 1000), (3 * 8 * 1000 + 23, 1000), (3 * 8 * 10, 64)],
)
def test_as_many_patches_are_sampled_as_give_so_many_sums(
    monkeypatch: pytest.MonkeyPatch, sums: int, patches: int
) -> None:
    monkeypatch.setattr(analog, "SAMPLED_SUMS", sums)
    _, node = dense_layer(RNG.normal(size=(11, 40)), np.zeros(11))
    inputs = RNG.integers(-128, 128, (5000, 40), dtype=np.int8)
    for bits, low, high in ((8, -128, 127), (3, -4, 3)):
        tile = system_with(rows=16, columns=8, dac_bits=bits).tile  # 3 x 2 blocks, 8 columns first
        taken = calibration_patches(node, inputs, tile)
        expected = inputs[[i * 5000 // patches for i in range(patches)]]
        assert taken.dtype == np.int8
        assert np.array_equal(taken, np.clip(expected, low, high))


def test_ranges_are_those_of_all_blocks_sums() -> None:
    conductance = RNG.integers(-32767, 32768, (50, 6), dtype=np.int16)
    patches = RNG.integers(-128, 128, (20, 50), dtype=np.int8)
    extents = [Extent(0, 32, 0, 6), Extent(32, 18, 0, 6)]
    exact = patches.astype(np.int64), conductance.astype(np.int64)
    sums = np.concatenate([exact[0][:, :32] @ exact[1][:32], exact[0][:, 32:] @ exact[1][32:]])
    for noise, lsb in ((False, 0.0), (True, 1.5)):
        tile = system_with(noise=noise, output_noise_lsb=1.5, adc_bits=6).tile
        expected = column_thresholds(sums.astype(np.float64), 6, lsb)
        assert np.array_equal(converter_ranges(patches, conductance, extents, tile), expected)
    silent = converter_ranges(np.zeros_like(patches), conductance, extents, tile)
    blocks = [np.abs(exact[1][:32]).sum(axis=0), np.abs(exact[1][32:]).sum(axis=0)]
    assert silent.tolist() == (127 * np.maximum(*blocks)).tolist()
    kept = or_reach(np.array([0.0, 1.0, 2.0, 0.0, 4.0, 5.0]), conductance, extents)
    assert kept.tolist() == [silent[0], 1.0, 2.0, silent[3], 4.0, 5.0]


def real_outputs(layer: AnalogLayer, network: QNetwork, column: int, total: float) -> float:
    """What a column gives for a partial sum of ``total``, before rounding, in real units."""
    block = next(b for b in layer.blocks if b.n0 <= column < b.n0 + b.columns)
    at = column - block.n0
    code = total * int(block.adc_multiplier[at]) / 2.0 ** int(block.adc_shift[at])
    multiplier, shift = int(layer.requant.multiplier[column]), int(layer.requant.shift[column])
    steps = (code * 256 + int(layer.bias[column])) * multiplier / 2.0 ** (31 + shift)
    return steps * network.tensors[network.output].scale


def test_a_column_is_worth_its_weights_and_bias() -> None:
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(40, 7)) * [1, 1e-3, 1e3, 1, 1, 1, 1]
    bias = np.array([0.3, -0.002, 50.0, 0.0, -1.0, 2.0, 1.0])
    network, node = dense_layer(matrix.T, bias)
    node = replace(node, requant=replace(node.requant, low=-77, high=88))
    tile = system_with(rows=16, columns=4, adc_bits=8).tile
    asked: list[tuple[int, int]] = []

    def ranges(conductance: np.ndarray, extents: list[Extent]) -> np.ndarray:
        asked.append((conductance.shape[1], len(extents)))
        return 1e6 * (1 + np.arange(conductance.shape[1], dtype=np.float64))

    layer = layer_on_tiles(network, node, float_matrix(node), tile, 5, ranges)
    assert asked == [(4, 3), (3, 3)]
    assert (layer.name, layer.rows, layer.columns) == ("d", 40, 7)
    assert layer.bias.dtype == np.int32
    assert [(b.tile, b.k0, b.rows, b.n0, b.columns) for b in layer.blocks] == [
        (5, 0, 16, 0, 4),
        (6, 16, 16, 0, 4),
        (7, 32, 8, 0, 4),
        (8, 0, 16, 4, 3),
        (9, 16, 16, 4, 3),
        (10, 32, 8, 4, 3),
    ]
    assert (layer.requant.low, layer.requant.high) == (-77, 88)
    unit = np.abs(matrix.astype(np.float32)).max(axis=0).astype(np.float64) / 32767
    input_scale = network.tensors[network.input].scale
    for column in range(7):
        block = next(b for b in layer.blocks if b.n0 <= column < b.n0 + b.columns)
        at = column - block.n0
        assert block.adc_multiplier.dtype == block.adc_shift.dtype == np.uint16
        step = 2.0 ** int(block.adc_shift[at]) / int(block.adc_multiplier[at])
        assert step == pytest.approx(1e6 * (1 + at) / 127, rel=2.0**-15)
        largest_code = 127 * step
        gain = real_outputs(layer, network, column, largest_code)
        gain -= real_outputs(layer, network, column, 0.0)
        assert gain == pytest.approx(largest_code * unit[column] * input_scale, rel=1e-7)
        worth = gain / (127 * 256)  # of an accumulator unit
        offset = real_outputs(layer, network, column, 0.0)
        assert abs(offset - np.float32(bias[column])) <= 0.51 * worth


def test_programmed_weights_take_the_place_of_the_layers_own() -> None:
    network, node = dense_layer(RNG.normal(size=(3, 10)), np.zeros(3))
    tile = system_with().tile
    inputs = network.calibration_inputs
    own, same, other = (
        analog_layer(network, node, inputs, tile, 0, weights).blocks[0].conductance
        for weights in (None, float_matrix(node), float_matrix(node)[:, ::-1])
    )
    assert np.array_equal(same, own)
    assert np.array_equal(other, own[:, ::-1])


def column_of(weight: float, bias: float, threshold: float) -> tuple[AnalogLayer, QNetwork]:
    network, node = dense_layer(np.array([[1.0]]), np.array([0.5]))
    changed = replace(
        node,
        weight_float=np.array([[weight]], np.float32),
        bias_float=np.array([bias], np.float32),
    )
    tile = system_with(rows=4, columns=4).tile
    matrix = float_matrix(changed)
    made = layer_on_tiles(network, changed, matrix, tile, 0, lambda *_: np.array([threshold]))
    return made, network


def test_a_column_without_weights_gives_its_bias() -> None:
    for bias in (0.0, 0.25, -0.125):
        layer, network = column_of(0.0, bias, 1e6)
        assert layer.blocks[0].adc_multiplier.tolist() == [0]
        assert layer.blocks[0].adc_shift.tolist() == [62]
        step = network.tensors[network.output].scale
        offset = real_outputs(layer, network, 0, 1e9)
        assert abs(offset - bias) <= 0.51 * step / 2**15
        assert abs(layer.bias[0] - bias / step * 2**15) <= 0.5
    for sign in (-1, 1):
        layer, _ = column_of(0.0, sign * 1e9, 1e6)
        assert layer.bias.tolist() == [sign * 2**30]


def test_a_bias_that_dwarfs_the_weights_takes_a_coarser_step() -> None:
    unit_of = 1 / 32767
    for bias, coarser in ((1.0, False), (1e6, True)):
        layer, network = column_of(1.0, bias, 127 * 100.0)
        multiplier, shift = (
            int(layer.blocks[0].adc_multiplier[0]),
            int(layer.blocks[0].adc_shift[0]),
        )
        unit = unit_of * network.tensors[network.input].scale
        wanted = max(100.0, bias / unit * 256 / 2**29)
        assert (wanted > 100.0) == coarser
        assert 2.0**shift / multiplier == pytest.approx(wanted, rel=2.0**-15)
        assert abs(int(layer.bias[0])) <= 2**29 * (1 + 2.0**-14)
        if coarser:
            assert abs(int(layer.bias[0])) >= 2**29 * (1 - 2.0**-14)
    layer, _ = column_of(1e-20, 1e6, 127 * 100.0)  # no converter step is that coarse
    assert layer.blocks[0].adc_multiplier.tolist() == [0]


def test_calibration_takes_as_many_images_as_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = plain()
    network = quantize(graph, samples(graph, 40))
    sizes = {"first": 3 * 8 * 8, "second": 6 * 4 * 4, "logits": 12}
    for names, size in (
        (["first"], sizes["first"]),
        (["second", "logits"], sizes["second"] + sizes["logits"]),
        (list(sizes), sum(sizes.values())),
    ):
        for budget, images in ((size * 7, 7), (size * 8 - 1, 7), (size - 1, 1), (10**9, 40)):
            monkeypatch.setattr(place, "CALIBRATION_BYTES", budget)
            taken = place.calibration_images(network, names)
            assert isinstance(taken, int)
            assert taken == images
            inputs = place.layer_inputs(network, names)
            exact = run_integer(network, network.calibration_inputs[:images])
            read = {node.inputs[0] for node in network.nodes if node.name in names}
            assert inputs.keys() == read
            for name, values in inputs.items():
                assert np.array_equal(values, exact[name])
    assert place.layer_inputs(network, []) == {}


@pytest.mark.parametrize(("inputs", "fits"), [(4232, True), (4233, False)])
def test_a_program_fits_a_memory_of_its_size(inputs: int, fits: bool) -> None:
    network, _ = dense_layer(np.ones((246, inputs)), np.zeros(246))
    system = system_with()
    small = system.model_copy(update={"memory": system.memory.model_copy(update={"size_mib": 1})})
    plan = place.place(network, resolve_mapping("digital", network), system)
    assert memory_bytes(plan) == 2**20 + (0 if fits else 247)
    if fits:
        check_memory(plan, small)
        return
    with pytest.raises(PlacementError) as caught:
        check_memory(plan, small)
    assert str(caught.value) == (
        f"net on {system.name}: weights and activations take 1 MiB, the memory has 1 MiB\n"
        "  hint: raise system.memory.size_mib"
    )


def test_a_missing_native_module_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "harness._tile", None)
    with pytest.raises(PlacementError) as caught:
        native_mvm()
    assert str(caught.value) == (
        "harness._tile: the native tile module cannot be loaded\n"
        "  hint: install the package with `pip install .`"
    )


def test_no_images_give_no_outputs() -> None:
    graph = plain()
    network = quantize(graph, samples(graph, 4))
    system = system_with()
    plan = place.place(network, resolve_mapping("analog", network), system)
    assert infer_plan(plan, system, network.calibration_inputs[:0]).dtype == np.int8
