"""LogSoftmax over the channels of a vector; it has no integer form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.errors import QuantError
from harness.operators.backend.primitives import namespace
from harness.operators.node import Node, OnnxForm
from harness.operators.onnx.reader import OnnxReader
from harness.operators.onnx.value import Value
from harness.operators.softmax import read_over_all
from harness.operators.tensor import Axes, Shape

if TYPE_CHECKING:
    from harness.operators.backend.primitives import Array, FloatBackend
    from harness.operators.onnx.builder import Builder
    from harness.operators.onnx.node import OnnxNode


@dataclass(frozen=True, eq=False)
class LogSoftmax(Node):
    """Logarithm of the softmax over the channel axis of [1, c]."""

    input_axes: ClassVar[tuple[Axes, ...]] = ("nc",)
    keeps_order: ClassVar[bool] = True
    left_out_at_end: ClassVar[bool] = True

    def shape_rule(self, inputs: Sequence[Shape], declared: Shape | None) -> Shape:
        return inputs[0]

    def to_onnx(self, output: Shape) -> OnnxForm:
        return OnnxForm("LogSoftmax", {"axis": 1})

    def compute(
        self,
        backend: FloatBackend,
        inputs: Sequence[Array],
        shape: Shape,
        parameters: Mapping[str, Array],
    ) -> Array:
        xp, x = namespace(inputs[0]), inputs[0]
        shifted = x - xp.max(x, axis=-1, keepdims=True)
        return shifted - xp.log(xp.sum(xp.exp(shifted), axis=-1, keepdims=True))

    def check_integer_form(self) -> None:
        raise QuantError(
            "LogSoftmax has no integer form; only as the last operator, after others, "
            "can it be left out",
            where=self.name,
            hint="end the network before it",
        )


def read_log_softmax(node: OnnxNode, builder: Builder) -> Value:
    return read_over_all(node, builder, LogSoftmax)


ONNX_READERS = {"LogSoftmax": OnnxReader(read_log_softmax)}
