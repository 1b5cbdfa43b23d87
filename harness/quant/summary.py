"""The integer network as something to read: JSON without the bulk of the weights."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.operators.integer_node import QNode, Requant
from harness.quant.digest import network_digest
from harness.quant.macs import node_macs
from harness.quant.program import QNetwork

LARGEST_LISTED = 16
"""Arrays with more elements are summarized by shape and range."""


def network_to_json(network: QNetwork) -> str:
    """Every tensor and node with its parameters; arrays by shape, type and range."""
    tensors = {
        tensor.name: {"shape": list(tensor.shape), "scale": tensor.scale}
        for tensor in network.tensors.values()
    }
    document = {
        "format": "aimc-network",
        "version": 1,
        "name": network.name,
        "input": network.input,
        "output": network.output,
        "random_weights": network.random_weights,
        "graph_sha256": network_digest(network),
        "calibration_samples": int(network.calibration_inputs.shape[0]),
        "macs": sum(node_macs(network, node) for node in network.nodes),
        "tensors": tensors,
        "nodes": [_node(network, node) for node in network.nodes],
    }
    return readable_json(document)


def readable_json(document: dict[str, Any]) -> str:
    """Indented JSON with lists of numbers and names on one line."""
    text = json.dumps(document, indent=1, allow_nan=False)
    flat = re.compile(r"\[\n\s*([^\[\]{}]*?)\n\s*\]")  # a line break is never inside a string
    return flat.sub(lambda match: "[" + " ".join(match[1].split()) + "]", text) + "\n"


def _node(network: QNetwork, node: QNode) -> dict[str, Any]:
    fields = {key: _value(value) for key, value in vars(node).items()}
    return {
        "name": fields.pop("name"),
        "operator": node.kind,
        "macs": node_macs(network, node),
        **fields,
    }


def _value(value: object) -> Any:  # noqa: ANN401
    match value:
        case np.ndarray():
            return describe_array(value)
        case Requant():
            return {
                "multiplier": describe_array(value.multiplier),
                "shift": describe_array(value.shift),
                "low": value.low,
                "high": value.high,
            }
        case tuple():
            return [_value(item) for item in value]
        case _:
            return value


def describe_array(array: npt.NDArray[Any]) -> Any:  # noqa: ANN401
    """A short array as a list; a long one as its shape, type and range."""
    if array.ndim == 1 and array.size <= LARGEST_LISTED:
        return array.tolist()
    return {
        "shape": list(array.shape),
        "dtype": str(array.dtype),
        "min": array.min(initial=np.inf).item() if array.dtype.kind == "f" else int(array.min()),
        "max": array.max(initial=-np.inf).item() if array.dtype.kind == "f" else int(array.max()),
    }
