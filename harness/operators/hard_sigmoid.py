"""HardSigmoid and HardSwish: functions of one value, and their table over all int8 values."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from harness.operators.backend.primitives import namespace
from harness.operators.integer_node import QNode
from harness.operators.node import Node, OnnxForm
from harness.operators.onnx.reader import OnnxReader
from harness.operators.onnx.value import Activation, Value
from harness.operators.tensor import Int8Array, Shape

if TYPE_CHECKING:
    from harness.operators.backend.primitives import Array, FloatBackend, IntegerBackend
    from harness.operators.kernel.layer import Context, Fp32Context, Layer
    from harness.operators.onnx.builder import Builder
    from harness.operators.onnx.node import OnnxNode
    from harness.operators.quantization.step import Step, Surroundings

INT8_VALUES = np.arange(-128, 128)


@dataclass(frozen=True, eq=False)
class HardSigmoid(Node):
    """``clip(alpha * x + beta, 0, 1)``."""

    alpha: float
    beta: float

    gates: ClassVar[bool] = False
    """Whether the output is ``x`` times that."""

    def shape_rule(self, inputs: Sequence[Shape], declared: Shape | None) -> Shape:
        if not (math.isfinite(self.alpha) and math.isfinite(self.beta)):
            raise self.misfit(inputs, f"alpha {self.alpha} and beta {self.beta} must be finite")
        return inputs[0]

    def to_onnx(self, output: Shape) -> OnnxForm:
        return OnnxForm("HardSigmoid", {"alpha": self.alpha, "beta": self.beta})

    def never_negative(self, known: Collection[str]) -> bool:
        return not self.gates or self.inputs[0] in known

    def compute(
        self,
        backend: FloatBackend,
        inputs: Sequence[Array],
        shape: Shape,
        parameters: Mapping[str, Array],
    ) -> Array:
        x = inputs[0]
        gate = backend.clip(x * self.alpha + self.beta, 0.0, 1.0)
        return x * gate if self.gates else gate

    def integer_form(self, step: Step, around: Surroundings) -> QNode:
        x = around.input_scales[0] * INT8_VALUES
        y = np.clip(x * self.alpha + self.beta, 0.0, 1.0) * (x if self.gates else 1.0)
        table = np.clip(np.floor(y / around.output_scale + 0.5), -128, 127).astype(np.int8)
        kind = QHardSwish if self.gates else QHardSigmoid
        return kind(self.name, step.inputs, step.output, table, self.alpha, self.beta)


@dataclass(frozen=True, eq=False)
class HardSwish(HardSigmoid):
    """``x * clip(x / 6 + 1/2, 0, 1)`` (Howard et al., "Searching for MobileNetV3", ICCV 2019)."""

    alpha: float = 1 / 6
    beta: float = 0.5

    gates: ClassVar[bool] = True

    def to_onnx(self, output: Shape) -> OnnxForm:
        return OnnxForm("HardSwish")


@dataclass(frozen=True, eq=False)
class QHardSigmoid(QNode):
    """``y = table[x + 128]``; ``table`` is int8 [256], the function's nearest steps, halves up."""

    table: Int8Array
    alpha: float
    beta: float

    gates: ClassVar[bool] = False

    def structure(self) -> tuple[object, ...]:
        return (self.alpha, self.beta)

    def compute(self, backend: IntegerBackend, inputs: Sequence[Array], output: Shape) -> Array:
        x = backend.int64(inputs[0])
        xp = namespace(x)
        entries = xp.take(backend.constant(self.table), xp.reshape(x + 128, (-1,)), axis=0)
        return backend.activation(xp.reshape(entries, x.shape))

    def layer(self, context: Context) -> Layer:
        fields = (
            ("count", str(context.count(self.output))),
            ("table", context.table(self.table, "int8_t")),
        )
        return context.layer(self, "aimc_lookup", fields, "table of an activation")

    def layer_fp32(self, context: Fp32Context) -> Layer:
        name = "aimc_hard_sigmoid_fp32"
        fields = (
            ("count", str(context.count(self.output))),
            ("alpha", f"{np.float32(self.alpha)!s}f"),
            ("beta", f"{np.float32(self.beta)!s}f"),
            ("gates", str(int(self.gates))),
        )
        return context.layer(self, name, name, fields, "elementwise")


@dataclass(frozen=True, eq=False)
class QHardSwish(QHardSigmoid):
    """As `QHardSigmoid`, of `HardSwish`."""

    gates: ClassVar[bool] = True


def read_hard_sigmoid(node: OnnxNode, builder: Builder) -> Value:
    source = node.activation(0)
    alpha, beta = node.real("alpha", 0.2), node.real("beta", 0.5)
    return _emit(node, builder, HardSigmoid("", (builder.elementwise(source),), "", alpha, beta))


def read_hard_swish(node: OnnxNode, builder: Builder) -> Value:
    source = node.activation(0)
    return _emit(node, builder, HardSwish("", (builder.elementwise(source),), ""))


def _emit(node: OnnxNode, builder: Builder, made: HardSigmoid) -> Value:
    return Activation(builder.emit(node, made).tensor, node.activation(0).shape)


ONNX_READERS = {
    "HardSigmoid": OnnxReader(read_hard_sigmoid),
    "HardSwish": OnnxReader(read_hard_swish),
}
