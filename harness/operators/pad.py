"""Pad: a border around an image, for the Conv or pooling that reads it; no node is made."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.operators.onnx.reader import OnnxReader
from harness.operators.onnx.value import Padded, Unsupported, Value, normal_axis
from harness.operators.onnx.window import require_2d, sum_of_pads
from harness.operators.tensor import Pads

if TYPE_CHECKING:
    from harness.operators.onnx.builder import Builder
    from harness.operators.onnx.node import OnnxNode


def read_pad(node: OnnxNode, builder: Builder) -> Value:
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
    border = (amounts[2], amounts[3], amounts[6], amounts[7])
    return Padded(source, sum_of_pads(before, border), fill)


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


ONNX_READERS = {"Pad": OnnxReader(read_pad)}
