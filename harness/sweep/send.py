"""Sending a sweep's points to dask, and the searches of their mappings before them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from harness.engines.protocol import EngineOptions
from harness.sweep.points import Point
from harness.sweep.search_worker import MAPPINGS, SearchJob, find, search_key
from harness.sweep.worker import Job, Outcome, harness_digest, passed_on

if TYPE_CHECKING:
    from distributed import Client, Future

Task: TypeAlias = Callable[..., Outcome]
"""`harness.sweep.worker.run_point`, or what a test puts in its place."""

BATCH: Final = 1000
"""Number of points per batch."""
SEARCH: Final = "search"
"""The first part of the keys of searches."""
_SEARCHES_FIRST: Final = 10  # priority


def send(
    client: Client, points: Sequence[Point], task: Task, folder: Path, engine_options: EngineOptions
) -> Iterator[dict[Future[Outcome], Point]]:
    """Submit the points in batches on demand, after their searches."""
    token = secrets.token_hex(8)
    common: dict[str, Any] = {
        "working_folder": str(Path.cwd()),
        "environment": {name: os.environ[name] for name in passed_on() if name in os.environ},
        "harness": harness_digest(),
    }
    searches = {
        key: client.submit(find, job, key=(SEARCH, token, key), priority=_SEARCHES_FIRST)
        for key, job in _searches(points, folder, common).items()
    }
    for searched in (False, True):
        group = [point for point in points if (point.search is not None) == searched]
        for start in range(0, len(group), BATCH):
            batch = group[start : start + BATCH]
            jobs = [
                Job(
                    point.identity,
                    point.config.model_dump_json(),
                    engine_options=dict(engine_options),
                    **common,
                )
                for point in batch
            ]
            arguments: list[list[Any]] = [[job.to_json() for job in jobs]]
            if searched:
                arguments.append(
                    [searches[search_key(p.config, p.search)] for p in batch if p.search]
                )
            keys = [(f"point-{searched}", token, point.identity) for point in batch]
            yield dict(zip(client.map(task, *arguments, key=keys), batch, strict=True))


def _searches(points: Sequence[Point], folder: Path, common: Mapping[str, Any]) -> dict[str, str]:
    """Jobs of the searches that ``points`` need, by `search_key`."""
    mappings = folder.absolute() / MAPPINGS
    jobs: dict[str, str] = {}
    for point in points:
        if point.search is not None:
            key = search_key(point.config, point.search)
            jobs[key] = SearchJob(
                folder=str(mappings / key),
                config=point.config.model_dump_json(),
                loop=point.search.model_dump_json(),
                **common,
            ).to_json()
    return jobs
