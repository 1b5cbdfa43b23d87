"""The arena of activations: tensors that are never live together share memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from harness import _headers
from harness.quant.program import QNetwork

ALIGN: Final = _headers.AIMC_ALIGN
"""Every buffer starts on a cache line."""
SLACK: Final = _headers.AIMC_SLACK
"""Bytes behind a tensor that kernels may read."""


_Offsets: TypeAlias = npt.NDArray[np.int64]


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
    """Place every activation, largest first, at the lowest offset that is free while it is live.

    The network's input is not placed: the program reads images in place.
    ``value_bytes`` is the size of one value: 1, or 4 in an fp32 program.
    """
    intervals = sorted(_intervals(network, value_bytes), key=lambda i: (-i.size, i.first, i.tensor))
    firsts = np.array([interval.first for interval in intervals], np.int64)
    lasts = np.array([interval.last for interval in intervals], np.int64)
    begins = np.zeros(len(intervals), np.int64)
    ends = np.zeros(len(intervals), np.int64)
    for index, interval in enumerate(intervals):
        together = (lasts[:index] >= interval.first) & (firsts[:index] <= interval.last)
        offset = _lowest_gap(begins[:index][together], ends[:index][together], interval.size)
        begins[index], ends[index] = offset, offset + interval.size
    return BufferPlan(
        {interval.tensor: int(offset) for interval, offset in zip(intervals, begins, strict=True)},
        int(ends.max(initial=0)) or ALIGN,
    )


def _lowest_gap(begins: _Offsets, ends: _Offsets, size: int) -> int:
    """The lowest offset with ``size`` bytes outside all intervals from ``begins`` to ``ends``."""
    order = np.argsort(begins, kind="stable")
    free = np.concatenate([[0], np.maximum.accumulate(ends[order])])
    fitting = np.flatnonzero(free[:-1] + size <= begins[order])
    return int(free[fitting[0]] if len(fitting) else free[-1])
