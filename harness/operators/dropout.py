"""Dropout: nothing in inference; no node is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.operators.identity import read_identity
from harness.operators.onnx.reader import OnnxReader
from harness.operators.onnx.value import Unsupported, Value

if TYPE_CHECKING:
    from harness.operators.onnx.builder import Builder
    from harness.operators.onnx.node import OnnxNode


def read_dropout(node: OnnxNode, builder: Builder) -> Value:
    training = node.constant(2) if node.opset >= 12 else None
    if training is not None and training.any():
        raise Unsupported("training mode is not supported")
    if any(node.proto.output[1:]):
        raise Unsupported("the output of the mask is not supported")
    return read_identity(node, builder)


ONNX_READERS = {"Dropout": OnnxReader(read_dropout, optional_outputs=True)}
