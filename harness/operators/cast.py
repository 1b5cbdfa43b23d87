"""Cast: nothing, because computed values stay float32; no node is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.operators.onnx.reader import OnnxReader
from harness.operators.onnx.value import Unsupported, Value

if TYPE_CHECKING:
    from harness.operators.onnx.builder import Builder
    from harness.operators.onnx.node import OnnxNode


def read_cast(node: OnnxNode, builder: Builder) -> Value:
    if node.integer("to", 1) != 1:
        raise Unsupported("computed values stay float32; only a Cast to float32 is supported")
    return node.activation(0)


ONNX_READERS = {"Cast": OnnxReader(read_cast)}
