"""The integer network: what the quantizer leaves and every later stage reads.

Nodes and tensors are those of `harness.operators.integer_node`, which states the arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.operators.integer_node import QNode, QTensor
from harness.operators.tensor import Int8Array


@dataclass(frozen=True, eq=False)
class QNetwork:
    """An integer network, NHWC, nodes in topological order, one input and one output."""

    name: str
    input: str
    output: str
    nodes: tuple[QNode, ...]
    tensors: Mapping[str, QTensor]
    random_weights: bool
    calibration_inputs: Int8Array  # [n, h, w, c] or [n, c]: quantized calibration samples
