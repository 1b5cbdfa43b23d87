"""The time and the disk that a sweep will take."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from harness.config.schema import Config
from harness.engines.registry import engine_class
from harness.sweep.enough import network_size
from harness.sweep.points import Point, Sweep

_Kind: TypeAlias = tuple[str, str, int, int]

# Measured on one core of a shared server, for the networks that come with the package.
POINT_S: Final = 5.0
"""Seconds of a point besides simulation: reading, quantizing, compiling."""
"""Of a simulated program."""
PROGRAMS: Final = 2  # all-digital and mapped
POINT_BYTES: Final = 32_000
"""Bytes of a point on disk; fewer where many are merged."""


@dataclass(frozen=True)
class Estimate:
    """A sweep and its missing points.

    Attributes:
        points: All points; identities may repeat.
        distinct: Different identities.
        done, failed: How many of these have a result, or failed.
        missing: Points that a run would measure.
        searches: Mappings that a run would search; they are not in ``seconds``.
        seconds: Time of one worker for the missing points.
        rough: Points of ``missing`` for which no point of their kind has finished.
        bytes: On disk, for all points.
    """

    points: int
    distinct: int
    done: int
    failed: int
    missing: int
    searches: int
    seconds: float
    rough: int
    bytes: int


def estimate(sweep: Sweep, folder: Path, *, retry_failed: bool) -> Estimate:
    """Time and disk that running ``sweep`` in ``folder`` takes.

    Raises:
        HarnessError: Stored results or a network cannot be read.
    """
    points = {point.identity: point for point in sweep.points}
    status, seconds = _known(folder)
    found = Counter(status[identity] for identity in points if identity in status)
    finished = {"done"} if retry_failed else {"done", "failed"}
    missing = [p for identity, p in points.items() if status.get(identity) not in finished]
    means = _means(points, seconds)
    kinds = [_kind(point.config) for point in missing]
    rough = [point for point, kind in zip(missing, kinds, strict=True) if kind not in means]
    return Estimate(
        points=len(sweep.points),
        distinct=len(points),
        done=found["done"],
        failed=found["failed"],
        missing=len(missing),
        searches=_searches(missing),
        seconds=sum(means[kind] for kind in kinds if kind in means)
        + sum(_rough_seconds(point.config) for point in rough),
        rough=len(rough),
        bytes=_bytes_per_point(folder, len(status)) * len(points),
    )


def _known(folder: Path) -> tuple[dict[str, str], dict[str, float]]:
    """Status by identity, with the seconds of finished points."""
    from harness.sweep.store import PARTS, read_points

    if not (folder / PARTS).is_dir():
        return {}, {}
    rows = read_points(folder)
    status = dict(zip(rows["identity"], rows["status"], strict=True))
    timed = rows[(rows["status"] == "done") & rows["host_seconds"].notna()]
    return status, dict(zip(timed["identity"], timed["host_seconds"], strict=True))


def _kind(config: Config) -> _Kind:
    """Points of one kind take about as long as each other."""
    run = config.run
    return run.model, run.engine, run.images, config.system.tiles > 0


def _means(points: Mapping[str, Point], seconds: Mapping[str, float]) -> dict[_Kind, float]:
    taken: dict[_Kind, list[float]] = {}
    for identity, point in points.items():
        if identity in seconds:
            taken.setdefault(_kind(point.config), []).append(seconds[identity])
    return {kind: sum(values) / len(values) for kind, values in taken.items()}


def _rough_seconds(config: Config) -> float:
    run = config.run
    programs = PROGRAMS if run.mapping != "digital" else 1
    inferences = run.images + run.warmup
    macs = network_size(run.model, run.input_size).macs
    return POINT_S + programs * inferences * macs / engine_class(run.engine).macs_per_s


def _searches(points: Iterable[Point]) -> int:
    return len(
        {(p.config.run.model_dump_json(), p.search.model_dump_json()) for p in points if p.search}
    )


def _bytes_per_point(folder: Path, stored: int) -> int:
    if stored == 0:
        return POINT_BYTES
    from harness.sweep.store import PARTS

    taken = sum(entry.stat().st_size for entry in os.scandir(folder / PARTS) if entry.is_file())
    return max(1, taken // stored)
