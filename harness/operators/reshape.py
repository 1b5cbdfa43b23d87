"""Reshape: the same values in another shape.

ONNX's Reshape and Flatten only change the view of a tensor; a `Reshape` node is made where an
operator needs another shape than the tensor has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from harness.operators.backend.primitives import reinterpreted
from harness.operators.integer_node import QNode
from harness.operators.node import Node, OnnxForm
from harness.operators.onnx.reader import OnnxReader, axis_attribute
from harness.operators.onnx.value import Activation, Unsupported, Value, normal_axis
from harness.operators.tensor import Shape
from harness.quantities import shape_text

if TYPE_CHECKING:
    from harness.operators.backend.primitives import Array, FloatBackend, IntegerBackend
    from harness.operators.kernel.layer import Context, Layer
    from harness.operators.onnx.builder import Builder
    from harness.operators.onnx.node import OnnxNode
    from harness.operators.quantization.step import Step, Surroundings


@dataclass(frozen=True, eq=False)
class Reshape(Node):
    """Reinterpret in NCHW order; the output shape is that of the output tensor.

    Flatten is a Reshape to 2-D.
    """

    is_view: ClassVar[bool] = True
    passes_scale: ClassVar[bool] = True
    keeps_non_negative: ClassVar[bool] = True

    def shape_rule(self, inputs: Sequence[Shape], declared: Shape | None) -> Shape:
        if declared is None:
            raise self.misfit(inputs, "the output shape of a Reshape must be declared")
        if math.prod(declared) != math.prod(inputs[0]):
            raise self.misfit(inputs, f"cannot become {shape_text(declared)}")
        return declared

    def to_onnx(self, output: Shape) -> OnnxForm:
        return OnnxForm("Reshape", arrays={"shape": np.array(output, np.int64)})

    def is_identity(self, source: Shape, output: Shape) -> bool:
        return source == output

    def compute(
        self,
        backend: FloatBackend,
        inputs: Sequence[Array],
        shape: Shape,
        parameters: Mapping[str, Array],
    ) -> Array:
        return backend.contiguous(reinterpreted(inputs[0], shape[1:]))

    def integer_form(self, step: Step, around: Surroundings) -> QNode:
        return QReshape(self.name, step.inputs, step.output)


@dataclass(frozen=True, eq=False)
class QReshape(QNode):
    """Reinterpret in NCHW order: (h, w, c) data is moved through NCHW order.

    Flattening into a Dense layer leaves no QReshape: the Dense weight is permuted.
    """

    is_view: ClassVar[bool] = True

    def compute(self, backend: IntegerBackend, inputs: Sequence[Array], output: Shape) -> Array:
        return backend.contiguous(reinterpreted(inputs[0], (output[-1], *output[:-1])))

    def layer(self, context: Context) -> Layer:
        in_h, in_w, in_c = context.hwc(self.inputs[0])
        out_h, out_w, out_c = context.hwc(self.output)
        fields = (
            ("in_pixels", str(in_h * in_w)),
            ("in_channels", str(in_c)),
            ("out_pixels", str(out_h * out_w)),
            ("out_channels", str(out_c)),
        )
        scratch = context.reshape_scratch_bytes(in_h * in_w * in_c)
        return context.layer(self, "aimc_reshape", fields, "reshape", scratch)


def read_flatten(node: OnnxNode, builder: Builder) -> Value:
    source = node.activation(0)
    axis, rank = node.integer("axis", 1), len(source.shape)
    if axis != rank:
        axis = normal_axis(axis, rank)
    return view(node, source, (math.prod(source.shape[:axis]), math.prod(source.shape[axis:])))


def read_reshape(node: OnnxNode, builder: Builder) -> Value:
    source = node.activation(0)
    target = node.constant_integers(1)
    if target is None:
        raise Unsupported("the target shape is left out")
    return view(node, source, reshaped(source.shape, target, bool(node.integer("allowzero", 0))))


def view(node: OnnxNode, source: Activation, shape: Shape) -> Activation:
    """``source`` seen in ``shape``, because of ``node``.

    Raises:
        Unsupported: The sizes differ.
    """
    if math.prod(shape) != math.prod(source.shape) or any(size < 1 for size in shape):
        raise Unsupported(f"{shape_text(source.shape)} cannot become {shape_text(shape)}")
    return Activation(source.tensor, shape, node.proto.name)


def reshaped(shape: Shape, target: tuple[int, ...], allow_zero: bool) -> Shape:
    """``target`` with its 0 (copy) and -1 (the rest) filled in.

    Raises:
        Unsupported: That is not possible.
    """
    result = list(target)
    for index, size in enumerate(target):
        if size == 0 and not allow_zero:
            if index >= len(shape):
                raise Unsupported(f"shape {list(target)} copies an axis that does not exist")
            result[index] = shape[index]
    if result.count(-1) > 1 or min(result, default=0) < -1:
        raise Unsupported(f"shape {list(target)} is not possible")
    if -1 in result:
        known = math.prod(size for size in result if size != -1)
        if known == 0 or math.prod(shape) % known:
            raise Unsupported(f"{shape_text(shape)} cannot become {list(target)}")
        result[result.index(-1)] = math.prod(shape) // known
    return tuple(result)


ONNX_READERS = {
    "Flatten": OnnxReader(read_flatten, mixed_axes=axis_attribute),
    "Reshape": OnnxReader(read_reshape, shape_input=True),
}
