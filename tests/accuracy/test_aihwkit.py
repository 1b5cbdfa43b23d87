"""aihwkit's own forward pass agrees with the tile and with the evaluation path.

aihwkit rounds halves to even and computes in floats; its codes are the tile's wherever what the
converter sees is not within 2**-10 steps of a rounding boundary.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from aihwkit.nn import AnalogLinear
from aihwkit.simulator.parameters.enums import NoiseManagementType, RPUDataType

from harness.accuracy.aihwkit_bridge import calibrated_rpu_config, device_model, rpu_config
from harness.accuracy.aihwkit_network import aihwkit_network, set_layer, set_layers
from harness.accuracy.evaluate import Evaluator
from harness.accuracy.noise import with_noise
from harness.config.load import load_config, load_loop_config
from harness.config.schema import TileConfig
from harness.data.workloads import workload_for
from harness.errors import ModelError
from harness.mapping.resolve import resolve_mapping
from harness.model.load import load_model
from harness.operators.tensor import Int8Array
from harness.placement.place import place
from harness.placement.plan import AnalogLayer
from harness.quant.quantize import quantize
from harness.quant.reference import top1
from tests.accuracy.layers import (
    codes_layer,
    dense_network,
    evaluated_codes,
    exact_steps,
    tile_with,
)
from tests.accuracy.statistics import agree, p_value
from tests.accuracy.test_evaluate_noise import MVMS, errors, inputs, tile_codes
from tests.quant.networks import branching

COLUMNS, ROWS = 6, 200


def aihwkit_codes(layer: AnalogLayer, tile: TileConfig, x: Int8Array, seed: int = 1) -> np.ndarray:
    """ADC codes of aihwkit's analog layer, in float64."""
    config = calibrated_rpu_config(tile)
    config.runtime.data_type = RPUDataType.DOUBLE
    config.mapping.max_input_size = config.mapping.max_output_size = 0
    network, node = dense_network(layer)
    analog = AnalogLinear(layer.rows, layer.columns, rpu_config=config)
    set_layer(analog, network, node, layer)
    analog.eval()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        codes = analog(torch.from_numpy(x.astype(np.float64))).numpy()
    assert np.abs(codes - np.rint(codes)).max() < 1e-9
    return np.rint(codes).astype(np.int64)


@pytest.mark.parametrize(("dac_bits", "adc_bits"), [(8, 8), (5, 8), (8, 6), (4, 4)])
def test_without_noise_codes_are_the_tiles(dac_bits: int, adc_bits: int) -> None:
    tile = tile_with(dac_bits=dac_bits, adc_bits=adc_bits, noise=False)
    layer = codes_layer(ROWS, COLUMNS, seed=adc_bits)
    # aihwkit's converters are symmetric: the tile's DAC reaches one step further down.
    x = np.maximum(inputs(), -(1 << (dac_bits - 1)) + 1)
    expected = tile_codes(layer, tile, x)
    limit = (1 << (adc_bits - 1)) - 1
    assert 0 < (np.abs(expected) == limit).mean() < 0.9
    found = aihwkit_codes(layer, tile, x)
    steps = exact_steps(layer, np.minimum(x, (1 << (dac_bits - 1)) - 1))
    near = np.abs(steps - np.floor(steps) - 0.5) < 2.0**-10
    assert (found == expected)[~near].all()
    assert np.abs(found - expected).max() <= 1
    assert near.mean() < 0.01
    assert np.array_equal(evaluated_codes(layer, tile, x, exact=True), expected)


