"""Clip: clamping to a range; ReLU is one from 0 up."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from harness.operators.integer_node import QNode
from harness.operators.node import Node, OnnxForm
from harness.operators.onnx.reader import OnnxReader
from harness.operators.onnx.value import Activation, Unsupported, Value
from harness.operators.quantization.scales import clamp_bounds
from harness.operators.tensor import Shape

if TYPE_CHECKING:
    from harness.operators.backend.primitives import Array, FloatBackend, IntegerBackend
    from harness.operators.kernel.layer import Context, Fp32Context, Layer
    from harness.operators.onnx.builder import Builder
    from harness.operators.onnx.node import OnnxNode
    from harness.operators.quantization.step import Step, Surroundings


@dataclass(frozen=True, eq=False)
class Clip(Node):
    """Clamp to [low, high]; ReLU is ``Clip(0, inf)``, ReLU6 is ``Clip(0, 6)``."""

    low: float
    high: float

    passes_scale: ClassVar[bool] = True

    def shape_rule(self, inputs: Sequence[Shape], declared: Shape | None) -> Shape:
        if not (self.low <= self.high and self.low < math.inf and self.high > -math.inf):
            raise self.misfit(inputs, f"empty range [{self.low}, {self.high}]")
        return inputs[0]

    def to_onnx(self, output: Shape) -> OnnxForm:
        if (self.low, self.high) == (0.0, math.inf):
            return OnnxForm("Relu")
        bounds = {"low": np.array(self.low, np.float32), "high": np.array(self.high, np.float32)}
        return OnnxForm("Clip", arrays=bounds)

    def is_identity(self, source: Shape, output: Shape) -> bool:
        return (self.low, self.high) == (-math.inf, math.inf)

    def never_negative(self, known: Collection[str]) -> bool:
        return self.low >= 0.0

    def compute(
        self,
        backend: FloatBackend,
        inputs: Sequence[Array],
        shape: Shape,
        parameters: Mapping[str, Array],
    ) -> Array:
        return backend.clip(inputs[0], self.low, self.high)

    def fused_bounds(self) -> tuple[float, float]:
        return self.low, self.high

    def integer_form(self, step: Step, around: Surroundings) -> QNode:
        low, high = clamp_bounds(self.low, self.high, around.output_scale)
        return QClip(self.name, step.inputs, step.output, low, high)


@dataclass(frozen=True, eq=False)
class QClip(QNode):
    """Clamp to [low, high]; the scale passes through."""

    low: int
    high: int

    def compute(self, backend: IntegerBackend, inputs: Sequence[Array], output: Shape) -> Array:
        return backend.clip(inputs[0], self.low, self.high)

    def layer(self, context: Context) -> Layer:
        fields = (
            ("count", str(context.count(self.output))),
            ("low", str(self.low)),
            ("high", str(self.high)),
        )
        return context.layer(self, "aimc_clip", fields, "clamp")

    def layer_fp32(self, context: Fp32Context) -> Layer:
        fields = (("count", str(context.count(self.output))),)
        return context.layer(self, "aimc_clip_fp32", "aimc_clip_fp32", fields, "elementwise")


def read_relu(node: OnnxNode, builder: Builder) -> Value:
    return _read(node, builder, 0.0, math.inf)


def read_clip(node: OnnxNode, builder: Builder) -> Value:
    """Bounds are attributes before opset 11, constant inputs since."""
    if node.opset < 11:
        low, high = node.real("min", -math.inf), node.real("max", math.inf)
    else:
        low, high = _bound(node, 1, -math.inf), _bound(node, 2, math.inf)
    return _read(node, builder, low, high)


def _bound(node: OnnxNode, index: int, default: float) -> float:
    array = node.constant(index)
    if array is None:
        return default
    if array.size != 1 or array.dtype.kind != "f" or np.isnan(array).any():
        raise Unsupported(f"input {index} is no float")
    return float(array.reshape(-1)[0])


def _read(node: OnnxNode, builder: Builder, low: float, high: float) -> Value:
    source = node.activation(0)
    if (low, high) == (-math.inf, math.inf):
        return source
    result = builder.emit(node, Clip("", (builder.elementwise(source),), "", low, high))
    return Activation(result.tensor, source.shape)


ONNX_READERS = {"Clip": OnnxReader(read_clip), "Relu": OnnxReader(read_relu)}
