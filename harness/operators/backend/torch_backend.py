"""The primitives in torch: for training, and for integer programs on many sets of devices.

An integer activation is a tensor of whole numbers of float64 (exact) or float32.  In float64 every
operator gives numpy's integers: sums of products are far below 2**53, and requantization is done in
int64.  In float32 sums beyond 2**24 round, and requantization is one multiplication and addition,
which may differ by one where a result lies within about 2**-16 of a rounding boundary.

Arrays have the channel axis last, as in numpy.  Torch's functions get a view with the channels
first, so that the memory, and with it the function that torch chooses, stay as they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as functional
from torch import Tensor

from harness.operators.backend.primitives import (
    EVERY_CHANNEL,
    Finish,
    FloatBackend,
    IntegerBackend,
)
from harness.operators.integer_node import Requant
from harness.operators.tensor import Int8Array, Int32Array, Pads
from harness.operators.window import Window

_BATCH_NORM_MOMENTUM = 0.1  # weight of the newest batch in the running statistics


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


class TorchFloat(FloatBackend):
    """Any float type, with gradients.

    Args:
        training: Whether `normalize` takes the batch's own statistics.
    """

    def __init__(self, *, training: bool = False) -> None:
        self._training = training

    def convolve(
        self, maps: Tensor, weight: Tensor, bias: Tensor | None, window: Window, groups: int
    ) -> Tensor:
        return convolve(maps, weight, bias, window, groups)

    def linear(self, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return functional.linear(rows, weight, bias)

    def normalize(
        self,
        x: Tensor,
        mean: Tensor,
        variance: Tensor,
        scale: Tensor,
        offset: Tensor,
        epsilon: float,
    ) -> Tensor:
        normalized = functional.batch_norm(
            _first(x),
            mean,
            variance,
            scale,
            offset,
            self._training,
            _BATCH_NORM_MOMENTUM,
            epsilon,
        )
        return _last(normalized)

    def clip(self, x: Tensor, low: float, high: float) -> Tensor:
        # The gradient of ReLU at 0 is 0, that of clamp is 1.
        if low == 0.0 and high == math.inf:
            return functional.relu(x)
        return torch.clamp(x, low, high)

    def window_max(self, maps: Tensor, window: Window) -> Tensor:
        return _window_max(maps, window, -math.inf)

    def window_sum(self, maps: Tensor, window: Window) -> Tensor:
        return _window_sum(maps, window)

    def contiguous(self, x: Tensor) -> Tensor:
        return x.contiguous()

    def constant(self, values: npt.NDArray[Any], like: Tensor) -> Tensor:
        return torch.from_numpy(values.copy()).to(like.device, like.dtype)


class TorchInteger(IntegerBackend):
    """Activations and sums are of the type of ``how``; arrays of nodes are converted once."""

    def __init__(self, how: Arithmetic) -> None:
        self._how = how
        # By the array's identity, with the array itself, so that no other one gets its identity.
        self._held: dict[tuple[int, str], tuple[object, Any]] = {}

    def convolve(
        self, maps: Tensor, weight: Int8Array, window: Window, groups: int, finish: Finish
    ) -> Tensor:
        kernel = self._kernel(weight)
        activation: Tensor = finish(convolve(maps, kernel, None, window, groups), EVERY_CHANNEL)
        return activation

    def _kernel(self, weight: Int8Array) -> Tensor:
        """``weight`` [out, kh, kw, in / groups] as `convolve` takes it."""
        key = (id(weight), "kernel")
        if key not in self._held:
            kernel = self._how.tensor(weight.transpose(0, 3, 1, 2))
            kernel = kernel.contiguous(memory_format=torch.channels_last)
            self._held[key] = (weight, kernel)
        kernel_held: Tensor = self._held[key][1]
        return kernel_held

    def linear(self, rows: Tensor, weight: Int8Array, finish: Finish) -> Tensor:
        key = (id(weight), "matrix")
        if key not in self._held:
            self._held[key] = (weight, self._how.tensor(weight.T))
        activation: Tensor = finish(rows @ self._held[key][1], EVERY_CHANNEL)
        return activation

    def requantize(
        self,
        sums: Tensor,
        requant: Requant,
        bias: Int32Array | None = None,
        channels: slice = EVERY_CHANNEL,
    ) -> Tensor:
        assert channels == EVERY_CHANNEL
        key = (id(requant), "requantizer")
        if key not in self._held:
            requantizer = Requantizer(requant, self._how, bias=0 if bias is None else bias)
            self._held[key] = (requant, requantizer)
        activation: Tensor = self._held[key][1](sums)
        return activation

    def clip(self, x: Tensor, low: int, high: int) -> Tensor:
        return x.clamp(low, high)

    def window_max(self, maps: Tensor, window: Window) -> Tensor:
        return _window_max(maps, window, -128.0)

    def window_sum(self, maps: Tensor, window: Window) -> Tensor:
        return _window_sum(maps, window)

    def contiguous(self, x: Tensor) -> Tensor:
        return x.contiguous()

    def sums(self, activation: Tensor) -> Tensor:
        return activation

    def shift_right(self, sums: Tensor, shift: int) -> Tensor:
        # Sums of 24 bits or less are scaled exactly.
        return sums.mul_(2.0**-shift).add_(0.5).floor_()

    def int64(self, x: Tensor) -> Tensor:
        return x.to(torch.int64)

    def activation(self, x: Tensor) -> Tensor:
        return x.to(self._how.dtype)

    def constant(self, values: npt.NDArray[Any]) -> Tensor:
        key = (id(values), "int64")
        if key not in self._held:
            integers = self._how.tensor(values.astype(np.int64), torch.int64)
            self._held[key] = (values, integers)
        held: Tensor = self._held[key][1]
        return held


class Requantizer:
    """Sums to activations: ``requantize(sums * unit + bias)``, per channel or per tensor.

    Args:
        unit: What one step of the sums counts: 1, or 256 for converter codes.
        bias: Integers, one per channel, or 0.
    """

    def __init__(
        self,
        requant: Requant,
        how: Arithmetic,
        *,
        unit: int = 1,
        bias: npt.NDArray[Any] | int = 0,
    ) -> None:
        self._low, self._high = requant.low, requant.high
        self._unit = unit
        self._exact = TorchInteger(how) if how.exact else None
        if how.exact:
            self._bias = how.tensor(np.atleast_1d(bias), torch.int64)
            self._multiplier = how.tensor(requant.multiplier, torch.int64)
            self._shift = how.tensor(requant.shift, torch.int64)
        else:
            shift = requant.shift.astype(np.float64)
            ratio = requant.multiplier.astype(np.float64) * 2.0 ** (-31 - shift)
            # Rounding twice, half up, is rounding once with this much more.
            half = 0.5 + np.where(shift > 0, 2.0 ** (-shift - 1), 0.0)
            self._ratio = how.tensor(ratio * unit)
            self._offset = how.tensor(np.asarray(bias) * ratio + half)

    def __call__(self, sums: Tensor) -> Tensor:
        """[..., channels]; ``sums`` may be overwritten."""
        if self._exact is None:
            result = torch.addcmul(self._offset, sums, self._ratio).floor_()
            return result.clamp_(self._low, self._high)
        t = sums.to(torch.int64) * self._unit + self._bias
        activation: Tensor = self._exact.requantize_exactly(
            t, self._multiplier, self._shift, self._low, self._high
        )
        return activation


def convolve(
    maps: Tensor, weight: Tensor, bias: Tensor | None, window: Window, groups: int = 1
) -> Tensor:
    """Sums of products over zero-padded windows, [n, h, w, in] to [n, oh, ow, out].

    Args:
        weight: [out, in / groups, kh, kw].
        bias: [out].
    """
    top, left, bottom, right = window.pads
    padding = (top, left)
    if (top, left) != (bottom, right):
        maps, padding = pad_map(maps, window.pads), (0, 0)
    sums = functional.conv2d(
        _first(maps), weight, bias, window.stride, padding, window.dilation, groups
    )
    return _last(sums)


def pad_map(maps: Tensor, pads: Pads, value: float = 0.0) -> Tensor:
    """``maps`` [n, h, w, c] with a constant border."""
    if not any(pads):
        return maps
    top, left, bottom, right = pads
    # Padding a view keeps the order of its memory.
    padded = functional.pad(_first(maps), (left, right, top, bottom), value=value)
    return _last(padded)


def _window_max(maps: Tensor, window: Window, lowest: float) -> Tensor:
    padded = _first(pad_map(maps, window.pads, lowest))
    return _last(functional.max_pool2d(padded, window.kernel, window.stride))


def _window_sum(maps: Tensor, window: Window) -> Tensor:
    padded = _first(pad_map(maps, window.pads))
    return _last(functional.avg_pool2d(padded, window.kernel, window.stride, divisor_override=1))


def _first(x: Tensor) -> Tensor:
    """A view [n, c, ...] of ``x`` [n, ..., c]."""
    return x.permute(0, x.ndim - 1, *range(1, x.ndim - 1))


def _last(x: Tensor) -> Tensor:
    """A view [n, ..., c] of ``x`` [n, c, ...]."""
    return x.permute(0, *range(2, x.ndim), 1)
