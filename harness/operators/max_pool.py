"""MaxPool: the maximum of each window; ONNX's GlobalMaxPool is one window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from harness.operators.integer_node import QNode
from harness.operators.node import OnnxForm
from harness.operators.onnx.reader import OnnxReader
from harness.operators.onnx.value import Unsupported, Value
from harness.operators.onnx.window import read_pool_window, require_2d, sum_of_pads, unpadded
from harness.operators.pooling import Pool
from harness.operators.quantization.scales import clamp_bounds
from harness.operators.tensor import Pads, Pair, Shape
from harness.operators.window import Window

if TYPE_CHECKING:
    from harness.operators.backend.primitives import Array, FloatBackend, IntegerBackend
    from harness.operators.kernel.layer import Context, Fp32Context, Layer
    from harness.operators.onnx.builder import Builder
    from harness.operators.onnx.node import OnnxNode
    from harness.operators.quantization.step import Step, Surroundings

_LOWEST = float(np.finfo(np.float32).min)


@dataclass(frozen=True, eq=False)
class MaxPool(Pool):
    """Max pooling; padding never wins (it counts as minus infinity)."""

    passes_scale: ClassVar[bool] = True

    def to_onnx(self, output: Shape) -> OnnxForm:
        return OnnxForm("MaxPool", self.window_attributes())

    def compute(
        self,
        backend: FloatBackend,
        inputs: Sequence[Array],
        shape: Shape,
        parameters: Mapping[str, Array],
    ) -> Array:
        return backend.window_max(inputs[0], self.window)

    def integer_form(self, step: Step, around: Surroundings) -> QNode:
        low, high = clamp_bounds(step.low, step.high, around.output_scale)
        return QMaxPool(
            self.name, step.inputs, step.output, self.kernel, self.stride, self.pads, low, high
        )


@dataclass(frozen=True, eq=False)
class QMaxPool(QNode):
    """Max over the window; the scale passes through; then clamp to [low, high]."""

    kernel: Pair
    stride: Pair
    pads: Pads
    low: int = -128
    high: int = 127

    def compute(self, backend: IntegerBackend, inputs: Sequence[Array], output: Shape) -> Array:
        largest = backend.window_max(inputs[0], Window(self.kernel, self.stride, self.pads))
        return backend.clip(largest, self.low, self.high)

    def layer(self, context: Context) -> Layer:
        fields = (
            *context.sliding(self, self.kernel, self.stride, self.pads).fields(),
            ("channels", str(context.hwc(self.output)[2])),
            ("low", str(self.low)),
            ("high", str(self.high)),
        )
        comment = f"{self.kernel[0]}x{self.kernel[1]} maximum"
        return context.layer(self, "aimc_maxpool", fields, comment)

    def layer_fp32(self, context: Fp32Context) -> Layer:
        fields = (
            *context.sliding(self, self.kernel, self.stride, self.pads).fields(),
            ("channels", str(context.hwc(self.output)[2])),
            ("count_include_pad", "0"),
        )
        comment = f"{self.kernel[0]}x{self.kernel[1]} pooling"
        return context.layer(self, "aimc_maxpool_fp32", "aimc_pool_fp32", fields, comment)


def read_max_pool(node: OnnxNode, builder: Builder) -> Value:
    """A border that a Pad put around the input becomes padding where it cannot win."""
    if any(node.proto.output[1:]):
        raise Unsupported("the output of indices is not supported")
    source, border, value = unpadded(node)
    require_2d(len(source.shape), "pooling")
    window = read_pool_window(node, source, border)
    tensor = builder.tensor(source)
    neutral = value <= _LOWEST or (value == 0.0 and builder.is_non_negative(tensor))
    if any(border) and not neutral:
        raise Unsupported(f"reads a Pad with {value}, which could be the maximum")
    pads = sum_of_pads(window.pads, border)
    return builder.emit(node, MaxPool("", (tensor,), "", window.kernel, window.stride, pads))


def read_global_max_pool(node: OnnxNode, builder: Builder) -> Value:
    source = node.activation(0)
    require_2d(len(source.shape), "pooling")
    kernel = (source.shape[2], source.shape[3])
    return builder.emit(node, MaxPool("", (builder.tensor(source),), "", kernel, (1, 1)))


ONNX_READERS = {
    "GlobalMaxPool": OnnxReader(read_global_max_pool),
    "MaxPool": OnnxReader(read_max_pool, has_window=True, rounds_up=True, optional_outputs=True),
}
