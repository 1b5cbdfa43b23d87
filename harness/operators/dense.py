"""Dense: a fully connected layer; ONNX's Gemm and MatMul with constant weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from harness.operators.affine import Affine, narrowed, row_pieces, scaled_weight
from harness.operators.backend.primitives import namespace
from harness.operators.integer_node import QNode, Requant
from harness.operators.matrix import MatrixForm, WeightedNode
from harness.operators.node import Node, OnnxForm, WeightMatrix
from harness.operators.onnx.reader import OnnxReader
from harness.operators.onnx.value import Activation, Unsupported, Value, real_array
from harness.operators.onnx.weights import read_weight
from harness.operators.quantization.linear import check_finite, quantize_linear
from harness.operators.tensor import Axes, Float64Array, FloatArray, Int8Array, Int32Array, Shape
from harness.quantities import shape_text

if TYPE_CHECKING:
    from harness.operators.backend.primitives import Array, FloatBackend, IntegerBackend
    from harness.operators.kernel.layer import Context, Fp32Context, Layer
    from harness.operators.onnx.builder import Builder
    from harness.operators.onnx.node import OnnxNode
    from harness.operators.quantization.step import Step, Surroundings


@dataclass(frozen=True, eq=False)
class Dense(Node):
    """Fully connected layer on [1, in]; ``weight`` is [out, in], ``bias`` is [out]."""

    weight: FloatArray
    bias: FloatArray

    input_axes: ClassVar[tuple[Axes, ...]] = ("nc",)
    trainable: ClassVar[tuple[str, ...]] = ("weight", "bias")
    reads_any_shape: ClassVar[bool] = True
    fuses_clip: ClassVar[bool] = True

    def shape_rule(self, inputs: Sequence[Shape], declared: Shape | None) -> Shape:
        x, weight = inputs[0], self.weight.shape
        if len(weight) != 2 or min(weight) < 1 or weight[1] != x[1]:
            raise self.misfit([x], f"weight {shape_text(weight)} does not fit the input")
        if self.bias.shape != (weight[0],):
            raise self.misfit(
                [x], f"bias {shape_text(self.bias.shape)} does not fit {weight[0]} outputs"
            )
        return (1, weight[0])

    def to_onnx(self, output: Shape) -> OnnxForm:
        return OnnxForm("Gemm", {"transB": 1}, {"weight": self.weight, "bias": self.bias})

    def followed_by(self, affine: Affine) -> Dense:
        return replace(
            self,
            weight=scaled_weight(self, self.weight, affine.scale.reshape(-1, 1)),
            bias=narrowed(self.bias * affine.scale + affine.shift, self),
        )

    def preceded_by(self, affine: Affine) -> Dense:
        shift = [
            self.weight[rows].astype(np.float64) @ affine.shift for rows in row_pieces(self.weight)
        ]
        offset: Float64Array = np.concatenate(shift)
        return replace(
            self,
            weight=scaled_weight(self, self.weight, affine.scale[None]),
            bias=narrowed(offset + self.bias, self),
        )

    def compute(
        self,
        backend: FloatBackend,
        inputs: Sequence[Array],
        shape: Shape,
        parameters: Mapping[str, Array],
    ) -> Array:
        return backend.linear(inputs[0], parameters["weight"], parameters["bias"])

    def weight_matrix(self) -> WeightMatrix:
        return WeightMatrix(self.weight.shape[1], self.weight.shape[0])

    def check_weights(self) -> None:
        check_finite(self.weight, self.bias, self.name)

    def integer_form(self, step: Step, around: Surroundings) -> QNode:
        matrix = np.ascontiguousarray(self.weight, np.float32)
        source = around.input_shapes[0]
        channels, places = source[1], prod(source[2:])
        if channels > 1 and places > 1:  # the input is read with the channels last
            by_channel = matrix.reshape(-1, channels, places).transpose(0, 2, 1)
            matrix = np.ascontiguousarray(by_channel).reshape(matrix.shape)
        weight, bias, requant = quantize_linear(step, matrix, self.bias, around)
        return QDense(
            name=self.name,
            inputs=step.inputs,
            output=step.output,
            weight=weight,
            bias=bias,
            requant=requant,
            weight_float=matrix,
            bias_float=np.asarray(self.bias, np.float32),
        )


@dataclass(frozen=True, eq=False)
class QDense(WeightedNode):
    """``weight`` int8 [out, in], input index in the flattened (h, w, c) order."""

    weight: Int8Array
    bias: Int32Array
    requant: Requant
    weight_float: FloatArray
    bias_float: FloatArray

    def compute(self, backend: IntegerBackend, inputs: Sequence[Array], output: Shape) -> Array:

        def finish(sums: Array, channels: slice) -> Array:
            return backend.requantize(sums, self.requant, self.bias, channels)

        xp = namespace(inputs[0])
        rows = xp.reshape(inputs[0], (inputs[0].shape[0], -1))
        return backend.linear(rows, self.weight, finish)

    def macs(self, output: Shape) -> int:
        return prod(self.weight.shape)

    def matrix_form(self) -> MatrixForm:
        """Rows count the input's values in (h, w, channel) order."""
        return MatrixForm((self.weight.shape[1],))

    def layer(self, context: Context) -> Layer:
        out_features, in_features = self.weight.shape
        fields = (
            ("in_features", str(in_features)),
            ("out_features", str(out_features)),
            ("weight", context.dense_weight(self.weight)),
            ("bias", context.channels(self.bias, out_features)),
            *context.requant(self.requant, out_features),
        )
        return context.layer(self, "aimc_dense", fields, f"dense, {in_features} to {out_features}")

    def layer_fp32(self, context: Fp32Context) -> Layer:
        out_features, in_features = self.weight_float.shape
        weight = self.weight_float.reshape(out_features, 1, 1, in_features)
        fields = (
            ("in_features", str(in_features)),
            ("out_features", str(out_features)),
            ("weight", context.conv_weight(weight, 1, 1)),
            ("bias", context.channels(self.bias_float)),
        )
        comment = f"dense, {in_features} to {out_features}"
        return context.layer(self, "aimc_dense_fp32", "aimc_dense_fp32", fields, comment)


