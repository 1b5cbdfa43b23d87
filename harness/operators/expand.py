"""Expand: only to the shape that the tensor has; no node is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.operators.onnx.reader import OnnxReader
from harness.operators.onnx.value import Unsupported, Value
from harness.quantities import shape_text

if TYPE_CHECKING:
    from harness.operators.onnx.builder import Builder
    from harness.operators.onnx.node import OnnxNode


def read_expand(node: OnnxNode, builder: Builder) -> Value:
    source = node.activation(0)
    target = node.constant_integers(1) or ()
    aligned = (1,) * (len(source.shape) - len(target)) + target
    if len(aligned) != len(source.shape) or any(
        want not in (1, have) for want, have in zip(aligned, source.shape, strict=True)
    ):
        raise Unsupported(f"to {shape_text(target)} repeats values")
    return source


ONNX_READERS = {"Expand": OnnxReader(read_expand, shape_input=True)}
