"""The primitives in numpy: the reference, exact and in memory that is bounded.

Integer products go through float32 BLAS in slices of the reduction that are short enough for every
partial sum to be an exact integer below 2**24, whatever order BLAS adds in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.operators.backend.im2col import patch_pieces, window_view
from harness.operators.backend.primitives import (
    EVERY_CHANNEL,
    Finish,
    FloatBackend,
    IntegerBackend,
)
from harness.operators.integer_node import Requant
from harness.operators.tensor import FloatArray, Int8Array, Int32Array
from harness.operators.window import Window

EXACT_FLOAT32_TERMS = 1 << 10  # products of at most 2**14: sums stay within 2**24
REQUANT_PIECE = 1 << 16  # elements that stay in a core's L2 cache while they are requantized

_Values = npt.NDArray[Any]


class NumpyFloat(FloatBackend):
    """float32."""

    def convolve(
        self,
        maps: FloatArray,
        weight: FloatArray,
        bias: FloatArray | None,
        window: Window,
        groups: int,
    ) -> FloatArray:
        def finish(sums: FloatArray, channels: slice) -> FloatArray:
            return sums if bias is None else sums + bias[channels]

        taps = weight.transpose(0, 2, 3, 1)
        if _is_depthwise(taps, groups):
            return finish(_depthwise(maps, taps, window), EVERY_CHANNEL)
        return _convolve(maps, taps, window, groups, np.matmul, finish, np.float32)

    def linear(self, rows: FloatArray, weight: FloatArray, bias: FloatArray | None) -> FloatArray:
        product: FloatArray = rows @ weight.T
        return product if bias is None else product + bias

    def normalize(
        self,
        x: FloatArray,
        mean: FloatArray,
        variance: FloatArray,
        scale: FloatArray,
        offset: FloatArray,
        epsilon: float,
    ) -> FloatArray:
        gain = scale / np.sqrt(variance + np.float32(epsilon))
        return np.asarray((x - mean) * gain + offset, np.float32)

    def clip(self, x: FloatArray, low: float, high: float) -> FloatArray:
        return np.clip(x, np.float32(low), np.float32(high))

    def window_max(self, maps: FloatArray, window: Window) -> FloatArray:
        return _window_max(maps, window, -np.inf)

    def window_sum(self, maps: FloatArray, window: Window) -> FloatArray:
        total: FloatArray = _window_sum(maps, window, np.float32)
        return total

    def contiguous(self, x: FloatArray) -> FloatArray:
        return np.ascontiguousarray(x)

    def constant(self, values: _Values, like: FloatArray) -> FloatArray:
        return values.astype(like.dtype)


class NumpyInteger(IntegerBackend):
    """Activations are int8, sums are int32."""

    def convolve(
        self, maps: Int8Array, weight: Int8Array, window: Window, groups: int, finish: Finish
    ) -> Int8Array:
        if _is_depthwise(weight, groups):
            sums = _depthwise(maps.astype(np.int32), weight.astype(np.int32), window)
            activation: Int8Array = finish(sums, EVERY_CHANNEL)
            return activation
        return _convolve(
            maps.astype(np.float32), weight, window, groups, exact_matmul, finish, np.int8
        )

    def linear(self, rows: Int8Array, weight: Int8Array, finish: Finish) -> Int8Array:
        activation: Int8Array = finish(exact_matmul(rows, weight.T), EVERY_CHANNEL)
        return activation

    def requantize(
        self,
        sums: _Values,
        requant: Requant,
        bias: Int32Array | None = None,
        channels: slice = EVERY_CHANNEL,
    ) -> Int8Array:
        scale = requant.of(channels)
        multiplier, shift = self.constant(scale.multiplier), self.constant(scale.shift)
        rows = sums.reshape(-1, sums.shape[-1])
        if bias is not None:
            rows = rows + bias[channels]
        out = np.empty(rows.shape, np.int8)
        step = max(1, REQUANT_PIECE // max(1, rows.shape[1]))
        for start in range(0, rows.shape[0], step):
            piece = slice(start, start + step)
            out[piece] = self.requantize_exactly(
                rows[piece].astype(np.int64), multiplier, shift, scale.low, scale.high
            )
        return out.reshape(sums.shape)

    def clip(self, x: _Values, low: int, high: int) -> _Values:
        return np.clip(x, low, high)

    def window_max(self, maps: Int8Array, window: Window) -> Int8Array:
        return _window_max(maps, window, -128)

    def window_sum(self, maps: Int8Array, window: Window) -> Int32Array:
        return _window_sum(maps, window, np.int32)

    def contiguous(self, x: Int8Array) -> Int8Array:
        return np.ascontiguousarray(x)

    def sums(self, activation: Int8Array) -> Int32Array:
        return activation.astype(np.int32)

    def shift_right(self, sums: Int32Array, shift: int) -> Int32Array:
        sums += np.int32(1 << (shift - 1))
        sums >>= shift
        return sums

    def int64(self, x: _Values) -> npt.NDArray[np.int64]:
        return x.astype(np.int64)

    def activation(self, x: _Values) -> Int8Array:
        return x.astype(np.int8)

    def constant(self, values: _Values) -> npt.NDArray[np.int64]:
        return values.astype(np.int64)


def exact_matmul(a: _Values, b: _Values) -> Int32Array:
    """``a`` [m, k] times ``b`` [k, n] of int8 values, as int32 (the sums must fit)."""
    k = a.shape[1]
    acc = np.zeros((a.shape[0], b.shape[1]), np.int32)
    for start in range(0, k, EXACT_FLOAT32_TERMS):
        part = slice(start, start + EXACT_FLOAT32_TERMS)
        acc += (_float(a[:, part]) @ _float(b[part])).astype(np.int32)
    return acc


def _float(values: _Values) -> FloatArray:
    return values.astype(np.float32, copy=False)


def _is_depthwise(taps: _Values, groups: int) -> bool:
    return bool(taps.shape[3] == 1 and taps.shape[0] == groups > 1)


def _convolve(
    maps: _Values,
    taps: _Values,
    window: Window,
    groups: int,
    matmul: Callable[[_Values, _Values], _Values],
    finish: Finish,
    dtype: type[np.generic],
) -> _Values:
    """``finish`` of sums of products with ``taps`` [out, kh, kw, in / groups], piece by piece."""
    n, h, w, _ = maps.shape
    oh, ow = window.output_size(h, w)
    out_channels, _, _, in_per_group = taps.shape
    per_group = out_channels // groups
    out = np.empty((n * oh * ow, out_channels), dtype)
    for group in range(groups):
        channels = slice(group * per_group, (group + 1) * per_group)
        matrix = taps[channels].reshape(per_group, -1).T.astype(np.float32, copy=False)
        part = maps[..., group * in_per_group : (group + 1) * in_per_group]
        for pixels, patches in patch_pieces(part, window):
            out[pixels, channels] = finish(matmul(patches, matrix), channels)
    return out.reshape(n, oh, ow, out_channels)


def _depthwise(maps: _Values, taps: _Values, window: Window) -> _Values:
    view = window_view(maps, window)
    n, oh, ow, kh, kw, c = view.shape
    sums = np.zeros((n, oh, ow, c), maps.dtype)
    for ky in range(kh):
        for kx in range(kw):
            sums += view[:, :, :, ky, kx] * taps[:, ky, kx, 0]
    return sums


def _window_max(maps: _Values, window: Window, lowest: float) -> _Values:
    view = window_view(maps, window, lowest)
    best = view[:, :, :, 0, 0].copy()
    for ky in range(window.kernel[0]):
        for kx in range(window.kernel[1]):
            np.maximum(best, view[:, :, :, ky, kx], out=best)
    return best


def _window_sum(maps: _Values, window: Window, dtype: type[np.generic]) -> _Values:
    view = window_view(maps, window)
    n, oh, ow, kh, kw, c = view.shape
    sums = np.zeros((n, oh, ow, c), dtype)
    for ky in range(kh):
        for kx in range(kw):
            sums += view[:, :, :, ky, kx]
    return sums
