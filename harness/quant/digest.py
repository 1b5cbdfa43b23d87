"""The identity of a network's layers and weights, which a mapping may insist on."""

from __future__ import annotations

import hashlib
import json

import numpy as np

from harness.quant.program import QNetwork


def network_digest(network: QNetwork) -> str:
    """SHA-256 over the nodes, the shapes and the folded float weights, in hexadecimal.

    Scales are not part of it: another calibration is the same network.
    """
    digest = hashlib.sha256()
    for node in network.nodes:
        shape = network.tensors[node.output].shape
        head: list[object] = [
            type(node).__name__,
            node.name,
            list(node.inputs),
            node.output,
            list(shape),
        ]
        head += node.structure()
        digest.update(json.dumps(head).encode() + b"\n")
        for array in node.float_weights():
            digest.update(json.dumps(list(array.shape)).encode())
            digest.update(np.ascontiguousarray(array, "<f4").data)
    return digest.hexdigest()
