"""The integer network: what the quantizer leaves and every later stage reads.

Activations are int8 with zero point 0 and one scale a tensor; weights are int8 with one
scale an output channel.  Layout is NHWC without the batch axis: a feature map has shape
(h, w, c), a vector has shape (c,).

Arithmetic, identical in numpy (`harness.quant.arithmetic`) and in C (`kernels/`):

``requantize(acc, multiplier, shift)``, int32 to int8, per channel:
    1. ``t = saturate32(acc << max(-shift, 0))``
    2. ``t = (t * multiplier + 2**30) >> 31``            (SQRDMULH; multiplier in [2**30, 2**31))
    3. ``t = (t + (1 << (s - 1))) >> s`` with ``s = max(shift, 0)``, if s > 0   (SRSHL)
    4. ``clamp(t, low, high)`` with [low, high] within [-128, 127]
All shifts are arithmetic; rounding is half up (towards plus infinity); shift is in [-31, 31].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Int8Array: TypeAlias = npt.NDArray[np.int8]
Int32Array: TypeAlias = npt.NDArray[np.int32]
FloatArray: TypeAlias = npt.NDArray[np.float32]
Pair: TypeAlias = tuple[int, int]
Pads: TypeAlias = tuple[int, int, int, int]  # top, left, bottom, right


@dataclass(frozen=True, eq=False)
class QTensor:
    """An int8 activation: real value = ``scale`` * integer; shape (h, w, c) or (c,)."""

    name: str
    shape: tuple[int, ...]
    scale: float


@dataclass(frozen=True, eq=False)
class Requant:
    """Per-channel (or length 1: per-tensor) multiplier and right shift, and the clamp."""

    multiplier: Int32Array
    shift: Int32Array
    low: int = -128
    high: int = 127


@dataclass(frozen=True, eq=False)
class QNode:
    """One integer operator; a fused activation lives in its ``Requant`` clamp."""

    name: str
    inputs: tuple[str, ...]
    output: str


@dataclass(frozen=True, eq=False)
class QConv(QNode):
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


@dataclass(frozen=True, eq=False)
class QDense(QNode):
    """``weight`` int8 [out, in], input index in the flattened (h, w, c) order."""

    weight: Int8Array
    bias: Int32Array
    requant: Requant
    weight_float: FloatArray
    bias_float: FloatArray


@dataclass(frozen=True, eq=False)
class QMaxPool(QNode):
    """Max over the window; the scale passes through; then clamp to [low, high]."""

    kernel: Pair
    stride: Pair
    pads: Pads
    low: int = -128
    high: int = 127


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


@dataclass(frozen=True, eq=False)
class QAdd(QNode):
    """``clamp((a * multipliers[0] + b * multipliers[1] + (1 << (shift - 1))) >> shift)``.

    Multipliers are in [0, 2**14), 1 <= shift <= 30, so that the sum fits int32.
    """

    multipliers: tuple[int, int]
    shift: int
    low: int = -128
    high: int = 127


@dataclass(frozen=True, eq=False)
class QConcat(QNode):
    """Channel concatenation; ``requants`` has one per-tensor entry an input.

    An entry is ``None`` where the input already has the output's scale (a copy).
    """

    requants: tuple[Requant | None, ...]


@dataclass(frozen=True, eq=False)
class QClip(QNode):
    """Clamp to [low, high]; the scale passes through."""

    low: int
    high: int


@dataclass(frozen=True, eq=False)
class QReshape(QNode):
    """Reinterpret in NCHW order: (h, w, c) data is moved through NCHW order.

    Flattening into a Dense layer leaves no QReshape: the Dense weight is permuted.
    """


@dataclass(frozen=True, eq=False)
class QSoftmax(QNode):
    """``e[i] = table[max(x) - x[i]]``; ``y[i] = min(127, (256 * e[i] + sum) // (2 * sum))``.

    ``table`` is uint16 [256], ``round(65535 * exp(-scale * d))``; the sum is a uint32 and
    256 * e fits uint32; the output scale is 1/128.
    """

    table: npt.NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class QNetwork:
    """An integer network, NHWC, nodes in topological order, one input and one output."""

    name: str
    input: str
    output: str
    nodes: tuple[QNode, ...]
    tensors: Mapping[str, QTensor]
    random_weights: bool
    calibration_inputs: Int8Array  # [n, h, w, c] or [n, c]: quantized calibration samples
