"""The requantization of means."""

from __future__ import annotations

from harness.operators.integer_node import Requant
from harness.operators.quantization.scales import clamp_bounds, make_requant
from harness.operators.quantization.step import Step, Surroundings


def count_table(step: Step, around: Surroundings, largest: int) -> Requant:
    """The requantization of a sum divided by each count up to ``largest``; entry 0 is unused."""
    low, high = clamp_bounds(step.low, step.high, around.output_scale)
    ratio = around.input_scales[0] / around.output_scale
    return make_requant([0.0, *(ratio / count for count in range(1, largest + 1))], low, high)
