"""The evaluation path's noise has the tile's distribution; where it is off, codes are equal."""

from __future__ import annotations

import numpy as np
import pytest

from harness._tile import mvm_batch
from harness.accuracy.evaluate import Evaluator
from harness.config.load import load_config, load_loop_config
from harness.config.schema import TileConfig
from harness.data.workloads import workload_for
from harness.mapping.resolve import resolve_mapping
from harness.model.load import load_model
from harness.operators.tensor import Int8Array
from harness.placement.place import place
from harness.placement.plan import AnalogLayer
from harness.placement.reference import infer_plan
from harness.quant.quantize import quantize, quantize_input
from tests.accuracy.layers import codes_layer, evaluated_codes, exact_steps, tile_with
from tests.accuracy.statistics import agree, p_value

MVMS = 12_000
ROWS, COLUMNS = 200, 6


def inputs(count: int = MVMS, seed: int = 0) -> Int8Array:
    return np.random.default_rng(seed).integers(-128, 128, (count, ROWS)).astype(np.int8)


def tile_codes(layer: AnalogLayer, tile: TileConfig, x: Int8Array) -> np.ndarray:
    block = layer.blocks[0]
    return mvm_batch(
        x,
        block.conductance,
        block.adc_multiplier,
        block.adc_shift,
        epoch=0,
        first_mvm=0,
        adc_bits=tile.adc_bits,
        dac_bits=tile.dac_bits,
        noise=tile.noise,
        output_noise_lsb=tile.output_noise_lsb,
        read_noise_lsb=tile.read_noise_lsb,
        seed=tile.seed,
    )


@pytest.mark.parametrize(("dac_bits", "adc_bits"), [(8, 8), (5, 8), (8, 6), (3, 4)])
def test_without_noise_codes_are_the_tiles(dac_bits: int, adc_bits: int) -> None:
    """Exact: all of them.  Float32: all but those within 2**-10 steps of a rounding boundary."""
    tile = tile_with(dac_bits=dac_bits, adc_bits=adc_bits, noise=False)
    layer = codes_layer(ROWS, COLUMNS, seed=adc_bits)
    x = inputs()
    expected = tile_codes(layer, tile, x)
    limit = (1 << (adc_bits - 1)) - 1
    assert 0 < (np.abs(expected) == limit).mean() < 0.9
    assert np.array_equal(evaluated_codes(layer, tile, x, exact=True), expected)
    fast = evaluated_codes(layer, tile, x, exact=False)
    dac = 1 << (dac_bits - 1)
    steps = exact_steps(layer, np.clip(x, -dac, dac - 1))
    near = np.abs(steps - np.floor(steps) - 0.5) < 2.0**-10
    assert (fast == expected)[~near].all()
    assert np.abs(fast - expected).max() <= 1
    assert near.mean() < 0.01


NOISES = {
    "output": {"output_noise_lsb": 0.635},
    "cells": {"output_noise_lsb": 0.0, "read_noise_lsb": 150.0},
    "both": {"output_noise_lsb": 0.5, "read_noise_lsb": 100.0},
    "much": {"output_noise_lsb": 9.0},
}


def errors(codes: np.ndarray, layer: AnalogLayer, x: Int8Array) -> list[np.ndarray]:
    """Code minus what the converter saw without noise, a sample a column."""
    return list((codes - exact_steps(layer, x)).T)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("kind", NOISES)
def test_noise_has_the_tiles_distribution(kind: str, exact: bool) -> None:
    """12,000 MVMs a column and side; see `tests.accuracy.statistics` for the tests."""
    tile = tile_with(noise=True, **NOISES[kind])
    layer = codes_layer(ROWS, COLUMNS, seed=1, range_share=4.0)
    expected = errors(tile_codes(layer, tile, inputs()), layer, inputs())
    x = inputs(seed=1)
    found = errors(evaluated_codes(layer, tile, x, exact=exact), layer, x)
    for one, other in zip(expected, found, strict=True):
        assert agree(one, other, comparisons=COLUMNS)


@pytest.mark.parametrize("change", [0.9, 1.1])
def test_another_noise_would_be_noticed(change: float) -> None:
    layer = codes_layer(ROWS, COLUMNS, seed=1, range_share=4.0)
    tile = tile_with(noise=True, output_noise_lsb=0.635)
    expected = errors(tile_codes(layer, tile, inputs()), layer, inputs())
    other = tile_with(noise=True, output_noise_lsb=0.635 * change)
    x = inputs(seed=1)
    found = errors(evaluated_codes(layer, other, x, exact=False), layer, x)
    values = [p_value(one, two) for one, two in zip(expected, found, strict=True)]
    assert all(value * COLUMNS < 1e-4 for value in values)


def test_noise_of_all_codes_is_independent() -> None:
    layer = codes_layer(ROWS, COLUMNS, seed=1, range_share=4.0)
    tile = tile_with(noise=True, output_noise_lsb=2.0)
    x = inputs()
    noise = evaluated_codes(layer, tile, x, exact=False) - exact_steps(layer, x)
    between_columns = np.corrcoef(noise.T) - np.eye(COLUMNS)
    assert np.abs(between_columns).max() < 5 / np.sqrt(MVMS)
    flat = noise[:, 0]
    for lag in (1, 2, 3, 4, 8):
        assert abs(np.corrcoef(flat[lag:], flat[:-lag])[0, 1]) < 5 / np.sqrt(MVMS)


def test_a_networks_outputs_have_the_tiles_distribution() -> None:
    """lenet5, all layers analog, 600 inferences of one image on each side: 60,000 MVMs."""
    workload = workload_for("lenet5")
    assert workload is not None
    graph = load_model("lenet5", checkpoint=workload.checkpoint_path())
    splits = workload.load_splits()
    network = quantize(graph, splits.calibration.images()[:64])
    noise = ["noise=true", "output_noise_lsb=1.5", "read_noise_lsb=60"]
    system = load_config(
        system="alpine-hp", overrides=[f"system.tile.{value}" for value in noise]
    ).system
    images = np.repeat(splits.test.images(0, 1), 600, axis=0)
    plan = place(network, resolve_mapping("analog", network), system)
    inputs = quantize_input(images, network.tensors[network.input].scale)
    expected = infer_plan(plan, system, inputs)
    none = load_loop_config(noise="none").noise
    evaluation = Evaluator(
        network, images, np.zeros(600, np.int64), system=system, noise=none, threads=1
    )
    held = evaluation.conductances(plan.analog, t_s=0.0, seed=1, repetition=0)
    found = evaluation.outputs(held, seed=1)
    assert expected.std(axis=0).min() > 1
    for one, other in zip(expected.T.astype(float), found.T.astype(float), strict=True):
        assert agree(one, other, comparisons=10)
