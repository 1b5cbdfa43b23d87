"""The integer arithmetic of `harness.quant.program` in numpy, bit-exact and vectorised.

Matrix products go through float32 BLAS in slices of the reduction that are short enough
for every partial sum to be an exact integer below 2**24, whatever order BLAS adds in.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from harness.quant.patches import Window, patch_pieces, window_view
from harness.quant.program import Int8Array, Int32Array, QAdd, Requant

INT32_MAX = 2**31 - 1
INT32_MIN = -(2**31)
EXACT_FLOAT32_TERMS = 1 << 10  # products of at most 2**14: sums stay within 2**24
REQUANT_PIECE = 1 << 16  # elements that stay in a core's L2 cache while they are requantized


def requantize(
    acc: npt.NDArray[Any],
    multiplier: npt.NDArray[Any] | int,
    shift: npt.NDArray[Any] | int,
    low: int = -128,
    high: int = 127,
) -> Int8Array:
    """`harness.quant.program`'s requantize; ``multiplier`` and ``shift`` broadcast.

    Args:
        acc: int32 values, any shape (any integer type that holds them).
        multiplier: In [2**30, 2**31).
        shift: Right shift in [-31, 31]; negative shifts left first, saturating.
        low, high: The clamp, within [-128, 127].
    """
    shifts = np.asarray(shift, np.int64)
    t = np.array(acc, np.int64)
    if shifts.size and int(shifts.min()) < 0:
        t = t << np.maximum(-shifts, 0)
        np.clip(t, INT32_MIN, INT32_MAX, out=t)
    t = t * np.asarray(multiplier, np.int64)
    t += 1 << 30
    t >>= 31
    right = np.maximum(shifts, 0)
    # 1 << (s - 1) for s > 0, and nothing for s = 0.
    t = t + ((np.int64(1) << right) >> 1)
    t = t >> right
    np.clip(t, low, high, out=t)
    return t.astype(np.int8)


def requantize_rows(acc: npt.NDArray[Any], requant: Requant, out: Int8Array) -> None:
    """Requantize ``acc`` [rows, channels] (or per tensor) into ``out``, cache-sized pieces."""
    step = max(1, REQUANT_PIECE // max(1, acc.shape[1]))
    for start in range(0, acc.shape[0], step):
        piece = slice(start, start + step)
        out[piece] = requantize(
            acc[piece], requant.multiplier, requant.shift, requant.low, requant.high
        )


def exact_matmul(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> Int32Array:
    """``a`` [m, k] times ``b`` [k, n] of int8 values, as int32 (the sums must fit)."""
    k = a.shape[1]
    acc = np.zeros((a.shape[0], b.shape[1]), np.int32)
    for start in range(0, k, EXACT_FLOAT32_TERMS):
        part = slice(start, start + EXACT_FLOAT32_TERMS)
        acc += (_float(a[:, part]) @ _float(b[part])).astype(np.int32)
    return acc


def _float(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    return values.astype(np.float32, copy=False)


def conv(
    inputs: Int8Array,
    weight: Int8Array,
    bias: Int32Array,
    requant: Requant,
    window: Window,
    groups: int,
) -> Int8Array:
    """Integer convolution, [n, h, w, in] to [n, oh, ow, out]."""
    n, h, w, _ = inputs.shape
    oh, ow = window.output_size(h, w)
    out_channels, _, _, in_per_group = weight.shape
    out_per_group = out_channels // groups
    out = np.empty((n * oh * ow, out_channels), np.int8)
    if in_per_group == 1 and out_per_group == 1 and groups > 1:
        acc = _depthwise(inputs, weight, window).reshape(-1, out_channels)
        requantize_rows(acc + bias, requant, out)
        return out.reshape(n, oh, ow, out_channels)
    maps = inputs.astype(np.float32)
    for group in range(groups):
        channels = slice(group * out_per_group, (group + 1) * out_per_group)
        matrix = weight[channels].reshape(out_per_group, -1).T.astype(np.float32)
        part = maps[..., group * in_per_group : (group + 1) * in_per_group]
        scale = channel_requant(requant, channels)
        for pixels, patches in patch_pieces(part, window):
            acc = exact_matmul(patches, matrix) + bias[channels]
            requantize_rows(acc, scale, out[pixels, channels])
    return out.reshape(n, oh, ow, out_channels)


def _depthwise(inputs: Int8Array, weight: Int8Array, window: Window) -> Int32Array:
    view = window_view(inputs, window)
    n, oh, ow, kh, kw, c = view.shape
    acc = np.zeros((n, oh, ow, c), np.int32)
    for ky in range(kh):
        for kx in range(kw):
            acc += view[:, :, :, ky, kx].astype(np.int32) * weight[:, ky, kx, 0].astype(np.int32)
    return acc


def channel_requant(requant: Requant, channels: slice) -> Requant:
    """The entries of ``channels``; a per-tensor requant stays as it is."""
    if requant.multiplier.size == 1:
        return requant
    return Requant(requant.multiplier[channels], requant.shift[channels], requant.low, requant.high)


def dense(inputs: Int8Array, weight: Int8Array, bias: Int32Array, requant: Requant) -> Int8Array:
    """Integer fully connected layer, [n, ...] (flattened) to [n, out]."""
    acc = exact_matmul(inputs.reshape(inputs.shape[0], -1), weight.T) + bias
    out = np.empty(acc.shape, np.int8)
    requantize_rows(acc, requant, out)
    return out


def max_pool(inputs: Int8Array, window: Window, low: int, high: int) -> Int8Array:
    """Maximum over each window; padding never wins."""
    view = window_view(inputs, window, -128)
    best: Int8Array = view[:, :, :, 0, 0].copy()
    for ky in range(window.kernel[0]):
        for kx in range(window.kernel[1]):
            np.maximum(best, view[:, :, :, ky, kx], out=best)
    return np.clip(best, np.int8(low), np.int8(high))


def window_counts(height: int, width: int, window: Window) -> Int32Array:
    """How many elements of each window lie inside the map, [oh, ow]."""
    ones = np.ones((1, height, width, 1), np.int32)
    counts: Int32Array = window_view(ones, window).sum(axis=(3, 4, 5))[0].astype(np.int32)
    return counts


def avg_pool(
    inputs: Int8Array, window: Window, count_include_pad: bool, requant: Requant
) -> Int8Array:
    """Sum over each window, requantized with the table entry of its count."""
    view = window_view(inputs, window)
    n, oh, ow, kh, kw, c = view.shape
    acc = np.zeros((n, oh, ow, c), np.int32)
    for ky in range(kh):
        for kx in range(kw):
            acc += view[:, :, :, ky, kx]
    if count_include_pad:
        counts = np.full((oh, ow), kh * kw, np.int32)
    else:
        counts = window_counts(inputs.shape[1], inputs.shape[2], window)
    multiplier = requant.multiplier[counts][None, :, :, None]
    shift = requant.shift[counts][None, :, :, None]
    return requantize(acc, multiplier, shift, requant.low, requant.high)


def add(a: Int8Array, b: Int8Array, node: QAdd) -> Int8Array:
    """`QAdd`: both operands scaled by 14-bit multipliers, one rounding."""
    t = a.astype(np.int32) * np.int32(node.multipliers[0])
    t += b.astype(np.int32) * np.int32(node.multipliers[1])
    t += np.int32(1 << (node.shift - 1))
    t >>= node.shift
    clamped: Int8Array = np.clip(t, node.low, node.high).astype(np.int8)
    return clamped


def concat(parts: list[Int8Array], requants: tuple[Requant | None, ...]) -> Int8Array:
    """Channel concatenation; an entry of ``None`` copies."""
    scaled = [
        part
        if requant is None
        else requantize(part, requant.multiplier, requant.shift, requant.low, requant.high)
        for part, requant in zip(parts, requants, strict=True)
    ]
    return np.concatenate(scaled, axis=-1)


def reshape(inputs: Int8Array, shape: tuple[int, ...]) -> Int8Array:
    """Reinterpret [n, (h, w, c) or (c,)] in NCHW order as ``shape``, (h, w, c) or (c,)."""
    n = inputs.shape[0]
    flat = (inputs.transpose(0, 3, 1, 2) if inputs.ndim == 4 else inputs).reshape(n, -1)
    if len(shape) == 1:
        return np.ascontiguousarray(flat)
    h, w, c = shape
    return np.ascontiguousarray(flat.reshape(n, c, h, w).transpose(0, 2, 3, 1))


def softmax(inputs: Int8Array, table: npt.NDArray[np.uint16]) -> Int8Array:
    """`QSoftmax` over the last axis of [n, c]."""
    x = inputs.astype(np.int64)
    e = table.astype(np.int64)[x.max(axis=-1, keepdims=True) - x]
    total = e.sum(axis=-1, keepdims=True)
    shares: Int8Array = np.minimum(127, (256 * e + total) // (2 * total)).astype(np.int8)
    return shares
