"""Programmed weights: aihwkit's device model applied to a layer's matrix.

The model's classes are used, not formulas of our own.  A matrix is processed as in aihwkit's
inference tile, normalised per column (`program_weights` then `drift_weights`), and the same random
numbers give the same weights.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from aihwkit.inference.compensation.drift import GlobalDriftCompensation

from harness.accuracy.aihwkit_bridge import device_model
from harness.config.loop_schema import NoiseConfig
from harness.config.schema import SystemConfig
from harness.mapping.conductance import conductances_of
from harness.operators.tensor import FloatArray


def layer_seed(seed: int, layer: str, repetition: int) -> int:
    """A seed below 2**63 for one layer and repetition; the same on every machine."""
    return _hash("layer", seed, repetition, layer)


def program_weights(
    weights: FloatArray, noise: NoiseConfig, *, t_s: float, seed: int
) -> FloatArray:
    """Weights as the devices hold them ``t_s`` seconds after programming.

    One seed programs the same devices, with the same drift coefficients, at every ``t_s``; the
    accumulated read noise is drawn separately for each time.  Torch's own random state does not
    change.

    Args:
        weights: float32 [K, N]; a column's largest |weight| is programmed to the largest
            conductance.
        t_s: At least 0, in seconds.

    Returns:
        float32 [K, N] in the unit of ``weights``, with drift compensated if configured.
    """
    if noise.model == "none":
        return np.array(weights, np.float32)
    if not (math.isfinite(t_s) and t_s >= 0):
        raise ValueError(f"t_s is {t_s}")
    model = device_model(noise)
    largest = np.abs(weights).max(axis=0, initial=0)
    scale = np.where(largest == 0, 1, largest).astype(np.float32)
    normalised = torch.from_numpy(np.ascontiguousarray((weights / scale).T, np.float32))
    with torch.no_grad():
        with _seeded(_hash("program", seed)):
            programmed, drift_coefficients = model.apply_programming_noise(normalised)
        with _seeded(_hash("drift", seed, float(t_s))):
            drifted = model.apply_drift_noise(programmed, drift_coefficients, t_s)
        if noise.drift_compensation == "global":
            drifted = drifted * _compensation(programmed, drifted)
    effective: FloatArray = drifted.numpy().T * np.where(largest == 0, 0, scale)
    return np.ascontiguousarray(effective, np.float32)


def cell_read_noise_lsb(weights: FloatArray, noise: NoiseConfig, *, t_s: float, seed: int) -> float:
    """The device model's read noise as one deviation per cell, in steps of a tile's conductance.

    It is the root mean square over the cells of ``weights`` [K, N].  A tile has one deviation for
    all cells, while the model's depends on a device's conductance and age; use it as
    ``noise.cell_read_noise_lsb`` with ``noise.read_noise_scale=0``.
    """
    plain = noise.model_copy(update={"drift_compensation": "none"})
    silent = plain.model_copy(update={"read_noise_scale": 0.0})
    difference = program_weights(weights, plain, t_s=t_s, seed=seed).astype(np.float64)
    quiet = program_weights(weights, silent, t_s=t_s, seed=seed)
    _, unit = conductances_of(quiet)
    used = unit > 0
    if not used.any():
        return 0.0
    steps = (difference - quiet)[:, used] / unit[used]
    return float(np.sqrt((steps**2).mean()))


def with_noise(system: SystemConfig, noise: NoiseConfig) -> SystemConfig:
    """``system`` with tiles that have the converter and cell noise of ``noise``.

    ``output_noise`` over a converter of range ``output_bound`` is, in steps of the tile's ADC,
    ``output_noise * (2**adc_bits - 2) / (2 * output_bound)``.  The tile's own noise settings are
    replaced; its converter widths stay.
    """
    tile = system.tile
    steps = (1 << tile.adc_bits) - 2
    update: dict[str, Any] = {
        "noise": noise.output_noise > 0 or noise.cell_read_noise_lsb > 0,
        "output_noise_lsb": noise.output_noise * steps / (2 * noise.output_bound),
        "read_noise_lsb": noise.cell_read_noise_lsb,
    }
    return system.model_copy(update={"tile": tile.model_copy(update=update)})


def _compensation(programmed: torch.Tensor, drifted: torch.Tensor) -> torch.Tensor:
    """The global factor from an exact read-out of all columns, before and now."""
    compensation = GlobalDriftCompensation()
    # In float64 the mean does not depend on the number of threads.
    reference = compensation.readout(programmed.double())
    factor: torch.Tensor = compensation.apply(drifted.double(), reference)
    return factor.float()


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed torch's global generator, from which aihwkit draws, and restore it afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def _hash(*parts: object) -> int:
    text = "\x1f".join(repr(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1
