"""The integer reference of a network: what every program must reproduce byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

import numpy as np

from harness.errors import QuantError
from harness.operators.backend.numpy_backend import NumpyInteger
from harness.operators.tensor import FloatArray, Int8Array
from harness.quant.program import QNetwork

Scores: TypeAlias = Int8Array | FloatArray

Override: TypeAlias = Callable[[Int8Array], Int8Array]
"""Stands in for a one-input node: its input [n, ...] to its output [n, ...]."""


def run_integer(
    network: QNetwork,
    inputs: Int8Array,
    overrides: Mapping[str, Override] | None = None,
    *,
    keep: Collection[str] | None = None,
) -> dict[str, Int8Array]:
    """Run ``network`` on quantized ``inputs`` [n, h, w, c] or [n, c].

    Args:
        overrides: By node name: computes the node's output in its place (analog layers).
        keep: Tensors to return; the others are freed after their last use.  None: all.

    Returns:
        Tensor name to int8 [n, ...].

    Raises:
        QuantError: ``inputs`` has the wrong type or shape.
    """
    expected = network.tensors[network.input].shape
    if inputs.dtype != np.int8 or inputs.shape[1:] != expected:
        raise QuantError(
            f"inputs are {inputs.dtype} {list(inputs.shape)}, not int8 [n, {expected}]",
            where=network.name,
        )
    backend = NumpyInteger()
    overrides = overrides or {}
    last_use = {name: index for index, node in enumerate(network.nodes) for name in node.inputs}
    tensors: dict[str, Int8Array] = {network.input: inputs}
    for index, node in enumerate(network.nodes):
        operands = [tensors[name] for name in node.inputs]
        override = overrides.get(node.name)
        if override is not None:
            result = override(operands[0])
        else:
            result = node.compute(backend, operands, network.tensors[node.output].shape)
        tensors[node.output] = result
        if keep is not None:
            for name in node.inputs:
                if last_use[name] == index and name not in keep:
                    tensors.pop(name, None)
    if keep is not None:
        return {name: tensors[name] for name in keep}
    return tensors


def infer(
    network: QNetwork,
    inputs: Int8Array,
    overrides: Mapping[str, Override] | None = None,
    *,
    batch: int = 64,
) -> Int8Array:
    """The network's outputs [n, ...] alone, in batches of bounded memory."""
    outputs = [
        run_integer(network, inputs[start : start + batch], overrides, keep={network.output})[
            network.output
        ]
        for start in range(0, inputs.shape[0], batch)
    ]
    if not outputs:
        return np.empty((0, *network.tensors[network.output].shape), np.int8)
    return np.concatenate(outputs)


def score_tensor(network: QNetwork) -> str:
    """The tensor whose largest value names the class: what a final softmax reads, or the output.

    The softmax's own values do not: many classes share the few steps of an int8 probability.
    """
    producer = {node.output: node for node in network.nodes}
    node = producer.get(network.output)
    while node is not None and node.is_view:
        node = producer.get(node.inputs[0])
    return network.output if node is None or not node.keeps_order else node.inputs[0]


def top1(scores: Scores) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """The predicted class of each of ``scores`` [n, ...]; ties go to the lowest index."""
    classes: np.ndarray[tuple[int], np.dtype[np.intp]] = _rows(scores).argmax(axis=1)
    return classes


def count_ties(scores: Scores) -> int:
    """In how many of ``scores`` [n, ...] two or more classes share the largest value."""
    rows = _rows(scores)
    largest = rows.max(axis=1, keepdims=True)
    return int(((rows == largest).sum(axis=1) > 1).sum())


def _rows(scores: Scores) -> Scores:
    return scores.reshape(scores.shape[0], -1)
