"""Programmed weights: aihwkit's own numbers, one set of devices over time, and the tile's noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from aihwkit.simulator.tiles.inference_torch import TorchInferenceTile

from harness.accuracy import noise as module
from harness.accuracy.aihwkit_bridge import rpu_config
from harness.accuracy.noise import (
    cell_read_noise_lsb,
    layer_seed,
    program_weights,
    with_noise,
)
from harness.config.load import load_config, load_loop_config
from harness.config.loop_schema import NoiseConfig
from harness.errors import ConfigError
from harness.operators.tensor import FloatArray

DAY_S = 86400.0


def pcm(**values: object) -> NoiseConfig:
    return load_loop_config(
        noise="pcm", overrides=[f"noise.{key}={value}" for key, value in values.items()]
    ).noise


def matrix(rows: int = 60, columns: int = 7, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)


@pytest.mark.parametrize("t_s", [0.0, 1.0, DAY_S])
@pytest.mark.parametrize("g_max", [25.0, 18.0])
def test_weights_are_those_of_aihwkits_tile(t_s: float, g_max: float) -> None:
    """`TorchInferenceTile.program_weights` and `.drift_weights` with the same random numbers."""
    noise = pcm(g_max_microsiemens=g_max)
    weights = matrix()
    config = rpu_config(load_config(system="alpine-hp").system.tile, noise)
    config.forward.is_perfect = True  # an exact read-out for the drift compensation
    tile = TorchInferenceTile(weights.shape[1], weights.shape[0], config)
    tile.set_weights(torch.from_numpy(weights.T.copy()))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(module._hash("program", 5))
        tile.program_weights()
        torch.manual_seed(module._hash("drift", 5, t_s))
        tile.drift_weights(t_s)
    raw = tile.tile.get_weights().numpy()
    largest = np.abs(weights).max(axis=0)
    uncompensated = noise.model_copy(update={"drift_compensation": "none"})
    ours = program_weights(weights, uncompensated, t_s=t_s, seed=5)
    assert np.array_equal(ours, raw.T * largest)
    compensated = program_weights(weights, noise, t_s=t_s, seed=5)
    expected = raw.T * float(tile.alpha) * largest
    np.testing.assert_allclose(compensated, expected, rtol=1e-5)
    assert t_s == 0 or not np.allclose(compensated, ours, rtol=1e-3)


def test_one_seed_is_one_set_of_weights_and_leaves_torch_alone() -> None:
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    first = program_weights(matrix(), pcm(), t_s=DAY_S, seed=1)
    assert torch.equal(torch.rand(3), expected)
    torch.rand(100)
    assert np.array_equal(first, program_weights(matrix(), pcm(), t_s=DAY_S, seed=1))
    assert not np.array_equal(first, program_weights(matrix(), pcm(), t_s=DAY_S, seed=2))
    assert first.dtype == np.float32
    assert first.flags.c_contiguous


def test_drift_follows_one_set_of_devices() -> None:
    """Without read noise a positive device's conductance falls as one power of time."""
    noise = pcm(read_noise_scale=0, drift_compensation="none")
    weights = np.abs(matrix(seed=3)) + np.float32(0.5)
    times = np.array([1e2, 1e4, 1e6, 1e8])
    held = np.stack([program_weights(weights, noise, t_s=t, seed=4) for t in times])
    assert (held > 0).all()
    slopes = np.diff(np.log(held), axis=0) / np.diff(np.log(times + 20.0))[:, None, None]
    nu = -slopes
    assert (nu > 0).all()
    assert 0.04 < nu.mean() < 0.08
    assert nu.std(axis=(1, 2)).min() > 0.005  # every device has its own
    np.testing.assert_allclose(nu[1:], nu[:-1], atol=2e-3)


