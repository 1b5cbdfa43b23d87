"""Concat: tensors side by side along the channel axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from harness.operators.backend.primitives import namespace
from harness.operators.integer_node import QNode, Requant
from harness.operators.kernel.layer import Layer, ProgramContext
from harness.operators.node import Node, OnnxForm
from harness.operators.onnx.reader import OnnxReader, axis_attribute
from harness.operators.onnx.value import Unsupported, Value, normal_axis
from harness.operators.quantization.scales import make_requant
from harness.operators.tensor import Shape

if TYPE_CHECKING:
    from harness.operators.backend.primitives import Array, FloatBackend, IntegerBackend
    from harness.operators.kernel.layer import Context, Fp32Context
    from harness.operators.onnx.builder import Builder
    from harness.operators.onnx.node import OnnxNode
    from harness.operators.quantization.step import Step, Surroundings


@dataclass(frozen=True, eq=False)
class Concat(Node):
    """Concatenation along the channel axis (1)."""

    input_count: ClassVar[int | None] = None
    imposes_scale: ClassVar[bool] = True
    keeps_non_negative: ClassVar[bool] = True

    def shape_rule(self, inputs: Sequence[Shape], declared: Shape | None) -> Shape:
        first = inputs[0]
        if any(len(x) != len(first) or x[2:] != first[2:] for x in inputs):
            raise self.misfit(inputs, "inputs may differ in channels only")
        return (1, sum(x[1] for x in inputs), *first[2:])

    def to_onnx(self, output: Shape) -> OnnxForm:
        return OnnxForm("Concat", {"axis": 1})

    def is_identity(self, source: Shape, output: Shape) -> bool:
        return len(self.inputs) == 1

    def compute(
        self,
        backend: FloatBackend,
        inputs: Sequence[Array],
        shape: Shape,
        parameters: Mapping[str, Array],
    ) -> Array:
        return namespace(inputs[0]).concat(list(inputs), axis=-1)

    def integer_form(self, step: Step, around: Surroundings) -> QNode:
        """Inputs that have the output's scale are copied."""
        requants = tuple(
            None if scale == around.output_scale else make_requant([scale / around.output_scale])
            for scale in around.input_scales
        )
        return QConcat(self.name, step.inputs, step.output, requants)


@dataclass(frozen=True, eq=False)
class QConcat(QNode):
    """Channel concatenation; ``requants`` has one per-tensor entry per input.

    An entry is ``None`` where the input already has the output's scale (a copy).
    """

    requants: tuple[Requant | None, ...]

    def compute(self, backend: IntegerBackend, inputs: Sequence[Array], output: Shape) -> Array:
        parts = [
            part if requant is None else backend.requantize(part, requant)
            for part, requant in zip(inputs, self.requants, strict=True)
        ]
        return namespace(parts[0]).concat(parts, axis=-1)

    def layer(self, context: Context) -> Layer:
        height, width, channels = context.hwc(self.output)
        rows = []
        for name, requant in zip(self.inputs, self.requants, strict=True):
            count = context.hwc(name)[2]
            scaling = (
                f".multiplier = {int(requant.multiplier[0])}, .shift = {int(requant.shift[0])}, "
                f".low = {requant.low}, .high = {requant.high}"
                if requant is not None
                else ".multiplier = 0, .shift = 0, .low = -128, .high = 127"
            )
            rows.append(f"{{.channels = {count}, {scaling}}}")
        fields = (
            ("pixels", str(height * width)),
            ("inputs", str(len(rows))),
            ("input", f"{self.name}_inputs"),
        )
        call = self._call("aimc_concat", "int8_t", context)
        comment = f"concatenation to {channels} channels"
        return Layer(self.name, "aimc_concat", fields, call, comment, concat_inputs=tuple(rows))

    def layer_fp32(self, context: Fp32Context) -> Layer:
        height, width, _ = context.hwc(self.output)
        channels = np.array([context.hwc(name)[2] for name in self.inputs], "<i4")
        fields = (
            ("pixels", str(height * width)),
            ("inputs", str(len(self.inputs))),
            ("channels", context.pointer(channels.tobytes(), "int32_t")),
        )
        call = self._call("aimc_concat_fp32", "float", context)
        return Layer(self.name, "aimc_concat_fp32", fields, call, "concatenation")

    def _call(self, function: str, c_type: str, context: ProgramContext) -> str:
        """The call of a kernel that takes its inputs as an array of pointers."""
        inputs = ", ".join(context.buffers[name] for name in self.inputs)
        return (
            f"{function}(&{self.name}_layer, (const {c_type}* const[]){{{inputs}}}, "
            f"{context.buffers[self.output]})"
        )


def read_concat(node: OnnxNode, builder: Builder) -> Value:
    parts = [node.activation(index) for index in range(len(node.inputs))]
    rank = len(parts[0].shape)
    axis = normal_axis(node.integer("axis", 1), rank)
    if len(parts) == 1:
        return parts[0]
    if axis != 1 or rank not in (2, 4):
        raise Unsupported(f"axis {axis} is not supported, only the channels (1)")
    tensors = tuple(builder.tensor(part) for part in parts)
    return builder.emit(node, Concat("", tensors, ""))


ONNX_READERS = {"Concat": OnnxReader(read_concat, mixed_axes=axis_attribute)}
