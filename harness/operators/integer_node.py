"""The integer node that a float node becomes, and what the stages ask of it.

Activations are int8 with zero point 0 and one scale per tensor; weights are int8 with one scale
per output channel.  Shapes have no batch axis and the channels last: a feature map has shape
(h, w, c), a vector has shape (c,).

Arithmetic, identical in Python (`harness.operators.backend.primitives`) and in C (`kernels/`):

``requantize(acc, multiplier, shift)``, int32 to int8, per channel:
    1. ``t = saturate32(acc << max(-shift, 0))``
    2. ``t = (t * multiplier + 2**30) >> 31``            (SQRDMULH; multiplier in [2**30, 2**31))
    3. ``t = (t + (1 << (s - 1))) >> s`` with ``s = max(shift, 0)``, if s > 0   (SRSHL)
    4. ``clamp(t, low, high)`` with [low, high] within [-128, 127]
All shifts are arithmetic; rounding is half up (towards plus infinity); shift is in [-31, 31].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.errors import CodegenError, QuantError
from harness.operators.tensor import (
    Axes,
    FloatArray,
    Int32Array,
    Shape,
    channels_last_axes,
    usual_axes,
)

if TYPE_CHECKING:
    from harness.operators.backend.primitives import Array, IntegerBackend
    from harness.operators.kernel.layer import Context, Fp32Context, Layer
    from harness.operators.matrix import MatrixForm


@dataclass(frozen=True, eq=False)
class QTensor:
    """An int8 activation: real value = ``scale`` * integer.

    Attributes:
        shape: Of one sample, the channels last: (h, w, c), (t, c) or (c,), for example.
        axes: One letter per axis; left out: those that are usual for the rank.
    """

    name: str
    shape: Shape
    scale: float
    axes: Axes = ""

    def __post_init__(self) -> None:
        if not self.axes:
            usual = channels_last_axes(usual_axes(len(self.shape) + 1))
            object.__setattr__(self, "axes", usual)

    def size(self, axis: str) -> int:
        """The length of ``axis``; 1 for one that the tensor has not."""
        return dict(zip(self.axes, self.shape, strict=True)).get(axis, 1)


@dataclass(frozen=True, eq=False)
class Requant:
    """Multiplier and right shift per channel (or of length 1, per tensor), and the clamp."""

    multiplier: Int32Array
    shift: Int32Array
    low: int = -128
    high: int = 127

    def of(self, channels: slice) -> Requant:
        """The entries of ``channels``; one for the whole tensor stays as it is."""
        if self.multiplier.size == 1:
            return self
        return Requant(self.multiplier[channels], self.shift[channels], self.low, self.high)


@dataclass(frozen=True, eq=False)
class QNode:
    """One integer operator; a fused activation is in its ``Requant`` or its clamp.

    Class attributes, which operators set:
        is_view: Its output has its input's values, in another shape.
        keeps_order: Its output orders values as its input does: the class stays the same.
    """

    name: str
    inputs: tuple[str, ...]
    output: str

    is_view: ClassVar[bool] = False
    keeps_order: ClassVar[bool] = False

    @property
    def kind(self) -> str:
        """The operator's name, as messages, tables and files print it."""
        return type(self).__name__.removeprefix("Q")

    # Arithmetic

    def compute(self, backend: IntegerBackend, inputs: Sequence[Array], output: Shape) -> Array:
        """The node's exact integer arithmetic on a batch.

        Args:
            inputs: Activations [n, ..., c].
            output: Shape of the output, (h, w, c) or (c,).

        Returns:
            An activation [n, ..., c].

        Raises:
            QuantError: The node has no integer arithmetic.
        """
        raise QuantError(f"no integer arithmetic for {type(self).__name__}", where=self.name)

    # Costs and identity

    def macs(self, output: Shape) -> int:
        """Multiply-accumulates for one image; ``output`` is the output's shape, (h, w, c) or (c,).

        0 for every operator without weights.
        """
        return 0

    def structure(self) -> tuple[object, ...]:
        """Parameters besides weights that make the network another one; JSON values."""
        return ()

    def float_weights(self) -> tuple[FloatArray, ...]:
        """The float parameters behind the integer ones; empty without weights."""
        return ()

    def matrix_form(self) -> MatrixForm | None:
        """The node as multiplications by one matrix, which tiles may do; None if it is not that."""
        return None

    # Code generation

    def layer(self, context: Context) -> Layer:
        """The parameter struct and the call of the int8 kernel; arrays go into the context.

        Raises:
            CodegenError: No kernel implements the operator.
        """
        raise CodegenError(f"no kernel for a {type(self).__name__}", where=self.name)

    def layer_fp32(self, context: Fp32Context) -> Layer:
        """The parameter struct and the call of the fp32 kernel; arrays go into the context.

        Raises:
            CodegenError: No fp32 kernel implements the operator.
        """
        raise CodegenError(f"no fp32 kernel for a {type(self).__name__}", where=self.name)
