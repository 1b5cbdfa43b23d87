"""The float reference: runs a graph in float32 numpy, a batch at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import TypeAlias

import numpy as np

from harness.errors import QuantError
from harness.model.graph import Graph
from harness.operators.backend.numpy_backend import NumpyFloat
from harness.operators.backend.primitives import channels_first, channels_last
from harness.operators.node import arrays_of
from harness.operators.tensor import FloatArray

BATCH_VALUES = 6 << 20  # values of the largest tensor in flight: bounds memory, not results

Observer: TypeAlias = Callable[[str, FloatArray], None]
"""Called with a tensor's name and its values, [n, h, w, c] or [n, c]."""


def run_float(
    graph: Graph, images: FloatArray, *, keep: Collection[str] | None = None
) -> dict[str, FloatArray]:
    """Run ``graph`` on ``images`` [n, c, h, w] or [n, features].

    Args:
        keep: Tensors to return; None: all of them.

    Returns:
        Tensor name to float32 [n, c, h, w] or [n, c].

    Raises:
        QuantError: The images do not fit the graph's input, or a node is not supported.
    """
    kept: dict[str, FloatArray] = {}

    def observe(name: str, values: FloatArray) -> None:
        if keep is None or name in keep:
            kept[name] = to_nchw(values)

    observe_float(graph, images, observe)
    return kept


def observe_float(graph: Graph, images: FloatArray, observe: Observer) -> None:
    """Run ``graph`` and show every tensor, the input too, once; memory stays bounded.

    Raises:
        QuantError: As `run_float`.
    """
    expected = graph.shapes[graph.input][1:]
    if images.shape[1:] != expected:
        raise QuantError(
            f"images have shape {list(images.shape)}, the input is [n, {_dimensions(expected)}]",
            where=graph.name,
        )
    last_use = {name: index for index, node in enumerate(graph.nodes) for name in node.inputs}
    backend = NumpyFloat()
    tensors = {graph.input: to_nhwc(np.asarray(images, np.float32))}
    observe(graph.input, tensors[graph.input])
    for index, node in enumerate(graph.nodes):
        operands = [tensors[name] for name in node.inputs]
        shape = graph.shapes[node.output]
        result = node.compute(backend, operands, shape, dict(arrays_of(node)))
        observe(node.output, result)
        tensors[node.output] = result
        for name in {*node.inputs, node.output}:
            if last_use.get(name, index) <= index:
                tensors.pop(name, None)


def infer_float(graph: Graph, images: FloatArray) -> FloatArray:
    """The outputs [n, ...] alone of `run_float`, in batches of bounded memory."""
    largest = max(math.prod(shape[1:]) for shape in graph.shapes.values())
    batch = max(1, BATCH_VALUES // largest)
    return np.concatenate(
        [
            run_float(graph, images[start : start + batch], keep={graph.output})[graph.output]
            for start in range(0, len(images), batch)
        ]
    )


def to_nhwc(values: FloatArray) -> FloatArray:
    """[n, c, ...] to contiguous [n, ..., c]; [n, c] as it is."""
    return np.ascontiguousarray(channels_last(values)) if values.ndim > 2 else values


def to_nchw(values: FloatArray) -> FloatArray:
    """[n, ..., c] to contiguous [n, c, ...]; [n, c] as it is."""
    return np.ascontiguousarray(channels_first(values)) if values.ndim > 2 else values


def _dimensions(shape: tuple[int, ...]) -> str:
    return ", ".join(str(size) for size in shape)
