"""What pooling operators share in quantization and code generation."""

from __future__ import annotations

from harness.errors import QuantError
from harness.operators.integer_node import Requant
from harness.operators.node import Node
from harness.operators.quantization.scales import clamp_bounds, make_requant
from harness.operators.quantization.step import Step, Surroundings
from harness.operators.window import Window


def check_pads(node: Node, window: Window) -> None:
    """
    Raises:
        QuantError: A window of ``node`` could lie in the padding alone.
    """
    top, left, bottom, right = window.pads
    if max(top, bottom) >= window.kernel[0] or max(left, right) >= window.kernel[1]:
        raise QuantError(
            f"padding {window.pads} is not smaller than the window {window.kernel}",
            where=node.name,
        )


def count_table(step: Step, around: Surroundings, largest: int) -> Requant:
    """The requantization of a sum divided by each count up to ``largest``; entry 0 is unused."""
    low, high = clamp_bounds(step.low, step.high, around.output_scale)
    ratio = around.input_scales[0] / around.output_scale
    return make_requant([0.0, *(ratio / count for count in range(1, largest + 1))], low, high)
