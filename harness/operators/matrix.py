"""Integer nodes with weights, and their form as one matrix, which tiles may multiply by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.operators.integer_node import QNode, Requant
from harness.operators.tensor import FloatArray, Int8Array, Int32Array, Shape
from harness.operators.window import Window


@dataclass(frozen=True)
class MatrixForm:
    """How a node's inputs become the rows of its matrix [K, N].

    Attributes:
        row_shape: What a row counts, (ky, kx, channel) or the input's own axes; its product is K.
        window: Whose patches are the vectors, in raster order; None: the whole input is one.
    """

    row_shape: Shape
    window: Window | None = None


class WeightedNode(QNode):
    """An integer node whose output channels are sums of products with weights.

    ``weight`` is int8 [out, ...], ``bias`` int32 [out] in accumulator units.  ``weight_float`` and
    ``bias_float`` are the folded float parameters in the same layout, from which an analog layer's
    conductances are made.
    """

    if TYPE_CHECKING:  # fields of the subclasses

        @property
        def weight(self) -> Int8Array: ...
        @property
        def bias(self) -> Int32Array: ...
        @property
        def requant(self) -> Requant: ...
        @property
        def weight_float(self) -> FloatArray: ...
        @property
        def bias_float(self) -> FloatArray: ...

    def float_weights(self) -> tuple[FloatArray, ...]:
        return (self.weight_float, self.bias_float)
