"""How many multiply-accumulates an operator takes for one image."""

from __future__ import annotations

from harness.operators.integer_node import QNode
from harness.quant.program import QNetwork


def node_macs(network: QNetwork, node: QNode) -> int:
    """Multiply-accumulates of ``node``; 0 for an operator without weights."""
    return node.macs(network.tensors[node.output].shape)
