"""Sub, Mul and Div with a constant per channel; two computed tensors are refused.

They become a batch normalization by nothing, which folding merges into its neighbours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.operators.batch_norm import BatchNorm
from harness.operators.onnx.reader import OnnxReader
from harness.operators.onnx.value import (
    Activation,
    Array,
    Constant,
    Unsupported,
    Value,
    real_array,
)
from harness.operators.tensor import FloatArray
from harness.quantities import shape_text

if TYPE_CHECKING:
    from harness.operators.onnx.builder import Builder
    from harness.operators.onnx.node import OnnxNode


@dataclass(frozen=True)
class ConstantOperand:
    """A computed tensor and the constant that an operator combines it with."""

    source: Activation
    constant: Array
    is_left: bool  # the constant is the first operand

    def values(self) -> FloatArray:
        """The constant as [c] or [1].

        Raises:
            Unsupported: It varies along another axis than the channels, or is no finite float.
        """
        return real_array(_per_channel(self.constant, self.source), "the constant")


def constant_operand(node: OnnxNode) -> ConstantOperand | None:
    """The operands of ``node``; None if both are computed.

    Raises:
        Unsupported: The other one is a constant too.
    """
    left, right = node.value(0), node.value(1)
    if isinstance(left, Constant):
        return ConstantOperand(node.activation(1), left.array, True)
    if isinstance(right, Constant):
        return ConstantOperand(node.activation(0), right.array, False)
    return None


def _required_operand(node: OnnxNode) -> ConstantOperand:
    operand = constant_operand(node)
    if operand is None:
        raise Unsupported("of two computed tensors is not supported")
    return operand


def _per_channel(constant: Array, source: Activation) -> Array:
    rank = len(source.shape)
    if constant.size == 1 and constant.ndim <= rank:
        return constant.reshape(1)
    aligned = (1,) * (rank - constant.ndim) + constant.shape
    fits = len(aligned) == rank and aligned[0] == 1 and rank in (2, 4)
    if fits and aligned[1] == source.shape[1] and all(size == 1 for size in aligned[2:]):
        return constant.reshape(-1)
    raise Unsupported(
        f"the constant {shape_text(constant.shape)} is neither one value nor one per channel"
    )


def scale_and_shift(
    node: OnnxNode,
    builder: Builder,
    source: Activation,
    *,
    scale: FloatArray | None = None,
    shift: FloatArray | None = None,
) -> Activation:
    """``source * scale + shift``, each [c] or [1]; None: 1 and 0.

    Raises:
        Unsupported: A constant per channel of a tensor that is neither [n, c] nor [n, c, h, w].
    """
    scale = np.ones(1, np.float32) if scale is None else scale
    shift = np.zeros(1, np.float32) if shift is None else shift
    if (scale == 1.0).all() and (shift == 0.0).all():
        return source
    if len(source.shape) in (2, 4):
        return _normalization(node, builder, source, scale, shift)
    if scale.size != 1 or shift.size != 1:
        raise Unsupported("a constant per channel needs [N, C] or [N, C, H, W]")
    row = Activation(source.tensor, (1, math.prod(source.shape)))
    return Activation(_normalization(node, builder, row, scale, shift).tensor, source.shape)


def _normalization(
    node: OnnxNode, builder: Builder, source: Activation, scale: FloatArray, shift: FloatArray
) -> Activation:
    channels = source.shape[1]
    return builder.emit(
        node,
        BatchNorm(
            "",
            (builder.tensor(source),),
            "",
            scale=_for_all(scale, channels),
            offset=_for_all(shift, channels),
            mean=np.zeros(channels, np.float32),
            variance=np.ones(channels, np.float32),
            epsilon=0.0,
        ),
    )


def _for_all(array: Array, channels: int) -> FloatArray:
    return np.ascontiguousarray(np.broadcast_to(array.reshape(-1), (channels,)), np.float32)


def read_sub(node: OnnxNode, builder: Builder) -> Value:
    operand = _required_operand(node)
    values = operand.values()
    if operand.is_left:
        return scale_and_shift(
            node, builder, operand.source, scale=-np.ones(1, np.float32), shift=values
        )
    return scale_and_shift(node, builder, operand.source, shift=-values)


def read_mul(node: OnnxNode, builder: Builder) -> Value:
    operand = _required_operand(node)
    return scale_and_shift(node, builder, operand.source, scale=operand.values())


def read_div(node: OnnxNode, builder: Builder) -> Value:
    operand = _required_operand(node)
    values = operand.values()
    if operand.is_left or not values.all():
        raise Unsupported("divides by zero or by a computed tensor")
    with np.errstate(over="ignore"):
        reciprocal = real_array(np.ones(1, np.float32) / values, "the reciprocal")
    return scale_and_shift(node, builder, operand.source, scale=reciprocal)


ONNX_READERS = {
    "Div": OnnxReader(read_div),
    "Mul": OnnxReader(read_mul),
    "Sub": OnnxReader(read_sub),
}
