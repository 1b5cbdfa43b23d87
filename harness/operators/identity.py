"""Identity: the value itself; no node is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.operators.onnx.reader import OnnxReader
from harness.operators.onnx.value import Value

if TYPE_CHECKING:
    from harness.operators.onnx.builder import Builder
    from harness.operators.onnx.node import OnnxNode


def read_identity(node: OnnxNode, builder: Builder) -> Value:
    value = node.value(0)
    return node.activation(0) if value is None else value


ONNX_READERS = {"Identity": OnnxReader(read_identity)}