@pytest.mark.parametrize("noise_lsb", [0.3, 0.635, 4.0])
def test_noise_has_one_distribution(noise_lsb: float) -> None:
    """12,000 MVMs a column of each of the three; see `tests.accuracy.statistics`."""
    tile = tile_with(noise=True, output_noise_lsb=noise_lsb)
    layer = codes_layer(ROWS, COLUMNS, seed=1, range_share=4.0)
    draws = [np.maximum(inputs(MVMS, seed), -127) for seed in range(3)]
    ours, tiles, aihwkits = (
        errors(codes, layer, x)
        for codes, x in (
            (evaluated_codes(layer, tile, draws[0], exact=False), draws[0]),
            (tile_codes(layer, tile, draws[1]), draws[1]),
            (aihwkit_codes(layer, tile, draws[2]), draws[2]),
        )
    )
    for one, two, three in zip(ours, tiles, aihwkits, strict=True):
        assert agree(one, two, comparisons=3 * COLUMNS)
        assert agree(one, three, comparisons=3 * COLUMNS)
        assert agree(two, three, comparisons=3 * COLUMNS)
    louder = tile.model_copy(update={"output_noise_lsb": noise_lsb * 1.15})
    other = errors(aihwkit_codes(layer, louder, draws[2]), layer, draws[2])
    values = [p_value(one, two) for one, two in zip(ours, other, strict=True)]
    assert min(values) < 1e-4


def test_a_network_on_aihwkits_layers() -> None:
    """lenet5: the same classes without noise, the same accuracy with it."""
    workload = workload_for("lenet5")
    assert workload is not None
    graph = load_model("lenet5", checkpoint=workload.checkpoint_path())
    splits = workload.load_splits()
    network = quantize(graph, splits.calibration.images()[:64])
    images, labels = splits.test.images(), splits.test.labels.astype(np.int64)
    noise = load_loop_config(noise="pcm").noise
    quiet = load_config(system="alpine-hp").system
    mapping = resolve_mapping("analog", network)

    def classes(system_noise: bool, seed: int) -> tuple[np.ndarray, np.ndarray]:
        system = with_noise(quiet, noise) if system_noise else quiet
        loud = noise.model_copy(update={"prog_noise_scale": 3.0})
        evaluation = Evaluator(network, images, labels, system=system, noise=loud, threads=1)
        held = evaluation.conductances(mapping.analog, t_s=86400.0, seed=seed, repetition=0)
        ours = top1(evaluation.outputs(held, seed=seed))
        plan = place(network, replace(mapping, conductances=held), system)
        module = aihwkit_network(graph, plan.analog, calibrated_rpu_config(system.tile))
        set_layers(module, network, plan.analog)
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            theirs = module(torch.from_numpy(images)).numpy().argmax(axis=1)
        return ours, theirs

    ours, theirs = classes(False, 1)
    assert (ours == theirs).mean() > 0.97
    pairs = [classes(True, seed) for seed in range(6)]
    accuracies = np.array([[(one == labels).mean() for one in pair] for pair in pairs])
    assert accuracies.std(axis=0).min() > 0.002
    # The devices are the same, so accuracies agree one by one.
    assert np.abs(accuracies[:, 0] - accuracies[:, 1]).max() < 0.02


def test_the_configuration_that_aihwkit_converts_networks_with() -> None:
    noise = load_loop_config(
        noise="pcm", overrides=["noise.g_max_microsiemens=20", "noise.drift_scale=0.5"]
    ).noise
    tile = with_noise(load_config(system="alpine-hp").system, noise).tile
    config = rpu_config(tile, noise)
    forward = config.forward
    assert forward.out_noise == pytest.approx(0.06)
    assert (forward.inp_res, forward.out_res, forward.out_bound) == (254, 254, 12.0)
    assert forward.noise_management == NoiseManagementType.ABS_MAX
    assert (config.mapping.max_input_size, config.mapping.max_output_size) == (256, 256)
    model = config.noise_model
    assert model == device_model(noise)
    assert (model.g_max, model.drift_scale, model.prog_noise_scale) == (20, 0.5, 1)
    assert config.modifier.std_dev == 0.08
    assert config.drift_compensation is not None
    none = load_loop_config(noise="none").noise
    assert rpu_config(tile, none).drift_compensation is None
    assert rpu_config(tile_with(noise=False), noise).forward.out_noise == 0


def test_layers_that_aihwkit_does_not_have() -> None:
    graph = branching()
    config = calibrated_rpu_config(tile_with())
    for name in ("grouped", "max"):
        with pytest.raises(ModelError, match=name):
            aihwkit_network(graph, [name], config)
