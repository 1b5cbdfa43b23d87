"""Sweeps for tests: points that differ in a converter's latency and in the seed, their number."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.config.load import config_hash, load_config
from harness.config.loop_schema import LoopConfig
from harness.config.schema import Config
from harness.sweep.points import Point, Sweep

_AXIS = "system.tile.adc_latency_ns"


@functools.cache
def _base(model: str, mapping: str) -> Config:
    return load_config(
        system="alpine-hp", run={"model": model, "mapping": mapping, "images": 1, "seed": 0}
    )


def config(number: int, *, model: str = "mlp", mapping: str = "analog") -> Config:
    """A configuration of its own for each number, which is its seed."""
    base = _base(model, mapping)
    tile = base.system.tile.model_copy(update={"adc_latency_ns": 10.0 + number / 16})
    return base.model_copy(
        update={
            "system": base.system.model_copy(update={"tile": tile}),
            "run": base.run.model_copy(update={"seed": number}),
        }
    )


def point(number: int, *, search: LoopConfig | None = None, salt: str = "", **kind: str) -> Point:
    made = config(number, **kind)
    identity = config_hash(made)[: 64 - len(salt)] + salt
    return Point(identity, {_AXIS: made.system.tile.adc_latency_ns}, made, search)


def sweep(points: Sequence[Point]) -> Sweep:
    return Sweep("test", Path("test.yaml"), "axes: none\n", (_AXIS,), tuple(points))


def point_row(identity: str, **values: object) -> dict[str, object]:
    return {
        "identity": identity,
        "status": "done",
        "attempts": 1,
        "finished_utc": "2026-01-01T00:00:00.000+00:00",
        **values,
    }


def layer_row(identity: str, layer: str, **values: object) -> dict[str, object]:
    return {
        "identity": identity,
        "program": "digital",
        "layer": layer,
        "operator": "dense",
        "unit": "digital",
        "tiles": 0,
        "macs": 10,
        "time_ns": 1.0,
        "cycles": 2.0,
        "energy_pj": 3.0,
        **values,
    }


def executions(log: Path) -> Mapping[str, list[tuple[str, float]]]:
    """What `tests.sweep.tasks.logged` wrote: events and their times by identity, in order."""
    found: dict[str, list[tuple[str, float]]] = {}
    for line in log.read_text().splitlines():
        event, identity, seconds = line.split()
        found.setdefault(identity, []).append((event, float(seconds)))
    return found
