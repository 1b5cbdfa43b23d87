"""Converters of pooling, of means over height and width, and of Pad before a window."""

from __future__ import annotations

import math

import numpy as np

from harness.model.graph import AvgPool, GlobalAvgPool, MaxPool, Pads
from harness.model.onnx_builder import Builder
from harness.model.onnx_node import (
    Activation,
    OnnxNode,
    Padded,
    Unsupported,
    Value,
    normal_axis,
)
from harness.model.onnx_window import Window, read_window, require_2d, unpadded

_LOWEST = float(np.finfo(np.float32).min)


def max_pool(node: OnnxNode, builder: Builder) -> Value:
    if any(node.proto.output[1:]):
        raise Unsupported("the output of indices is not supported")
    source, border, value = unpadded(node)
    require_2d(len(source.shape), "pooling")
    window = _window(node, source, border)
    tensor = builder.tensor(source)
    neutral = value <= _LOWEST or (value == 0.0 and builder.is_non_negative(tensor))
    if any(border) and not neutral:
        raise Unsupported(f"reads a Pad with {value}, which could be the maximum")
    pads = _sum(window.pads, border)
    return builder.emit(node, MaxPool("", (tensor,), "", window.kernel, window.stride, pads))


def average_pool(node: OnnxNode, builder: Builder) -> Value:
    source, border, value = unpadded(node)
    require_2d(len(source.shape), "pooling")
    window = _window(node, source, border)
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
    pads = _sum(window.pads, border)
    tensor = builder.tensor(source)
    return builder.emit(
        node,
        AvgPool("", (tensor,), "", window.kernel, window.stride, pads, include and any(pads)),
    )


def global_average_pool(node: OnnxNode, builder: Builder) -> Value:
    source = node.activation(0)
    require_2d(len(source.shape), "pooling")
    return builder.emit(node, GlobalAvgPool("", (builder.tensor(source),), ""))


def global_max_pool(node: OnnxNode, builder: Builder) -> Value:
    source = node.activation(0)
    require_2d(len(source.shape), "pooling")
    kernel = (source.shape[2], source.shape[3])
    return builder.emit(node, MaxPool("", (builder.tensor(source),), "", kernel, (1, 1)))


def reduce_mean(node: OnnxNode, builder: Builder) -> Value:
    source = node.activation(0)
    rank = len(source.shape)
    axes = node.axes(rank, input_since=18)
    if not axes and node.integer("noop_with_empty_axes", 0):
        return source
    if rank < 3 or source.shape[0] != 1 or set(axes or ()) != set(range(2, rank)):
        raise Unsupported("only a mean over height and width of [N, C, H, W] is supported")
    channels = source.shape[1]
    held = builder.shapes[source.tensor]
    if len(held) == 4 and held[1] == channels:
        image = Activation(source.tensor, held)
    else:
        image = Activation(source.tensor, (1, channels, math.prod(source.shape[2:]), 1))
    result = builder.emit(node, GlobalAvgPool("", (builder.tensor(image),), ""))
    kept = (1,) * (rank - 2) if node.integer("keepdims", 1) else ()
    return Activation(result.tensor, (1, channels, *kept))


def pad(node: OnnxNode, builder: Builder) -> Value:
    del builder
    value = node.value(0)
    before: Pads = (0, 0, 0, 0)
    if isinstance(value, Padded):
        source, before = value.source, value.pads
    else:
        source = node.activation(0)
    rank = len(source.shape)
    mode = node.text("mode", "constant")
    if mode != "constant":
        raise Unsupported(f"mode {mode} is not supported, only constant")
    amounts, fill = _amounts(node, rank)
    if not any(amounts):
        return value if isinstance(value, Padded) else source
    require_2d(rank, "padding")
    if any(amounts[:2]) or any(amounts[4:6]) or min(amounts) < 0:
        raise Unsupported("pads the batch or the channels, or crops")
    if isinstance(value, Padded) and value.value != fill:
        raise Unsupported("pads with another value what is padded already")
    return Padded(source, _sum(before, (amounts[2], amounts[3], amounts[6], amounts[7])), fill)


def _amounts(node: OnnxNode, rank: int) -> tuple[list[int], float]:
    """Padding before all axes, then after all; and the value to pad with."""
    if node.opset < 11:
        given = node.integers("pads")
        fill = node.real("value", 0.0)
    else:
        given = node.constant_integers(1)
        constant = node.constant(2)
        if constant is not None and (constant.size != 1 or constant.dtype.kind != "f"):
            raise Unsupported("the value to pad with is no float")
        fill = 0.0 if constant is None else float(constant.reshape(-1)[0])
    if given is None or math.isnan(fill):
        raise Unsupported("pads are missing, or the value to pad with is NaN")
    listed = node.constant_integers(3) if node.opset >= 18 else None
    axes = (
        tuple(range(rank)) if listed is None else tuple(normal_axis(axis, rank) for axis in listed)
    )
    if len(given) != 2 * len(axes) or len(set(axes)) != len(axes):
        raise Unsupported(f"{len(given)} pads for {len(axes)} axes")
    if max(given, default=0) >= 1 << 31:
        raise Unsupported("pads are out of range")
    amounts = [0] * (2 * rank)
    for place, axis in enumerate(axes):
        amounts[axis] = given[place]
        amounts[rank + axis] = given[len(axes) + place]
    return amounts, fill


def _window(node: OnnxNode, source: Activation, border: Pads) -> Window:
    n, c, h, w = source.shape
    top, left, bottom, right = border
    window = read_window(node, None, (n, c, h + top + bottom, w + left + right))
    if window.dilation != (1, 1):
        raise Unsupported(f"dilations {list(window.dilation)} are not supported in pooling")
    return window


def _sum(a: Pads, b: Pads) -> Pads:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3])