def read_gemm(node: OnnxNode, builder: Builder) -> Value:
    source = node.activation(0, rank=2)
    if node.integer("transA", 0):
        if 1 not in source.shape:
            raise Unsupported("transA of a matrix")
        source = Activation(source.tensor, (source.shape[1], source.shape[0]))
    weight = read_weight(node)
    if weight.ndim != 2:
        raise Unsupported(f"weights {shape_text(weight.shape)} are no matrix")
    if not node.integer("transB", 0):
        weight = weight.T
    alpha, beta = node.real("alpha", 1.0), node.real("beta", 1.0)
    outputs = weight.shape[0]
    bias = node.constant(2)
    if bias is None:
        offset = np.zeros(outputs, np.float32)
    else:
        if bias.ndim > 2 or bias.shape[-1:] not in ((), (1,), (outputs,)):
            raise Unsupported(f"the constant C {shape_text(bias.shape)} is no vector of outputs")
        if bias.ndim == 2 and bias.shape[0] != 1:
            raise Unsupported(f"the constant C {shape_text(bias.shape)} has several rows")
        offset = np.broadcast_to(real_array(bias, "C").reshape(-1), (outputs,)) * np.float32(beta)
    if alpha != 1.0:
        weight = weight * np.float32(alpha)
    return _dense(node, builder, source, weight, offset)


def read_matmul(node: OnnxNode, builder: Builder) -> Value:
    source = node.activation(0)
    weight = read_weight(node)
    if weight.ndim != 2:
        raise Unsupported(f"weights {shape_text(weight.shape)} are no matrix")
    if any(size != 1 for size in source.shape[:-1]):
        raise Unsupported(f"multiplies {shape_text(source.shape)}, more than one row")
    row = Activation(source.tensor, (1, source.shape[-1] if source.shape else 1))
    result = _dense(node, builder, row, weight.T, np.zeros(weight.shape[1], np.float32))
    return Activation(result.tensor, (*source.shape[:-1], weight.shape[1]))


def _dense(
    node: OnnxNode, builder: Builder, source: Activation, weight: FloatArray, bias: FloatArray
) -> Activation:
    return builder.emit(
        node,
        Dense(
            "",
            (builder.tensor(source),),
            "",
            weight=real_array(weight, "the weight tensor"),
            bias=real_array(bias, "the bias"),
        ),
    )


ONNX_READERS = {"Gemm": OnnxReader(read_gemm), "MatMul": OnnxReader(read_matmul)}
