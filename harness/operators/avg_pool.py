"""AvgPool: the mean of each window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.operators.backend.primitives import namespace
from harness.operators.backend.window_counts import window_counts
from harness.operators.integer_node import QNode, Requant
from harness.operators.node import OnnxForm
from harness.operators.onnx.reader import OnnxReader
from harness.operators.onnx.value import Unsupported, Value
from harness.operators.onnx.window import read_pool_window, require_2d, sum_of_pads, unpadded
from harness.operators.pooling import Pool
from harness.operators.quantization.means import count_table
from harness.operators.tensor import Pads, Pair, Shape
from harness.operators.window import Window

if TYPE_CHECKING:
    from harness.operators.backend.primitives import Array, FloatBackend, IntegerBackend
    from harness.operators.kernel.layer import Context, Fp32Context, Layer
    from harness.operators.onnx.builder import Builder
    from harness.operators.onnx.node import OnnxNode
    from harness.operators.quantization.step import Step, Surroundings


@dataclass(frozen=True, eq=False)
class AvgPool(Pool):
    """Average pooling; ``count_include_pad`` divides by the whole window."""

    count_include_pad: bool = False

    def to_onnx(self, output: Shape) -> OnnxForm:
        include = int(self.count_include_pad)
        attributes = {**self.window_attributes(), "count_include_pad": include}
        return OnnxForm("AveragePool", attributes)

    def compute(
        self,
        backend: FloatBackend,
        inputs: Sequence[Array],
        shape: Shape,
        parameters: Mapping[str, Array],
    ) -> Array:
        maps = inputs[0]
        counts = window_counts(maps.shape[1], maps.shape[2], self.window, self.count_include_pad)
        sums = backend.window_sum(maps, self.window)
        return sums / backend.constant(counts[..., None], sums)

    def integer_form(self, step: Step, around: Surroundings) -> QNode:
        return QAvgPool(
            self.name,
            step.inputs,
            step.output,
            self.kernel,
            self.stride,
            self.pads,
            self.count_include_pad,
            count_table(step, around, self.kernel[0] * self.kernel[1]),
        )


@dataclass(frozen=True, eq=False)
class QAvgPool(QNode):
    """Sum over the valid window, then requantize with entry ``count`` of the tables.

    ``requant.multiplier`` and ``.shift`` are indexed by the number of elements that divide
    the sum (index 0 unused): the valid ones, or all if ``count_include_pad``.
    Global pooling is a window as large as the input.
    """

    kernel: Pair
    stride: Pair
    pads: Pads
    count_include_pad: bool
    requant: Requant

    def compute(self, backend: IntegerBackend, inputs: Sequence[Array], output: Shape) -> Array:
        maps, requant = inputs[0], self.requant
        window = Window(self.kernel, self.stride, self.pads)
        counts = window_counts(maps.shape[1], maps.shape[2], window, self.count_include_pad)
        index = backend.constant(counts)

        def of_each_window(table: Array) -> Array:
            xp = namespace(table)
            entries = xp.take(table, xp.reshape(index, (-1,)), axis=0)
            return xp.reshape(entries, (*counts.shape, 1))

        return backend.requantize_exactly(
            backend.int64(backend.window_sum(maps, window)),
            of_each_window(backend.constant(requant.multiplier)),
            of_each_window(backend.constant(requant.shift)),
            requant.low,
            requant.high,
        )

    def layer(self, context: Context) -> Layer:
        fields = (
            *context.sliding(self, self.kernel, self.stride, self.pads).fields(),
            ("channels", str(context.hwc(self.output)[2])),
            ("count_include_pad", str(int(self.count_include_pad))),
            ("multiplier", context.table(self.requant.multiplier, "int32_t")),
            ("shift", context.table(self.requant.shift, "int32_t")),
            ("low", str(self.requant.low)),
            ("high", str(self.requant.high)),
        )
        comment = f"{self.kernel[0]}x{self.kernel[1]} average"
        return context.layer(self, "aimc_avgpool", fields, comment)

    def layer_fp32(self, context: Fp32Context) -> Layer:
        fields = (
            *context.sliding(self, self.kernel, self.stride, self.pads).fields(),
            ("channels", str(context.hwc(self.output)[2])),
            ("count_include_pad", str(int(self.count_include_pad))),
        )
        comment = f"{self.kernel[0]}x{self.kernel[1]} pooling"
        return context.layer(self, "aimc_avgpool_fp32", "aimc_pool_fp32", fields, comment)


def read_average_pool(node: OnnxNode, builder: Builder) -> Value:
    """A border of zeros that a Pad put around the input becomes padding that counts."""
    source, border, value = unpadded(node)
    require_2d(len(source.shape), "pooling")
    window = read_pool_window(node, source, border)
    top, left, bottom, right = window.pads
    own = any((top, left, bottom - window.overhang[0], right - window.overhang[1]))
    # Without padding there is nothing to include: what ceil_mode reaches beyond never counts.
    include = own and bool(node.integer("count_include_pad", 0))
    if any(border):
        if value != 0.0:
            raise Unsupported(f"reads a Pad with {value}; only zeros can be folded into it")
        if own and not include:
            raise Unsupported("reads a Pad and has padding of its own that does not count")
        include = True
    if include and any(window.overhang):
        raise Unsupported("ceil_mode and count_include_pad with a window beyond the padding")
    pads = sum_of_pads(window.pads, border)
    tensor = builder.tensor(source)
    return builder.emit(
        node,
        AvgPool("", (tensor,), "", window.kernel, window.stride, pads, include and any(pads)),
    )


ONNX_READERS = {"AveragePool": OnnxReader(read_average_pool, has_window=True, rounds_up=True)}
