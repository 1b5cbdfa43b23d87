"""Weights, biases and requantization of a layer that is sums of products."""

from __future__ import annotations

import math

import numpy as np

from harness.errors import QuantError
from harness.operators.integer_node import Requant
from harness.operators.quantization.scales import (
    clamp_bounds,
    make_requant,
    quantize_bias,
    weight_scales,
)
from harness.operators.quantization.step import Step, Surroundings
from harness.operators.tensor import Float64Array, FloatArray, Int8Array, Int32Array, Int64Array

PIECE_WEIGHTS = 1 << 22


def check_finite(weight: FloatArray, bias: FloatArray, name: str) -> None:
    """
    Raises:
        QuantError: The layer ``name`` has a weight or bias that is not finite.
    """
    extremes = (weight.min(initial=0), weight.max(initial=0))  # NaN reaches both
    if not all(math.isfinite(value) for value in extremes):
        raise QuantError("weights that are not finite", where=name)
    if not np.isfinite(bias).all():
        raise QuantError("biases that are not finite", where=name)


def quantize_linear(
    step: Step, matrix: FloatArray, bias: FloatArray, around: Surroundings
) -> tuple[Int8Array, Int32Array, Requant]:
    """int8 weights [out, k], int32 biases and the requant of a matrix [out, k].

    Raises:
        QuantError: An accumulator may overflow int32.
    """
    input_scale, output_scale = around.input_scales[0], around.output_scale
    maxima = np.maximum(matrix.max(axis=1, initial=0), -matrix.min(axis=1, initial=0))
    wide_bias = bias.astype(np.float64)
    per_channel = weight_scales(maxima.astype(np.float64), wide_bias, input_scale, output_scale)
    weight, magnitudes = _quantize_weight(matrix, per_channel)
    accumulator_scales = per_channel * input_scale
    integer_bias = quantize_bias(wide_bias, accumulator_scales)
    largest = magnitudes * 128 + np.abs(integer_bias.astype(np.int64))
    if int(largest.max(initial=0)) > 2**31 - 1:
        raise QuantError(
            f"the accumulator of output channel {int(largest.argmax())} may reach "
            f"{int(largest.max())}, beyond int32 ({matrix.shape[1]} products)",
            where=step.node.name,
            hint="split the layer: about 130 000 products of large weights fit",
        )
    low, high = clamp_bounds(step.low, step.high, output_scale)
    return weight, integer_bias, make_requant(accumulator_scales / output_scale, low, high)


def _quantize_weight(matrix: FloatArray, per_channel: Float64Array) -> tuple[Int8Array, Int64Array]:
    """int8 [out, k] and the sum of magnitudes of each row; bounded extra memory."""
    weight = np.empty(matrix.shape, np.int8)
    magnitudes = np.empty(matrix.shape[0], np.int64)
    rows = max(1, PIECE_WEIGHTS // max(1, matrix.shape[1]))
    for start in range(0, matrix.shape[0], rows):
        piece = slice(start, start + rows)
        steps = np.rint(matrix[piece].astype(np.float64) / per_channel[piece, None])
        weight[piece] = np.clip(steps, -127, 127)
        magnitudes[piece] = np.abs(steps).sum(axis=1).astype(np.int64)
    return weight, magnitudes
