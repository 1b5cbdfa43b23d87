"""What workers do in tests instead of simulating; a point's seed says which it is."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.config.schema import Config
from harness.engines.protocol import EngineOptions
from harness.errors import EngineError
from harness.progress import Progress
from harness.report.comparison import Comparison
from harness.sweep.worker import Job, Outcome, run_point
from tests.sweep.sweeps import layer_row, point_row

_EATEN_BYTES = 32 << 20


def logged(
    job: str,
    found: Mapping[str, str] | None = None,
    *,
    log: str,
    seconds: float = 0.0,
    odd: Mapping[int, str] | None = None,
) -> Outcome:
    """Say so in ``log`` at the start and at the end; a row without figures.

    Args:
        odd: What else some points do, by their number.
    """
    point = Job(**json.loads(job))
    number = json.loads(point.config)["run"]["seed"]
    _say(log, "start", point.identity)
    what = (odd or {}).get(number)
    if what is not None:
        return run_point(job, found, measuring=_Odd(what))
    time.sleep(seconds)
    outcome: Outcome = {
        "point": {**point_row(point.identity), "images": number, "host": str(os.getpid())},
        "layers": [layer_row(point.identity, name) for name in ("one", "two")],
    }
    _say(log, "finish", point.identity)
    return outcome


class _Odd:
    """A measurement that goes wrong."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __call__(
        self,
        config: Config,  # noqa: ARG002
        folder: Path,  # noqa: ARG002
        *,
        command: Sequence[str],  # noqa: ARG002
        progress: Progress,
        engine_options: EngineOptions,  # noqa: ARG002
    ) -> Comparison:
        progress.stage("simulating the digital program")
        if self._what == "fails":
            raise EngineError("the simulation did not end", where="region fc1", hint="wait")
        if self._what == "defect":
            raise KeyError("fc7")
        if self._what == "no memory":
            raise MemoryError
        if self._what == "exits":
            os._exit(1)
        if self._what == "eats memory":
            eaten = []
            for _ in range(64):
                eaten.append(b"x" * _EATEN_BYTES)
                time.sleep(0.02)
            time.sleep(60)
        raise AssertionError(self._what)


def _say(log: str, event: str, identity: str) -> None:
    handle = os.open(log, os.O_APPEND | os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.write(handle, f"{event} {identity} {time.time()}\n".encode())
    finally:
        os.close(handle)
