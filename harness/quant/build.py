"""One integer node from one lowered step and the scales around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.errors import QuantError
from harness.model.graph import (
    Add,
    AvgPool,
    Clip,
    Concat,
    Conv,
    Dense,
    GlobalAvgPool,
    MaxPool,
    Reshape,
    Softmax,
)
from harness.quant.lower import Step
from harness.quant.program import (
    FloatArray,
    Int8Array,
    Int32Array,
    QAdd,
    QAvgPool,
    QClip,
    QConcat,
    QConv,
    QDense,
    QMaxPool,
    QNode,
    QReshape,
    QSoftmax,
    Requant,
)
from harness.quant.scales import (
    add_multipliers,
    clamp_bounds,
    make_requant,
    quantize_bias,
    softmax_table,
    weight_scales,
)

SOFTMAX_CHANNELS = 1 << 15  # twice the sum of so many uint16 fits uint32
PIECE_WEIGHTS = 1 << 22


@dataclass(frozen=True)
class Surroundings:
    """What a step meets: its inputs' shapes (NCHW or NC) and scales, its output's scale."""

    input_shapes: tuple[tuple[int, ...], ...]
    input_scales: tuple[float, ...]
    output_scale: float


def build_node(step: Step, around: Surroundings) -> QNode:
    """The integer form of ``step``.

    Raises:
        QuantError: Its accumulator may overflow int32, or its shape has no integer form.
    """
    node, inputs, output = step.node, step.inputs, step.output
    low, high = clamp_bounds(step.low, step.high, around.output_scale)
    match node:
        case Conv():
            return _conv(step, node, around)
        case Dense():
            return _dense(step, node, around)
        case MaxPool():
            return QMaxPool(
                node.name, inputs, output, node.kernel, node.stride, node.pads, low, high
            )
        case AvgPool():
            table = _count_table(around, node.kernel[0] * node.kernel[1], low, high)
            return QAvgPool(
                node.name,
                inputs,
                output,
                node.kernel,
                node.stride,
                node.pads,
                node.count_include_pad,
                table,
            )
        case GlobalAvgPool():
            h, w = around.input_shapes[0][2:]
            table = _count_table(around, h * w, low, high)
            return QAvgPool(node.name, inputs, output, (h, w), (1, 1), (0, 0, 0, 0), False, table)
        case Add():
            a, b = (scale / around.output_scale for scale in around.input_scales)
            multipliers, shift = add_multipliers(a, b)
            return QAdd(node.name, inputs, output, multipliers, shift, low, high)
        case Concat():
            requants = tuple(
                None
                if scale == around.output_scale
                else make_requant([scale / around.output_scale])
                for scale in around.input_scales
            )
            return QConcat(node.name, inputs, output, requants)
        case Clip():
            low, high = clamp_bounds(node.low, node.high, around.output_scale)
            return QClip(node.name, inputs, output, low, high)
        case Reshape():
            return QReshape(node.name, inputs, output)
        case Softmax():
            return _softmax(step, around)
        case _:
            raise QuantError(f"{type(node).__name__} has no integer form", where=node.name)


def _conv(step: Step, node: Conv, around: Surroundings) -> QConv:
    weight_float = np.ascontiguousarray(node.weight.transpose(0, 2, 3, 1), np.float32)
    matrix = weight_float.reshape(weight_float.shape[0], -1)
    weight, bias, requant = _linear(step, matrix, node.bias, around)
    return QConv(
        name=node.name,
        inputs=step.inputs,
        output=step.output,
        weight=weight.reshape(weight_float.shape),
        bias=bias,
        requant=requant,
        stride=node.stride,
        pads=node.pads,
        dilation=node.dilation,
        groups=node.groups,
        weight_float=weight_float,
        bias_float=np.asarray(node.bias, np.float32),
    )


def _dense(step: Step, node: Dense, around: Surroundings) -> QDense:
    matrix = np.ascontiguousarray(node.weight, np.float32)
    source = around.input_shapes[0]
    if len(source) == 4 and source[1] > 1 and source[2] * source[3] > 1:
        c, h, w = source[1:]
        by_channel = matrix.reshape(-1, c, h * w).transpose(0, 2, 1)
        matrix = np.ascontiguousarray(by_channel).reshape(matrix.shape)
    weight, bias, requant = _linear(step, matrix, node.bias, around)
    return QDense(
        name=node.name,
        inputs=step.inputs,
        output=step.output,
        weight=weight,
        bias=bias,
        requant=requant,
        weight_float=matrix,
        bias_float=np.asarray(node.bias, np.float32),
    )


def _softmax(step: Step, around: Surroundings) -> QSoftmax:
    channels = step.shape[1]
    if len(step.shape) != 2 or channels > SOFTMAX_CHANNELS:
        raise QuantError(
            f"Softmax over shape {list(step.shape)}",
            where=step.node.name,
            hint=f"only [1, c] with c up to {SOFTMAX_CHANNELS} has an integer form",
        )
    table = softmax_table(around.input_scales[0])
    return QSoftmax(step.node.name, step.inputs, step.output, table)


def _count_table(around: Surroundings, largest: int, low: int, high: int) -> Requant:
    ratio = around.input_scales[0] / around.output_scale
    return make_requant([0.0, *(ratio / count for count in range(1, largest + 1))], low, high)


def _linear(
    step: Step, matrix: FloatArray, bias: FloatArray, around: Surroundings
) -> tuple[Int8Array, Int32Array, Requant]:
    """int8 weights [out, k], int32 biases and the requant of a matrix [out, k]."""
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


def _quantize_weight(
    matrix: FloatArray, per_channel: npt.NDArray[np.float64]
) -> tuple[Int8Array, npt.NDArray[np.int64]]:
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
