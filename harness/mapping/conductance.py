"""Conductances as a tile holds them: int16 steps, and the weight of a column's step."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from harness.operators.tensor import FloatArray

Int16Array: TypeAlias = npt.NDArray[np.int16]
Float64Array: TypeAlias = npt.NDArray[np.float64]

LARGEST_CONDUCTANCE: Final = 32767


def conductances_of(weights: FloatArray) -> tuple[Int16Array, Float64Array]:
    """Conductances int16 [K, N] and the weight of one conductance step per column [N].

    A column's largest |weight| becomes the largest conductance; the step of an all-zero column is
    0.
    """
    largest = np.abs(weights).max(axis=0, initial=0).astype(np.float64)
    unit = largest / LARGEST_CONDUCTANCE
    steps = np.rint(weights / np.where(unit == 0, 1.0, unit))
    return steps.astype(np.int16), unit


def weights_of(steps: Int16Array, scale: FloatArray) -> FloatArray:
    """Effective weights float32 [K, N] of ``steps`` [K, N] with the weight ``scale`` [N] per step.

    `conductances_of` gives the same steps again, if every column with a scale has a largest step.
    """
    with np.errstate(over="ignore"):  # to infinity, which readers refuse
        weights: FloatArray = (steps * scale.astype(np.float64)).astype(np.float32)
    return weights
