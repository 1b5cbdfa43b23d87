"""The integer operators of `harness.quant.program` in torch, on maps of whole numbers.

A map is [n, c, h, w] in channels-last memory, or [n, c], of float64 (exact) or float32.  In
float64 every operator gives the integers of `harness.quant.arithmetic`: sums of products are far
below 2**53, and requantization is done in int64 as written there.  In float32 sums beyond 2**24
round, and requantization is one multiplication and addition, which may differ by one where a
result lies within about 2**-16 of a rounding boundary.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as functional
from torch import Tensor

from harness.errors import QuantError
from harness.quant.arithmetic import window_counts
from harness.quant.patches import Window
from harness.quant.program import (
    Pads,
    QAdd,
    QAvgPool,
    QClip,
    QConcat,
    QConv,
    QDense,
    QMaxPool,
    QNode,
    QReshape,
    QSoftmax,
    Requant,
)

Operator: TypeAlias = Callable[[list[Tensor]], Tensor]
"""A node's inputs to its output."""

INT32_MAX = 2**31 - 1


@dataclass(frozen=True)
class Arithmetic:
    """Where and how exactly to compute."""

    device: torch.device
    exact: bool

    @property
    def dtype(self) -> torch.dtype:
        return torch.float64 if self.exact else torch.float32

    def tensor(self, values: npt.NDArray[Any], dtype: torch.dtype | None = None) -> Tensor:
        """``values`` on the device."""
        array = np.ascontiguousarray(values)
        return torch.from_numpy(array).to(self.device, dtype or self.dtype)


class Requantizer:
    """Accumulators to int8 values: ``requantize(acc * unit + bias)``, a channel or a tensor.

    Args:
        unit: What one step of the accumulator counts: 1, or 256 for converter codes.
        bias: Integers, one a channel, or 0.
    """

    def __init__(
        self,
        requant: Requant,
        arithmetic: Arithmetic,
        *,
        unit: int = 1,
        bias: npt.NDArray[Any] | int = 0,
    ) -> None:
        self._exact = arithmetic.exact
        self._low, self._high = requant.low, requant.high
        self._unit = unit
        if self._exact:
            self._bias = arithmetic.tensor(np.atleast_1d(bias), torch.int64)
            self._multiplier = arithmetic.tensor(requant.multiplier, torch.int64)
            self._shift = arithmetic.tensor(requant.shift, torch.int64)
        else:
            shift = requant.shift.astype(np.float64)
            ratio = requant.multiplier.astype(np.float64) * 2.0 ** (-31 - shift)
            # Rounding twice, half up, is rounding once with this much more.
            half = 0.5 + np.where(shift > 0, 2.0 ** (-shift - 1), 0.0)
            self._ratio = arithmetic.tensor(ratio * unit)
            self._offset = arithmetic.tensor(np.asarray(bias) * ratio + half)

    def __call__(self, acc: Tensor) -> Tensor:
        """[n, c, h, w] or [n, c]; ``acc`` may be overwritten."""
        if not self._exact:
            offset, ratio = _by_channel(self._offset, acc), _by_channel(self._ratio, acc)
            result = torch.addcmul(offset, acc, ratio).floor_()
            return result.clamp_(self._low, self._high)
        t = acc.to(torch.int64) * self._unit + _by_channel(self._bias, acc)
        multiplier, shift = _by_channel(self._multiplier, acc), _by_channel(self._shift, acc)
        return requantize(t, multiplier, shift, self._low, self._high).to(acc.dtype)


def requantize(t: Tensor, multiplier: Tensor, shift: Tensor, low: int, high: int) -> Tensor:
    """`harness.quant.arithmetic.requantize` on int64 tensors."""
    t = torch.bitwise_left_shift(t, (-shift).clamp(min=0)).clamp(-INT32_MAX - 1, INT32_MAX)
    t = torch.bitwise_right_shift(t * multiplier + (1 << 30), 31)
    right = shift.clamp(min=0)
    half = torch.bitwise_left_shift(torch.ones_like(right), right) >> 1
    return torch.bitwise_right_shift(t + half, right).clamp(low, high)


def _by_channel(values: Tensor, like: Tensor) -> Tensor:
    return values.view(1, -1, *[1] * (like.ndim - 2))


def pad_map(maps: Tensor, pads: Pads, value: float = 0.0) -> Tensor:
    """``maps`` with a constant border."""
    top, left, bottom, right = pads
    return functional.pad(maps, (left, right, top, bottom), value=value) if any(pads) else maps


def flatten(maps: Tensor) -> Tensor:
    """[n, h * w * c], as dense layers count their inputs."""
    if maps.ndim == 4:
        maps = maps.permute(0, 2, 3, 1)
    return maps.reshape(maps.shape[0], -1)


