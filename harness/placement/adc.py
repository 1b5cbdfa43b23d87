"""Converter scales: the partial sum of a column that becomes the largest code.

The threshold of a column minimises the mean squared error of its converted partial sums over
calibration samples.  The error has rounding, saturation and, where the tile is noisy, the noise at
the converter, which also grows with the step.  A maximum would let a rare large sum cost all others
their resolution; a fixed percentile would saturate a column whose sums are bounded.

A layer with few samples (a classifier has one per image) has not shown its largest sums.  Its
thresholds are raised towards the optimum for a normal distribution of the same mean and variance.
They are raised by at most the ratio of that optimum to the expected maximum of so few normal
samples.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]

RATIOS = tuple(2.0 ** (-step / 4) for step in range(11))  # of the largest sum: 1 to 0.18
SMALLEST_STEP = 2.0  # conductance-times-input units: the finest that the converter can do
MULTIPLIER_BITS = 16
MIN_SHIFT, MAX_SHIFT = 17, 62


def column_thresholds(sums: Float64Array, adc_bits: int, noise_lsb: float) -> Float64Array:
    """The partial sum that becomes the largest code, per column.

    Args:
        sums: Partial sums of all row blocks over the samples, [samples, columns].
        adc_bits: Width of the code.
        noise_lsb: Standard deviation of the noise at the converter, in steps.

    Returns:
        [columns]; 0 where no sum differs from 0.
    """
    largest = np.abs(sums).max(axis=0)
    codes = (1 << (adc_bits - 1)) - 1
    best = largest.copy()
    best_error = np.full(largest.shape, np.inf)
    for ratio in RATIOS:
        step = np.maximum(largest * ratio / codes, np.finfo(np.float64).tiny)
        restored = np.rint(sums / step)
        np.clip(restored, -codes, codes, out=restored)
        restored *= step
        restored -= sums
        error = np.einsum("ij,ij->j", restored, restored) / len(sums) + (noise_lsb * step) ** 2
        better = error < best_error * (1 - 1e-9)
        best = np.where(better, largest * ratio, best)
        best_error = np.where(better, error, best_error)
    few = few_samples_threshold(
        len(sums), largest, sums.mean(axis=0), sums.std(axis=0), adc_bits, noise_lsb
    )
    thresholds: Float64Array = np.maximum(best, few)
    return thresholds


def few_samples_threshold(
    samples: int,
    largest: Float64Array,
    mean: Float64Array,
    deviation: Float64Array,
    adc_bits: int,
    noise_lsb: float,
) -> Float64Array:
    """The minimum threshold of columns of normal sums with these sample statistics."""
    normal = normal_clip(adc_bits, round(noise_lsb, 6))
    likely = np.abs(mean) + normal * deviation
    expected = math.sqrt(2 * math.log(max(2, samples)))
    return np.minimum(likely, largest * max(1.0, normal / expected))


@lru_cache(maxsize=64)
def normal_clip(adc_bits: int, noise_lsb: float) -> float:
    """The clipping threshold with the least error for normal samples, in deviations."""

    def error(c: float) -> float:
        step = c / ((1 << (adc_bits - 1)) - 1)
        density = math.exp(-c * c / 2) / math.sqrt(2 * math.pi)
        tail = math.erfc(c / math.sqrt(2)) / 2
        return step**2 * (1 / 12 + noise_lsb**2) + 2 * ((1 + c * c) * tail - c * density)

    return min((step / 100 for step in range(50, 900)), key=error)


def converter_scale(step: float) -> tuple[int, int]:
    """``(multiplier, shift)`` with ``code = sum * multiplier / 2**shift``; step below 2**47."""
    fraction, exponent = math.frexp(1 / max(step, SMALLEST_STEP))
    multiplier = math.floor(math.ldexp(fraction, MULTIPLIER_BITS) + 0.5)
    shift = MULTIPLIER_BITS - exponent
    if multiplier == 1 << MULTIPLIER_BITS:
        multiplier, shift = multiplier >> 1, shift - 1
    if shift < MIN_SHIFT:
        return (1 << MULTIPLIER_BITS) - 1, MIN_SHIFT
    if shift > MAX_SHIFT:
        raise ValueError(f"a converter step of {step}")
    return multiplier, shift