def test_programming_noise_is_the_same_at_every_time() -> None:
    still = pcm(read_noise_scale=0, drift_scale=0)
    held = [program_weights(matrix(), still, t_s=t, seed=4) for t in (0.0, 1.0, 1e7)]
    np.testing.assert_allclose(held[0], held[1], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(held[0], held[2], rtol=1e-5, atol=1e-7)
    assert not np.allclose(held[0], matrix(), rtol=1e-2)


def test_read_noise_is_drawn_for_each_time() -> None:
    noise = pcm(prog_noise_scale=0, drift_scale=0)
    first, second = (program_weights(matrix(), noise, t_s=t, seed=4) for t in (1e3, 1.001e3))
    difference = (first - second)[np.abs(matrix()) > 0.3]
    assert np.abs(difference).mean() > 0.002


def test_compensation_restores_the_mean_magnitude() -> None:
    weights = matrix(300, 20)
    largest = np.abs(weights).max(axis=0)

    def magnitude(noise: NoiseConfig, t_s: float) -> float:
        return float(np.abs(program_weights(weights, noise, t_s=t_s, seed=1) / largest).mean())

    programmed = magnitude(pcm(drift_scale=0, read_noise_scale=0), 0.0)
    drifted = magnitude(pcm(drift_compensation="none"), 3e7)
    assert drifted < 0.6 * programmed
    assert magnitude(pcm(), 3e7) == pytest.approx(programmed, rel=1e-4)


def test_columns_have_their_own_scale() -> None:
    weights = matrix()
    factors = np.array([1, 2, 0.25, 1, 1024, 2.0**-20, 1], np.float32)
    plain = program_weights(weights, pcm(), t_s=DAY_S, seed=1)
    assert np.array_equal(
        program_weights(weights * factors, pcm(), t_s=DAY_S, seed=1), plain * factors
    )
    weights[:, 2] = 0
    held = program_weights(weights, pcm(), t_s=DAY_S, seed=1)
    assert (held[:, 2] == 0).all()
    assert not program_weights(np.zeros_like(weights), pcm(), t_s=DAY_S, seed=1).any()


def test_no_noise_is_the_weights_themselves() -> None:
    none = load_loop_config(noise="none").noise
    weights = matrix()
    held = program_weights(weights, none, t_s=DAY_S, seed=1)
    assert np.array_equal(held, weights)
    assert held is not weights
    silent = pcm(prog_noise_scale=0, read_noise_scale=0, drift_scale=0)
    np.testing.assert_allclose(
        program_weights(weights, silent, t_s=DAY_S, seed=1), weights, rtol=1e-5
    )


@pytest.mark.parametrize("t_s", [-1.0, np.nan, np.inf])
def test_impossible_times(t_s: float) -> None:
    with pytest.raises(ValueError, match="t_s"):
        program_weights(matrix(), pcm(), t_s=t_s, seed=1)


def test_seeds_of_layers() -> None:
    assert layer_seed(1, "conv1", 0) == 1341996491519966912
    seeds = {
        layer_seed(seed, layer, repetition)
        for seed in range(4)
        for layer in ("a", "b", "a0")
        for repetition in range(4)
    }
    assert len(seeds) == 48
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_output_noise_on_tiles() -> None:
    """The tile presets state LionHeart's output noise in steps of an 8-bit converter, too."""
    system = load_config(system="alpine-hp").system
    noisy = with_noise(system, pcm())
    assert noisy.tile.noise
    assert noisy.tile.output_noise_lsb == pytest.approx(system.tile.output_noise_lsb)
    assert noisy.tile.read_noise_lsb == 0
    assert with_noise(noisy, load_loop_config(noise="none").noise).tile.noise is False
    six = load_config(system="alpine-hp", overrides=["system.tile.adc_bits=6"]).system
    assert with_noise(six, pcm()).tile.output_noise_lsb == pytest.approx(0.06 * 62 / 24)
    cells = with_noise(system, pcm(output_noise=0, cell_read_noise_lsb=3.5)).tile
    assert cells.noise
    assert (cells.output_noise_lsb, cells.read_noise_lsb) == (0, 3.5)


def test_read_noise_as_one_deviation_a_cell() -> None:
    weights = matrix(200, 20)
    values = [cell_read_noise_lsb(weights, pcm(), t_s=t, seed=1) for t in (1.0, DAY_S, 3e7)]
    assert values == sorted(values)
    assert 100 < values[0] < 2000
    half = cell_read_noise_lsb(weights, pcm(read_noise_scale=0.5), t_s=DAY_S, seed=1)
    assert half == pytest.approx(values[1] / 2, rel=0.02)
    assert cell_read_noise_lsb(weights * 0, pcm(), t_s=DAY_S, seed=1) == 0


def test_configuration() -> None:
    assert pcm().name == "pcm"
    assert pcm(t_eval_s=3600).name == "pcm.modified"
    assert pcm(t_eval_s=3600).t_eval_s == 3600
    with pytest.raises(ConfigError, match="did you mean 'pcm'"):
        load_loop_config(noise="pcmm")
    with pytest.raises(ConfigError, match=r"noise\.drift: unknown key"):
        load_loop_config(overrides=["noise.drift=1"])
    with pytest.raises(ConfigError, match="prog_noise_scale"):
        load_loop_config(overrides=["noise.prog_noise_scale=-1"])
    with pytest.raises(ConfigError, match="group of values"):
        load_loop_config(overrides=["noise=none"])