def digital_operator(
    node: QNode, input_shape: tuple[int, ...], output_shape: tuple[int, ...], how: Arithmetic
) -> Operator:
    """The operator of ``node``; shapes are those of its first input and output, (h, w, c) or (c,).

    Raises:
        QuantError: The node is of an unknown kind.
    """
    match node:
        case QConv():
            return _conv(node, how)
        case QDense():
            return _dense(node, how)
        case QMaxPool():
            return _max_pool(node)
        case QAvgPool():
            return _avg_pool(node, input_shape, how)
        case QAdd():
            return _add(node)
        case QConcat():
            return _concat(node, how)
        case QClip():
            low, high = node.low, node.high
            return lambda inputs: inputs[0].clamp(low, high)
        case QReshape():
            return _reshape(output_shape)
        case QSoftmax():
            return _softmax(node, how)
        case _:
            raise QuantError(f"no torch form of {type(node).__name__}", where=node.name)


def _conv(node: QConv, how: Arithmetic) -> Operator:
    convolve = convolution(node, how.tensor(node.weight.transpose(0, 3, 1, 2)))
    requantizer = Requantizer(node.requant, how, bias=node.bias)
    return lambda inputs: requantizer(convolve(inputs[0]))


def convolution(
    node: QConv, weight: Tensor, bias: Tensor | None = None
) -> Callable[[Tensor], Tensor]:
    """``node``'s sums over maps, with ``weight`` [m, c, kh, kw] and ``bias`` [m]."""
    weight = weight.contiguous(memory_format=torch.channels_last)
    pads, padding = node.pads, (0, 0)
    if pads[0] == pads[2] and pads[1] == pads[3]:
        pads, padding = (0, 0, 0, 0), (pads[0], pads[1])

    def run(maps: Tensor) -> Tensor:
        padded = pad_map(maps, pads)
        return functional.conv2d(
            padded, weight, bias, node.stride, padding, node.dilation, node.groups
        )

    return run


def _dense(node: QDense, how: Arithmetic) -> Operator:
    weight = how.tensor(node.weight.T)
    requantizer = Requantizer(node.requant, how, bias=node.bias)
    return lambda inputs: requantizer(flatten(inputs[0]) @ weight)


def _max_pool(node: QMaxPool) -> Operator:
    def run(inputs: list[Tensor]) -> Tensor:
        maps = pad_map(inputs[0], node.pads, -128.0)
        return functional.max_pool2d(maps, node.kernel, node.stride).clamp(node.low, node.high)

    return run


def _avg_pool(node: QAvgPool, input_shape: tuple[int, ...], how: Arithmetic) -> Operator:
    height, width, _ = input_shape
    window = Window(node.kernel, node.stride, node.pads)
    counts = window_counts(height, width, window)
    if node.count_include_pad:
        counts = np.full_like(counts, node.kernel[0] * node.kernel[1])
    multiplier = how.tensor(node.requant.multiplier[counts], torch.int64)
    shift = how.tensor(node.requant.shift[counts], torch.int64)

    def run(inputs: list[Tensor]) -> Tensor:
        maps = pad_map(inputs[0], node.pads)
        sums = functional.avg_pool2d(maps, node.kernel, node.stride, divisor_override=1)
        t = requantize(sums.to(torch.int64), multiplier, shift, node.requant.low, node.requant.high)
        return t.to(maps.dtype)

    return run


def _add(node: QAdd) -> Operator:
    # The sum is below 2**22, and what is left of it after the point has fewer than 24 bits.
    scale = 2.0**-node.shift
    first, second = (multiplier * scale for multiplier in node.multipliers)

    def run(inputs: list[Tensor]) -> Tensor:
        total = torch.add(inputs[0] * first, inputs[1], alpha=second)
        return total.add_(0.5).floor_().clamp_(node.low, node.high)

    return run


def _concat(node: QConcat, how: Arithmetic) -> Operator:
    scalers = [None if one is None else Requantizer(one, how) for one in node.requants]

    def run(inputs: list[Tensor]) -> Tensor:
        parts = [
            part if scaler is None else scaler(part)
            for part, scaler in zip(inputs, scalers, strict=True)
        ]
        return torch.cat(parts, dim=1)

    return run


def _reshape(shape: tuple[int, ...]) -> Operator:
    nchw = shape if len(shape) == 1 else (shape[2], shape[0], shape[1])

    def run(inputs: list[Tensor]) -> Tensor:
        result = inputs[0].reshape(inputs[0].shape[0], *nchw)
        if len(nchw) == 1:
            return result
        return result.contiguous(memory_format=torch.channels_last)

    return run


def _softmax(node: QSoftmax, how: Arithmetic) -> Operator:
    table = how.tensor(node.table.astype(np.int64), torch.int64)

    def run(inputs: list[Tensor]) -> Tensor:
        x = inputs[0].to(torch.int64)
        e = table[x.amax(dim=-1, keepdim=True) - x]
        total = e.sum(dim=-1, keepdim=True)
        shares = torch.div(256 * e + total, 2 * total, rounding_mode="floor").clamp(max=127)
        return shares.to(inputs[0].dtype)

    return run
