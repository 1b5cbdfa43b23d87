"""The typed graph that every network becomes, whichever way it came in.

Tensors have one sample first, then their channels, as in ONNX: NCHW (4-D) or NC (2-D), for example.
Nodes are those of
`harness.operators`, in topological order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.operators.node import Node
from harness.operators.tensor import Axes, usual_axes


@dataclass(frozen=True, eq=False)
class Graph:
    """A network: one input, one output, nodes in topological order.

    ``shapes`` has an entry for the input and for every node's output; ``axes`` for those whose axes
    are not the usual ones of their rank.
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
    axes: Mapping[str, Axes] = field(default_factory=dict)

    def axes_of(self, tensor: str) -> Axes:
        """The axes of ``tensor``, one letter per axis."""
        return self.axes.get(tensor) or usual_axes(len(self.shapes[tensor]))
