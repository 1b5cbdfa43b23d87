"""How many multiply-accumulates an operator takes for one image."""

from __future__ import annotations

from math import prod

from harness.quant.program import QConv, QDense, QNetwork, QNode


def node_macs(network: QNetwork, node: QNode) -> int:
    """Multiply-accumulates of a convolution or dense layer; 0 for every other operator."""
    match node:
        case QConv():
            h, w, _ = network.tensors[node.output].shape
            return h * w * prod(node.weight.shape)
        case QDense():
            return prod(node.weight.shape)
        case _:
            return 0
