"""From real scales to the integers of an integer node: multipliers, shifts, clamps."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from harness.operators.integer_node import Requant
from harness.operators.tensor import Int32Array

SHIFT_LIMIT = 31
ADD_MULTIPLIER_BITS = 14
ADD_SHIFT_LIMIT = 30


def fixed_point(ratio: float) -> tuple[int, int]:
    """``(multiplier, shift)`` with ``multiplier * 2**-31 * 2**-shift`` nearest to ``ratio``.

    ``multiplier`` is in [2**30, 2**31) and ``shift`` in [-31, 31].  Ratios outside the range go
    to its ends: there every int32 saturates, or rounds to 0 (below the last one to 1).

    Raises:
        ValueError: ``ratio`` is negative or not finite.
    """
    if not math.isfinite(ratio) or ratio < 0:
        raise ValueError(f"requantization ratio {ratio}")
    if ratio == 0:
        return 1 << 30, SHIFT_LIMIT
    fraction, exponent = math.frexp(ratio)
    multiplier = math.floor(math.ldexp(fraction, 31) + 0.5)
    if multiplier == 1 << 31:
        multiplier, exponent = 1 << 30, exponent + 1
    if -exponent > SHIFT_LIMIT:
        return 1 << 30, SHIFT_LIMIT
    if -exponent < -SHIFT_LIMIT:
        return (1 << 31) - 1, -SHIFT_LIMIT
    return multiplier, -exponent


def make_requant(
    ratios: npt.NDArray[np.float64] | list[float], low: int = -128, high: int = 127
) -> Requant:
    """A requant of one entry a ratio."""
    pairs = [fixed_point(float(ratio)) for ratio in ratios]
    return Requant(
        multiplier=np.array([multiplier for multiplier, _ in pairs], np.int32),
        shift=np.array([shift for _, shift in pairs], np.int32),
        low=low,
        high=high,
    )


def add_multipliers(ratio_a: float, ratio_b: float) -> tuple[tuple[int, int], int]:
    """``((ma, mb), shift)`` of a `QAdd` whose operands are worth ``ratio_*`` output steps."""
    largest = max(ratio_a, ratio_b)
    # The largest multiplier shall use all its bits: largest * 2**shift in [2**13, 2**14).
    shift = ADD_MULTIPLIER_BITS - math.frexp(largest)[1]
    shift = min(max(shift, 1), ADD_SHIFT_LIMIT)
    limit = (1 << ADD_MULTIPLIER_BITS) - 1
    multipliers = [
        min(limit, math.floor(math.ldexp(ratio, shift) + 0.5)) for ratio in (ratio_a, ratio_b)
    ]
    return (multipliers[0], multipliers[1]), shift


def clamp_bounds(low: float, high: float, scale: float) -> tuple[int, int]:
    """The int8 clamp of a real activation [low, high] at ``scale``; infinities allowed."""
    return _bound(low, scale), _bound(high, scale)


def _bound(value: float, scale: float) -> int:
    if math.isinf(value):
        return 127 if value > 0 else -128
    return int(min(127.0, max(-128.0, math.floor(value / scale + 0.5))))


def softmax_table(scale: float) -> npt.NDArray[np.uint16]:
    """``round(65535 * exp(-scale * d))`` for d in 0..255."""
    values = [math.floor(65535 * math.exp(-scale * d) + 0.5) for d in range(256)]
    return np.array(values, np.uint16)


def weight_scales(
    maxima: npt.NDArray[np.float64],
    bias: npt.NDArray[np.float64],
    input_scale: float,
    output_scale: float,
) -> npt.NDArray[np.float64]:
    """One weight scale an output channel, from its largest |weight| and its bias, [out].

    A dead channel (all weights 0) gets the scale at which its accumulator counts 1/256 output
    steps.  A channel whose bias dwarfs its weights gets the scale at which the bias takes 2**30,
    so that int32 has room for both.
    """
    room = np.abs(bias) / input_scale / 2**30
    return np.where(maxima == 0, output_scale / 256 / input_scale, np.maximum(maxima / 127, room))


def quantize_bias(
    bias: npt.NDArray[np.float64], accumulator_scales: npt.NDArray[np.float64]
) -> Int32Array:
    """``bias`` in accumulator steps, limited to 2**30 (far beyond any output's range)."""
    steps = np.floor(bias / accumulator_scales + 0.5)
    return np.clip(steps, -(2.0**30), 2.0**30).astype(np.int32)
