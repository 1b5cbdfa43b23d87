"""Overhead of a sweep per point, and speed-up by a second worker.

    python benchmarks/sweep_scaling.py [--points N] [--seconds S] [--only overhead|scaling|store]

Overhead: the time from one point to the next on one worker, through scheduler, worker and store,
of points that simulate nothing.  Scaling: the rate of two workers over that of one, for real points
of about S seconds; the machine must have two idle cores.  Store: 10,000 points opened.
"""

from __future__ import annotations

import argparse
import functools
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from sweeps.instant import comparison_of, measure_nothing

from harness.config.load import config_hash, config_to_yaml, load_config
from harness.config.schema import Config
from harness.progress import Silent
from harness.sweep.driver import run_sweep
from harness.sweep.points import Point, Sweep
from harness.sweep.room import Room
from harness.sweep.send import Task
from harness.sweep.store import Store, read_layers, read_points
from harness.sweep.worker import run_point

_OVERHEAD_MS: Final = 50.0
_SPEED_UP: Final = 1.8
_OPENED_S: Final = 2.0
_STORED_POINTS: Final = 10_000
_STORED_LAYERS: Final = 40  # of a point


def _config(model: str, images: int, number: int) -> Config:
    config = load_config(system="alpine-hp", run={"model": model, "images": images})
    core = config.system.core.model_copy(update={"clock_ghz": 2.0 + number / 1e4})
    return config.model_copy(update={"system": config.system.model_copy(update={"core": core})})


def _sweep(configs: Sequence[Config]) -> Sweep:
    points = tuple(Point(config_hash(config), {}, config) for config in configs)
    return Sweep("benchmark", Path("benchmark.yaml"), "", (), points)


def _finished_s(configs: Sequence[Config], workers: int, task: Task) -> list[float]:
    """When each point was recorded, ascending."""
    with tempfile.TemporaryDirectory() as folder:
        outcome = run_sweep(
            _sweep(configs), Path(folder), Room(workers=workers), Silent(), task=task
        )
        if not outcome.complete:
            raise SystemExit(read_points(Path(folder))["error"].dropna().iloc[0])
        times = read_points(Path(folder))["finished_utc"]
    return sorted(datetime.fromisoformat(text).timestamp() for text in times)


def overhead(points: int) -> bool:
    config = load_config(system="alpine-hp", run={"model": "mlp", "images": 1})
    task = functools.partial(
        run_point, measuring=functools.partial(measure_nothing, text=config.model_dump_json())
    )
    first, *_, last = _finished_s([_config("mlp", 1, n) for n in range(points)], 1, task)
    each_ms = 1e3 * (last - first) / (points - 1)
    print(f"overhead: {each_ms:.1f} ms a point (target at most {_OVERHEAD_MS:g})")
    return each_ms <= _OVERHEAD_MS


def scaling(points: int, seconds: float) -> bool:
    rates = {}
    with tempfile.TemporaryDirectory() as cache:
        os.environ["AIMC_CACHE"] = cache  # so that no other run's simulation is used
        comparison_of(_config("vgg16", 1, 0).model_dump_json())
        began = time.monotonic()
        comparison_of(_config("vgg16", 1, 1).model_dump_json())
        images = max(1, round(seconds / (time.monotonic() - began)))
        for workers in (1, 2):
            configs = [_config("vgg16", images, 1000 * workers + n) for n in range(points)]
            times = _finished_s(configs, workers, run_point)
            # Each worker's first point also imports and compiles.
            rates[workers] = (points - workers) / (times[-1] - times[workers - 1])
    print(
        f"scaling: {rates[1]:.3f} and {rates[2]:.3f} points/s of {images} images with 1 and 2 "
        f"workers: {rates[2] / rates[1]:.2f} times (target {_SPEED_UP:g})"
    )
    return rates[2] >= _SPEED_UP * rates[1]


def store() -> bool:
    text = config_to_yaml(_config("mlp", 1, 0))
    with tempfile.TemporaryDirectory() as folder:
        written = Store(Path(folder), print)
        for batch in range(0, _STORED_POINTS, 200):
            identities = [f"{number:064x}" for number in range(batch, batch + 200)]
            written.write(
                [_row(identity, text) for identity in identities],
                [_layer(name, i) for name in identities for i in range(_STORED_LAYERS)],
            )
        written.compact()
        took = []
        for _ in range(3):
            began = time.monotonic()
            read = len(read_points(Path(folder))), len(read_layers(Path(folder)))
            took.append(time.monotonic() - began)
    print(
        f"store: {read[0]} points and {read[1]} layers read in {statistics.median(took):.2f} s "
        f"(target {_OPENED_S:g})"
    )
    return statistics.median(took) <= _OPENED_S


def _row(identity: str, text: str) -> dict[str, object]:
    return {
        "identity": identity,
        "status": "done",
        "attempts": 1,
        "finished_utc": "2026-01-01T00:00:00.000+00:00",
        "speed_up": int(identity[-4:], 16) / 7,
        "config": f"{text}# {identity}\n",
    }


def _layer(identity: str, number: int) -> dict[str, object]:
    return {
        "identity": identity,
        "program": "mapped",
        "layer": f"conv{number}",
        "operator": "conv",
        "unit": "analog",
        "tiles": number,
        "macs": 1 << number,
        "time_ns": int(identity[-4:], 16) / (number + 1),
        "cycles": 1.0,
        "energy_pj": 1.0,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--only", choices=("overhead", "scaling", "store"))
    options = parser.parse_args()
    figures = {
        "overhead": lambda: overhead(300),
        "scaling": lambda: scaling(options.points, options.seconds),
        "store": store,
    }
    wanted = [options.only] if options.only else list(figures)
    held = [figures[name]() for name in wanted]
    raise SystemExit(not all(held))


if __name__ == "__main__":
    main()
