"""Transpose: only where axes of length 1 move, so that the order of the values stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.operators.onnx.reader import Inputs, OnnxReader
from harness.operators.onnx.value import Unsupported, Value
from harness.operators.reshape import view

if TYPE_CHECKING:
    import onnx

    from harness.operators.onnx.builder import Builder
    from harness.operators.onnx.node import OnnxNode


def read_transpose(node: OnnxNode, builder: Builder) -> Value:
    source = node.activation(0)
    rank = len(source.shape)
    order = node.integers("perm") or tuple(reversed(range(rank)))
    if sorted(order) != list(range(rank)):
        raise Unsupported(f"perm {list(order)} is no permutation")
    moved = [axis for axis in order if source.shape[axis] != 1]
    if moved != sorted(moved):
        raise Unsupported("reorders values: networks must be in NCHW order throughout")
    return view(node, source, tuple(source.shape[axis] for axis in order))


def _moves_samples(proto: onnx.NodeProto, inputs: Inputs) -> list[int]:
    """Axis 0 if it does not stay in front."""
    given = {attribute.name: attribute for attribute in proto.attribute}
    return [0] if "perm" not in given or given["perm"].ints[:1] != [0] else []


ONNX_READERS = {"Transpose": OnnxReader(read_transpose, mixed_axes=_moves_samples)}
