"""ReduceMean: only over height and width, as a GlobalAvgPool."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.operators.global_avg_pool import GlobalAvgPool
from harness.operators.onnx.reader import OnnxReader, listed_axes
from harness.operators.onnx.value import Activation, Unsupported, Value

if TYPE_CHECKING:
    from harness.operators.onnx.builder import Builder
    from harness.operators.onnx.node import OnnxNode


def read_reduce_mean(node: OnnxNode, builder: Builder) -> Value:
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


ONNX_READERS = {"ReduceMean": OnnxReader(read_reduce_mean, mixed_axes=listed_axes)}
