"""What a node's integer form is made from."""

from __future__ import annotations

from dataclasses import dataclass

from harness.operators.node import Node
from harness.operators.tensor import Shape

INFINITY = float("inf")


@dataclass(frozen=True, eq=False)
class Step:
    """A node that stays, with the activation fused into it.

    ``observed`` is the graph tensor whose distribution is that of ``output``; ``shape`` is the
    output's, as the graph has it.  ``low`` and ``high`` are real bounds.
    """

    node: Node
    inputs: tuple[str, ...]
    output: str
    observed: str
    shape: Shape
    low: float = -INFINITY
    high: float = INFINITY


@dataclass(frozen=True)
class Surroundings:
    """What a step meets: its inputs' shapes, as the graph has them, and all scales."""

    input_shapes: tuple[Shape, ...]
    input_scales: tuple[float, ...]
    output_scale: float
