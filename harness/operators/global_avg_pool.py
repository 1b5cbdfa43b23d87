"""GlobalAvgPool: the mean over height and width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.operators.avg_pool import QAvgPool
from harness.operators.backend.primitives import namespace
from harness.operators.integer_node import QNode
from harness.operators.node import Node, OnnxForm
from harness.operators.onnx.reader import OnnxReader
from harness.operators.onnx.value import Value
from harness.operators.onnx.window import require_2d
from harness.operators.quantization.means import count_table
from harness.operators.tensor import Axes, Shape

if TYPE_CHECKING:
    from harness.operators.backend.primitives import Array, FloatBackend
    from harness.operators.onnx.builder import Builder
    from harness.operators.onnx.node import OnnxNode
    from harness.operators.quantization.step import Step, Surroundings


@dataclass(frozen=True, eq=False)
class GlobalAvgPool(Node):
    """Mean over height and width: [1, c, h, w] to [1, c, 1, 1]."""

    input_axes: ClassVar[tuple[Axes, ...]] = ("nchw",)
    fuses_clip: ClassVar[bool] = True
    keeps_non_negative: ClassVar[bool] = True

    def shape_rule(self, inputs: Sequence[Shape], declared: Shape | None) -> Shape:
        return (1, inputs[0][1], 1, 1)

    def to_onnx(self, output: Shape) -> OnnxForm:
        return OnnxForm("GlobalAveragePool")

    def compute(
        self,
        backend: FloatBackend,
        inputs: Sequence[Array],
        shape: Shape,
        parameters: Mapping[str, Array],
    ) -> Array:
        return namespace(inputs[0]).mean(inputs[0], axis=(1, 2), keepdims=True)

    def integer_form(self, step: Step, around: Surroundings) -> QNode:
        """An average pooling with one window."""
        h, w = around.input_shapes[0][2:]
        table = count_table(step, around, h * w)
        return QAvgPool(
            self.name, step.inputs, step.output, (h, w), (1, 1), (0, 0, 0, 0), False, table
        )


def read_global_average_pool(node: OnnxNode, builder: Builder) -> Value:
    source = node.activation(0)
    require_2d(len(source.shape), "pooling")
    return builder.emit(node, GlobalAvgPool("", (builder.tensor(source),), ""))


ONNX_READERS = {"GlobalAveragePool": OnnxReader(read_global_average_pool)}
