"""Add: the elementwise sum of two tensors of one shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.operators.integer_node import QNode
from harness.operators.node import Node, OnnxForm
from harness.operators.onnx.reader import OnnxReader
from harness.operators.onnx.value import Activation, Unsupported, Value
from harness.operators.quantization.scales import add_multipliers, clamp_bounds
from harness.operators.sub_mul_div import constant_operand, scale_and_shift
from harness.operators.tensor import Shape

if TYPE_CHECKING:
    from harness.operators.backend.primitives import Array, FloatBackend, IntegerBackend
    from harness.operators.kernel.layer import Context, Fp32Context, Layer
    from harness.operators.onnx.builder import Builder
    from harness.operators.onnx.node import OnnxNode
    from harness.operators.quantization.step import Step, Surroundings


@dataclass(frozen=True, eq=False)
class Add(Node):
    """Elementwise sum of two tensors of one shape."""

    input_count: ClassVar[int | None] = 2
    fuses_clip: ClassVar[bool] = True
    keeps_non_negative: ClassVar[bool] = True

    def shape_rule(self, inputs: Sequence[Shape], declared: Shape | None) -> Shape:
        if inputs[0] != inputs[1]:
            raise self.misfit(inputs, "both inputs must have one shape")
        return inputs[0]

    def to_onnx(self, output: Shape) -> OnnxForm:
        return OnnxForm("Add")

    def compute(
        self,
        backend: FloatBackend,
        inputs: Sequence[Array],
        shape: Shape,
        parameters: Mapping[str, Array],
    ) -> Array:
        return inputs[0] + inputs[1]

    def integer_form(self, step: Step, around: Surroundings) -> QNode:
        a, b = (scale / around.output_scale for scale in around.input_scales)
        multipliers, shift = add_multipliers(a, b)
        low, high = clamp_bounds(step.low, step.high, around.output_scale)
        return QAdd(self.name, step.inputs, step.output, multipliers, shift, low, high)


@dataclass(frozen=True, eq=False)
class QAdd(QNode):
    """``clamp((a * multipliers[0] + b * multipliers[1] + (1 << (shift - 1))) >> shift)``.

    Multipliers are in [0, 2**14), 1 <= shift <= 30, so that the sum fits int32.
    """

    multipliers: tuple[int, int]
    shift: int
    low: int = -128
    high: int = 127

    def compute(self, backend: IntegerBackend, inputs: Sequence[Array], output: Shape) -> Array:
        total = backend.sums(inputs[0]) * self.multipliers[0]
        total += backend.sums(inputs[1]) * self.multipliers[1]
        rounded = backend.shift_right(total, self.shift)
        return backend.activation(backend.clip(rounded, self.low, self.high))

    def layer(self, context: Context) -> Layer:
        fields = (
            ("count", str(context.count(self.output))),
            ("multiplier_a", str(self.multipliers[0])),
            ("multiplier_b", str(self.multipliers[1])),
            ("shift", str(self.shift)),
            ("low", str(self.low)),
            ("high", str(self.high)),
        )
        return context.layer(self, "aimc_add", fields, "sum")

    def layer_fp32(self, context: Fp32Context) -> Layer:
        fields = (("count", str(context.count(self.output))),)
        return context.layer(self, "aimc_add_fp32", "aimc_add_fp32", fields, "elementwise")


def read_add(node: OnnxNode, builder: Builder) -> Value:
    """Of two computed tensors, or with a constant per channel."""
    operand = constant_operand(node)
    if operand is None:
        return _sum(node, builder, node.activation(0), node.activation(1))
    return scale_and_shift(node, builder, operand.source, shift=operand.values())


def read_sum(node: OnnxNode, builder: Builder) -> Value:
    """Of any number of tensors of one shape."""
    total = node.activation(0)
    for index in range(1, len(node.inputs)):
        total = _sum(node, builder, total, node.activation(index))
    return total


def _sum(node: OnnxNode, builder: Builder, left: Activation, right: Activation) -> Activation:
    if left.shape != right.shape:
        raise Unsupported("adds tensors of different shapes")
    inputs = (builder.elementwise(left), builder.elementwise(right))
    return Activation(builder.emit(node, Add("", inputs, "")).tensor, left.shape)


ONNX_READERS = {"Add": OnnxReader(read_add), "Sum": OnnxReader(read_sum)}
