"""The typed graph that every network becomes, whichever way it came in.

Tensors are NCHW (4-D) or NC (2-D) with batch size 1, as in ONNX.  Nodes are those of
`harness.operators`, in topological order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.operators.node import Node


@dataclass(frozen=True, eq=False)
class Graph:
    """A network: one input, one output, nodes in topological order.

    ``shapes`` has an entry for the input and for every node's output.
    ``random_weights`` says that no trained checkpoint stands behind the weights;
    ``file_batch`` how many samples the network's file runs at once.
    """

    name: str
    input: str
    output: str
    nodes: tuple[Node, ...]
    shapes: Mapping[str, tuple[int, ...]]
    random_weights: bool = False
    file_batch: int = 1
