"""Where activations live: one arena, buffers shared by tensors that never live together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Final

from harness.quant.program import QNetwork

ALIGN: Final = 64
"""AIMC_ALIGN: every buffer starts on a cache line."""
SLACK: Final = 64
"""AIMC_SLACK: bytes behind a tensor that kernels may read."""


@dataclass(frozen=True)
class BufferPlan:
    """Byte offset in the arena of every tensor but the network's input."""

    offsets: Mapping[str, int]
    arena_bytes: int


@dataclass(frozen=True)
class _Interval:
    tensor: str
    size: int
    first: int  # step that writes it
    last: int  # last step that reads it


def _intervals(network: QNetwork, value_bytes: int) -> list[_Interval]:
    end = len(network.nodes)
    last_use = {node.output: step for step, node in enumerate(network.nodes)}
    for step, node in enumerate(network.nodes):
        for name in node.inputs:
            last_use[name] = step
    last_use[network.output] = end
    return [
        _Interval(
            node.output,
            _with_slack(prod(network.tensors[node.output].shape) * value_bytes),
            step,
            last_use[node.output],
        )
        for step, node in enumerate(network.nodes)
    ]


def _with_slack(size: int) -> int:
    return -(-(size + SLACK) // ALIGN) * ALIGN


def plan_buffers(network: QNetwork, value_bytes: int = 1) -> BufferPlan:
    """Place every activation, largest first, at the lowest offset free while it lives.

    The network's input is not placed: the program reads images where they lie.
    ``value_bytes`` is the size of one value: 1, or 4 in an fp32 program.
    """
    placed: list[tuple[_Interval, int]] = []
    for interval in sorted(
        _intervals(network, value_bytes), key=lambda i: (-i.size, i.first, i.tensor)
    ):
        taken = sorted(
            (offset, offset + other.size)
            for other, offset in placed
            if interval.first <= other.last and other.first <= interval.last
        )
        offset = 0
        for begin, end in taken:
            if offset + interval.size <= begin:
                break
            offset = max(offset, end)
        placed.append((interval, offset))
    return BufferPlan(
        {interval.tensor: offset for interval, offset in placed},
        max((offset + interval.size for interval, offset in placed), default=ALIGN),
    )
