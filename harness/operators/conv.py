"""Conv: 2-D convolution, in groups or depthwise too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from harness.operators.affine import Affine, narrowed, scaled_weight
from harness.operators.integer_node import QNode, Requant
from harness.operators.matrix import MatrixForm, WeightedNode
from harness.operators.node import Node, OnnxForm, WeightMatrix
from harness.operators.onnx.reader import OnnxReader
from harness.operators.onnx.value import Unsupported, Value
from harness.operators.onnx.weights import read_bias, read_weight
from harness.operators.onnx.window import read_window, require_2d, sum_of_pads, unpadded
from harness.operators.quantization.linear import check_finite, quantize_linear
from harness.operators.tensor import Axes, FloatArray, Int8Array, Int32Array, Pads, Pair, Shape
from harness.operators.window import Window, window_shape
from harness.quantities import shape_text

if TYPE_CHECKING:
    from harness.operators.backend.primitives import Array, FloatBackend, IntegerBackend
    from harness.operators.kernel.layer import Context, Fp32Context, Layer
    from harness.operators.onnx.builder import Builder
    from harness.operators.onnx.node import OnnxNode
    from harness.operators.quantization.step import Step, Surroundings


@dataclass(frozen=True, eq=False)
class Conv(Node):
    """2-D convolution; ``weight`` is [out, in / groups, kh, kw], ``bias`` is [out]."""

    weight: FloatArray
    bias: FloatArray
    stride: Pair = (1, 1)
    pads: Pads = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    input_axes: ClassVar[tuple[Axes, ...]] = ("nchw",)
    trainable: ClassVar[tuple[str, ...]] = ("weight", "bias")
    fuses_clip: ClassVar[bool] = True

    @property
    def window(self) -> Window:
        """The sliding window."""
        kernel = (self.weight.shape[2], self.weight.shape[3])
        return Window(kernel, self.stride, self.pads, self.dilation)

    def shape_rule(self, inputs: Sequence[Shape], declared: Shape | None) -> Shape:
        x, weight = inputs[0], self.weight.shape
        if len(weight) != 4 or min(weight) < 1:
            raise self.misfit([x], f"weight {shape_text(weight)} is not [out, in/groups, kh, kw]")
        if self.groups < 1 or weight[0] % self.groups or x[1] != weight[1] * self.groups:
            raise self.misfit(
                [x],
                f"weight {shape_text(weight)} in {self.groups} groups does not fit the input",
            )
        if self.bias.shape != (weight[0],):
            raise self.misfit(
                [x], f"bias {shape_text(self.bias.shape)} does not fit {weight[0]} outputs"
            )
        return (1, weight[0], *window_shape(self, x, self.window))

    def to_onnx(self, output: Shape) -> OnnxForm:
        attributes = {
            "kernel_shape": list(self.weight.shape[2:]),
            "strides": list(self.stride),
            "pads": list(self.pads),
            "dilations": list(self.dilation),
            "group": self.groups,
        }
        return OnnxForm("Conv", attributes, {"weight": self.weight, "bias": self.bias})

    def followed_by(self, affine: Affine) -> Conv:
        column = affine.scale.reshape(-1, 1, 1, 1)
        return replace(
            self,
            weight=scaled_weight(self, self.weight, column),
            bias=narrowed(self.bias * affine.scale + affine.shift, self),
        )

    def preceded_by(self, affine: Affine) -> Conv | None:
        if any(self.pads) and affine.shift.any():
            return None  # the padding would be shifted, too
        outputs, depth = self.weight.shape[:2]
        # Output channel o reads the input channels of its group only.
        group = np.arange(outputs) // (outputs // self.groups)
        channels = group[:, None] * depth + np.arange(depth)
        taps = self.weight.sum(axis=(2, 3), dtype=np.float64)
        return replace(
            self,
            weight=scaled_weight(self, self.weight, affine.scale[channels][:, :, None, None]),
            bias=narrowed(self.bias + (taps * affine.shift[channels]).sum(axis=1), self),
        )

    def compute(
        self,
        backend: FloatBackend,
        inputs: Sequence[Array],
        shape: Shape,
        parameters: Mapping[str, Array],
    ) -> Array:
        weight, bias = parameters["weight"], parameters["bias"]
        return backend.convolve(inputs[0], weight, bias, self.window, self.groups)

    def weight_matrix(self) -> WeightMatrix:
        rows = prod(self.weight.shape[1:])
        return WeightMatrix(rows, self.weight.shape[0] // self.groups, self.groups)

    def check_weights(self) -> None:
        check_finite(self.weight, self.bias, self.name)

    def integer_form(self, step: Step, around: Surroundings) -> QNode:
        weight_float = np.ascontiguousarray(self.weight.transpose(0, 2, 3, 1), np.float32)
        matrix = weight_float.reshape(weight_float.shape[0], -1)
        weight, bias, requant = quantize_linear(step, matrix, self.bias, around)
        return QConv(
            name=self.name,
            inputs=step.inputs,
            output=step.output,
            weight=weight.reshape(weight_float.shape),
            bias=bias,
            requant=requant,
            stride=self.stride,
            pads=self.pads,
            dilation=self.dilation,
            groups=self.groups,
            weight_float=weight_float,
            bias_float=np.asarray(self.bias, np.float32),
        )


@dataclass(frozen=True, eq=False)
class QConv(WeightedNode):
    """``weight`` int8 [out, kh, kw, in / groups]; ``bias`` int32 [out] in accumulator units.

    ``weight_float`` / ``bias_float`` are the folded float parameters in the same layout,
    from which an analog layer's conductances are made.
    """

    weight: Int8Array
    bias: Int32Array
    requant: Requant
    stride: Pair
    pads: Pads
    dilation: Pair
    groups: int
    weight_float: FloatArray
    bias_float: FloatArray

    @property
    def window(self) -> Window:
        """The sliding window."""
        kernel = (self.weight.shape[1], self.weight.shape[2])
        return Window(kernel, self.stride, self.pads, self.dilation)

    def compute(self, backend: IntegerBackend, inputs: Sequence[Array], output: Shape) -> Array:

        def finish(sums: Array, channels: slice) -> Array:
            return backend.requantize(sums, self.requant, self.bias, channels)

        return backend.convolve(inputs[0], self.weight, self.window, self.groups, finish)

    def macs(self, output: Shape) -> int:
        return prod(output[:-1]) * prod(self.weight.shape)

    def structure(self) -> tuple[object, ...]:
        return (self.stride, self.pads, self.dilation, self.groups)

    def matrix_form(self) -> MatrixForm | None:
        """Of a convolution in one group; rows count (ky, kx, channel)."""
        return MatrixForm(self.weight.shape[1:], self.window) if self.groups == 1 else None

    @property
    def in_channels(self) -> int:
        """Channels of the input map."""
        return int(self.weight.shape[3]) * self.groups

    @property
    def is_depthwise(self) -> bool:
        """Whether each output channel reads one input channel of its own."""
        return self.groups == self.in_channels == self.weight.shape[0] and self.groups > 1

    def _comment(self) -> str:
        kernel_h, kernel_w = self.window.kernel
        outputs = self.weight.shape[0]
        return f"{kernel_h}x{kernel_w} convolution, {self.in_channels} to {outputs} channels"

    def layer(self, context: Context) -> Layer:
        out_channels = self.weight.shape[0]
        window = self.window
        sliding = context.sliding(self, window.kernel, self.stride, self.pads, self.dilation)
        if self.is_depthwise:
            kernel = "aimc_depthwise"
            channels: tuple[tuple[str, str], ...] = (("channels", str(out_channels)),)
            weight = context.depthwise_weight(self.weight, sliding)
            scratch = context.depthwise_scratch_bytes(out_channels, sliding)
        else:
            kernel = "aimc_conv"
            channels = (
                ("in_channels", str(self.in_channels)),
                ("out_channels", str(out_channels)),
                ("groups", str(self.groups)),
            )
            weight = context.conv_weight(self.weight, self.groups, self.dilation[1])
            scratch = context.conv_scratch_bytes(self.weight.shape, self.groups, sliding)
        fields = (
            *sliding.fields(),
            *channels,
            ("weight", weight),
            ("bias", context.channels(self.bias, out_channels)),
            *context.requant(self.requant, out_channels),
        )
        groups = f", {self.groups} groups" if self.groups > 1 else ""
        return context.layer(self, kernel, fields, f"{self._comment()}{groups}", scratch)

    def layer_fp32(self, context: Fp32Context) -> Layer:
        out_channels = self.weight_float.shape[0]
        window = self.window
        sliding = context.sliding(self, window.kernel, self.stride, self.pads, self.dilation)
        bias = context.channels(self.bias_float)
        if self.is_depthwise:
            kernel = "aimc_depthwise_fp32"
            channels: tuple[tuple[str, str], ...] = (("channels", str(out_channels)),)
            weight = context.depthwise_weight(self.weight_float)
            scratch = context.depthwise_scratch_bytes(out_channels, sliding)
        else:
            kernel = "aimc_conv_fp32"
            channels = (
                ("in_channels", str(self.in_channels)),
                ("out_channels", str(out_channels)),
                ("groups", str(self.groups)),
            )
            weight = context.conv_weight(self.weight_float, self.groups, self.dilation[1])
            scratch = context.conv_scratch_bytes(self.in_channels, self.groups, sliding)
        fields = (*sliding.fields(), *channels, ("weight", weight), ("bias", bias))
        return context.layer(self, kernel, kernel, fields, self._comment(), scratch)


def read_conv(node: OnnxNode, builder: Builder) -> Value:
    """A border of zeros that a Pad put around the input becomes padding."""
    weight = read_weight(node)
    require_2d(weight.ndim, "convolution")
    source, border, value = unpadded(node)
    require_2d(len(source.shape), "convolution")
    if value != 0.0:
        raise Unsupported(f"reads a Pad with {value}; only zeros can be folded into it")
    top, left, bottom, right = border
    n, c, h, w = source.shape
    padded = (n, c, h + top + bottom, w + left + right)
    window = read_window(node, weight.shape[2:], padded)
    return builder.emit(
        node,
        Conv(
            "",
            (builder.tensor(source),),
            "",
            weight=weight,
            bias=read_bias(node, 2, weight.shape[0]),
            stride=window.stride,
            pads=sum_of_pads(window.pads, border),
            dilation=window.dilation,
            groups=node.integer("group", 1),
        ),
    )


ONNX_READERS = {"Conv": OnnxReader(read_conv, has_window=True)}
