"""Softmax over the channels of a vector."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from harness.errors import QuantError
from harness.operators.backend.primitives import namespace
from harness.operators.integer_node import QNode
from harness.operators.node import Node, OnnxForm
from harness.operators.onnx.reader import OnnxReader, axis_attribute
from harness.operators.onnx.value import Activation, Unsupported, Value, normal_axis
from harness.operators.quantization.scales import softmax_table
from harness.operators.tensor import Axes, Shape

if TYPE_CHECKING:
    from harness.operators.backend.primitives import Array, FloatBackend, IntegerBackend
    from harness.operators.kernel.layer import Context, Layer
    from harness.operators.onnx.builder import Builder
    from harness.operators.onnx.node import OnnxNode
    from harness.operators.quantization.step import Step, Surroundings

SOFTMAX_CHANNELS = 1 << 15  # twice the sum of so many uint16 fits uint32


@dataclass(frozen=True, eq=False)
class Softmax(Node):
    """Softmax over the channel axis of [1, c]."""

    input_axes: ClassVar[tuple[Axes, ...]] = ("nc",)
    fixed_scale: ClassVar[float | None] = 1 / 128
    unclipped_input: ClassVar[bool] = True  # it decides the order of the classes
    keeps_order: ClassVar[bool] = True

    def shape_rule(self, inputs: Sequence[Shape], declared: Shape | None) -> Shape:
        return inputs[0]

    def to_onnx(self, output: Shape) -> OnnxForm:
        return OnnxForm("Softmax", {"axis": 1})

    def never_negative(self, known: Collection[str]) -> bool:
        return True

    def compute(
        self,
        backend: FloatBackend,
        inputs: Sequence[Array],
        shape: Shape,
        parameters: Mapping[str, Array],
    ) -> Array:
        xp, x = namespace(inputs[0]), inputs[0]
        e = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
        return e / xp.sum(e, axis=-1, keepdims=True)

    def integer_form(self, step: Step, around: Surroundings) -> QNode:
        if len(step.shape) != 2 or step.shape[1] > SOFTMAX_CHANNELS:
            raise QuantError(
                f"Softmax over shape {list(step.shape)}",
                where=self.name,
                hint=f"only [1, c] with c up to {SOFTMAX_CHANNELS} has an integer form",
            )
        table = softmax_table(around.input_scales[0])
        return QSoftmax(self.name, step.inputs, step.output, table)


@dataclass(frozen=True, eq=False)
class QSoftmax(QNode):
    """``e[i] = table[max(x) - x[i]]``; ``y[i] = min(127, (256 * e[i] + sum) // (2 * sum))``.

    ``table`` is uint16 [256], ``round(65535 * exp(-scale * d))``; the sum is a uint32 and
    256 * e fits uint32; the output scale is 1/128.
    """

    table: npt.NDArray[np.uint16]

    keeps_order: ClassVar[bool] = True

    def compute(self, backend: IntegerBackend, inputs: Sequence[Array], output: Shape) -> Array:
        x = backend.int64(inputs[0])
        xp = namespace(x)
        distance = xp.max(x, axis=-1, keepdims=True) - x
        entries = xp.take(backend.constant(self.table), xp.reshape(distance, (-1,)), axis=0)
        e = xp.reshape(entries, x.shape)
        total = xp.sum(e, axis=-1, keepdims=True)
        shares = (256 * e + total) // (2 * total)
        return backend.activation(backend.clip(shares, 0, 127))

    def layer(self, context: Context) -> Layer:
        fields = (
            ("count", str(context.hwc(self.output)[2])),
            ("table", context.table(self.table, "uint16_t")),
        )
        return context.layer(self, "aimc_softmax", fields, "softmax")


def read_softmax(node: OnnxNode, builder: Builder) -> Value:
    return read_over_all(node, builder, Softmax)


def read_over_all(
    node: OnnxNode, builder: Builder, kind: Callable[[str, tuple[str, ...], str], Node]
) -> Activation:
    """A node of ``kind`` over all values of the input.

    Raises:
        Unsupported: It is over one of several axes longer than 1.
    """
    source = node.activation(0)
    shape = source.shape
    axis = normal_axis(node.integer("axis", 1 if node.opset < 13 else -1), len(shape))
    # Before opset 13 everything from the axis on was one row; since then only the axis is.
    others = shape[:axis] if node.opset < 13 else shape[:axis] + shape[axis + 1 :]
    if any(size != 1 for size in others):
        raise Unsupported(f"axis {axis} is not supported, only a softmax over all values")
    row = Activation(source.tensor, (1, math.prod(shape)))
    result = builder.emit(node, kind("", (builder.tensor(row),), ""))
    return Activation(result.tensor, shape)


ONNX_READERS = {"Softmax": OnnxReader(read_softmax, mixed_axes=axis_attribute)}
