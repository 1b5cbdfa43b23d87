"""The float reference: runs a typed graph in float32 numpy, a batch at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import TypeAlias

import numpy as np

from harness.errors import QuantError
from harness.model.graph import (
    Add,
    AvgPool,
    BatchNorm,
    Clip,
    Concat,
    Conv,
    Dense,
    FloatArray,
    GlobalAvgPool,
    Graph,
    LogSoftmax,
    MaxPool,
    Node,
    Reshape,
    Softmax,
)
from harness.quant.patches import Window, patch_pieces, window_view

BATCH_VALUES = 6 << 20  # values of the largest tensor in flight: bounds memory, not results

Observer: TypeAlias = Callable[[str, FloatArray], None]
"""Called with a tensor's name and its values, [n, h, w, c] or [n, c]."""


def run_float(
    graph: Graph, images: FloatArray, *, keep: Collection[str] | None = None
) -> dict[str, FloatArray]:
    """Run ``graph`` on ``images`` [n, c, h, w] or [n, features].

    Args:
        keep: Tensors to return; None: all of them.

    Returns:
        Tensor name to float32 [n, c, h, w] or [n, c].

    Raises:
        QuantError: The images do not fit the graph's input, or a node is not supported.
    """
    kept: dict[str, FloatArray] = {}

    def observe(name: str, values: FloatArray) -> None:
        if keep is None or name in keep:
            kept[name] = to_nchw(values)

    observe_float(graph, images, observe)
    return kept


def observe_float(graph: Graph, images: FloatArray, observe: Observer) -> None:
    """Run ``graph`` and show every tensor, the input too, once; memory stays bounded.

    Raises:
        QuantError: As `run_float`.
    """
    expected = graph.shapes[graph.input][1:]
    if images.shape[1:] != expected:
        raise QuantError(
            f"images have shape {list(images.shape)}, the input is [n, {_dimensions(expected)}]",
            where=graph.name,
        )
    last_use = {name: index for index, node in enumerate(graph.nodes) for name in node.inputs}
    tensors = {graph.input: to_nhwc(np.asarray(images, np.float32))}
    observe(graph.input, tensors[graph.input])
    for index, node in enumerate(graph.nodes):
        operands = [tensors[name] for name in node.inputs]
        result = _run_node(node, operands, graph.shapes[node.output])
        observe(node.output, result)
        tensors[node.output] = result
        for name in {*node.inputs, node.output}:
            if last_use.get(name, index) <= index:
                tensors.pop(name, None)


def infer_float(graph: Graph, images: FloatArray) -> FloatArray:
    """The outputs [n, ...] alone of `run_float`, in batches of bounded memory."""
    largest = max(math.prod(shape[1:]) for shape in graph.shapes.values())
    batch = max(1, BATCH_VALUES // largest)
    return np.concatenate(
        [
            run_float(graph, images[start : start + batch], keep={graph.output})[graph.output]
            for start in range(0, len(images), batch)
        ]
    )


def to_nhwc(values: FloatArray) -> FloatArray:
    """[n, c, h, w] to contiguous [n, h, w, c]; [n, c] as it is."""
    return np.ascontiguousarray(values.transpose(0, 2, 3, 1)) if values.ndim == 4 else values


def to_nchw(values: FloatArray) -> FloatArray:
    """[n, h, w, c] to contiguous [n, c, h, w]; [n, c] as it is."""
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2)) if values.ndim == 4 else values


def _run_node(node: Node, operands: list[FloatArray], shape: tuple[int, ...]) -> FloatArray:
    x = operands[0]
    match node:
        case Conv():
            return _conv(node, x)
        case Dense():
            return x @ node.weight.T + node.bias
        case BatchNorm():
            gain = node.scale / np.sqrt(node.variance + np.float32(node.epsilon))
            return np.asarray((x - node.mean) * gain + node.offset, np.float32)
        case MaxPool():
            return _max_pool(x, Window(node.kernel, node.stride, node.pads))
        case AvgPool():
            return _avg_pool(x, Window(node.kernel, node.stride, node.pads), node.count_include_pad)
        case GlobalAvgPool():
            return np.asarray(x.mean(axis=(1, 2), keepdims=True), np.float32)
        case Add():
            return x + operands[1]
        case Concat():
            return np.concatenate(operands, axis=-1)
        case Clip():
            return np.clip(x, np.float32(node.low), np.float32(node.high))
        case Reshape():
            return to_nhwc(to_nchw(x).reshape(x.shape[0], *shape[1:]))
        case Softmax():
            e = np.exp(x - x.max(axis=-1, keepdims=True))
            return np.asarray(e / e.sum(axis=-1, keepdims=True), np.float32)
        case LogSoftmax():
            shifted = x - x.max(axis=-1, keepdims=True)
            norm = np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
            return np.asarray(shifted - norm, np.float32)
        case _:
            raise QuantError(f"no float arithmetic for {type(node).__name__}", where=node.name)


def _conv(node: Conv, maps: FloatArray) -> FloatArray:
    out_channels, in_per_group, kh, kw = node.weight.shape
    window = Window((kh, kw), node.stride, node.pads, node.dilation)
    n, h, w, _ = maps.shape
    oh, ow = window.output_size(h, w)
    taps = node.weight.transpose(0, 2, 3, 1)  # [out, kh, kw, in / groups]
    per_group = out_channels // node.groups
    if in_per_group == 1 and per_group == 1 and node.groups > 1:
        view = window_view(maps, window)
        depthwise = np.zeros((n, oh, ow, out_channels), np.float32)
        for ky in range(kh):
            for kx in range(kw):
                depthwise += view[:, :, :, ky, kx] * taps[:, ky, kx, 0]
        depthwise += node.bias
        return depthwise
    out = np.empty((n * oh * ow, out_channels), np.float32)
    for group in range(node.groups):
        channels = slice(group * per_group, (group + 1) * per_group)
        matrix = taps[channels].reshape(per_group, -1).T
        part = maps[..., group * in_per_group : (group + 1) * in_per_group]
        for pixels, patches in patch_pieces(part, window):
            out[pixels, channels] = patches @ matrix + node.bias[channels]
    return out.reshape(n, oh, ow, out_channels)


def _max_pool(maps: FloatArray, window: Window) -> FloatArray:
    view = window_view(maps, window, -np.inf)
    best: FloatArray = view[:, :, :, 0, 0].copy()
    for ky in range(window.kernel[0]):
        for kx in range(window.kernel[1]):
            np.maximum(best, view[:, :, :, ky, kx], out=best)
    return best


def _avg_pool(maps: FloatArray, window: Window, count_include_pad: bool) -> FloatArray:
    view = window_view(maps, window)
    n, oh, ow, kh, kw, c = view.shape
    total = np.zeros((n, oh, ow, c), np.float32)
    for ky in range(kh):
        for kx in range(kw):
            total += view[:, :, :, ky, kx]
    if count_include_pad:
        total /= np.float32(kh * kw)
        return total
    ones = np.ones((1, maps.shape[1], maps.shape[2], 1), np.float32)
    counts = window_view(ones, window).sum(axis=(3, 4, 5), dtype=np.float32)
    total /= np.maximum(counts, 1)[..., None]
    return total


def _dimensions(shape: tuple[int, ...]) -> str:
    return ", ".join(str(size) for size in shape)
