"""Affine functions per channel, and merging them into layers with weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from harness.errors import ModelError
from harness.operators.node import Node
from harness.operators.tensor import Float64Array, FloatArray, all_finite

_PIECE_VALUES = 1 << 24


@dataclass(frozen=True, eq=False)
class Affine:
    """``y = scale * x + shift`` per channel, in float64."""

    scale: Float64Array
    shift: Float64Array


def scaled_weight(node: Node, weight: FloatArray, factors: Float64Array) -> FloatArray:
    """``weight`` [out, ...] times ``factors``, which have one row or [out]; in float64.

    Raises:
        ModelError: The product leaves float32's range.
    """
    scaled = np.empty_like(weight)
    for rows in row_pieces(weight):
        piece: Float64Array = weight[rows] * (factors if len(factors) == 1 else factors[rows])
        scaled[rows] = narrowed(piece, node)
    return scaled


def row_pieces(weight: FloatArray) -> Iterator[slice]:
    """Rows of ``weight`` [out, ...] that together are small in float64."""
    outputs = len(weight)
    rows = max(1, _PIECE_VALUES * outputs // weight.size)
    return (slice(start, start + rows) for start in range(0, outputs, rows))


def narrowed(values: Float64Array, node: Node) -> FloatArray:
    """``values`` as float32 parameters of ``node``.

    Raises:
        ModelError: They leave float32's range.
    """
    with np.errstate(over="ignore"):
        result = np.ascontiguousarray(values, np.float32)
    if not all_finite(result):
        raise ModelError(
            "folding batch normalisation gives weights beyond the range of float32",
            where=f"{node.name} ({node.kind})",
            hint="the normalisation's variance is close to zero: train the network further",
        )
    return result
