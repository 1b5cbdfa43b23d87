"""Kill a sweep's driver and workers again and again: nothing is lost, nothing done is run again.

    python -m tests.stress.sweep_kills --points 1000 --kills 50

Workers write when a point starts and ends, by which this judges.  Exits with 1 if a point is
missing, was started after it had been stored, or a process is left.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import psutil

from harness.sweep.store import read_points
from tests.sweep.sweeps import executions, point

_ROOT: Final = Path(__file__).resolve().parents[2]
_STARTING_S: Final = 60.0  # at most, until a driver has workers
_ENDING_S: Final = 15.0  # at most, for the workers of a killed driver
_DRIVER_SHARE: Final = 0.4  # of the kills
_RUNNING_SHARE: Final = 0.8  # of the kills: not while workers start


@dataclass(frozen=True)
class Verdict:
    """What was seen; ``problems`` is empty if all is well."""

    kills: Counter[str]
    starts: int
    problems: tuple[str, ...]


def stress(folder: Path, *, points: int, kills: int, seconds: float, seed: int) -> Verdict:
    """Run a sweep of ``points`` points to its end through ``kills`` kills.

    Args:
        folder: Gets the sweep and the workers' log.
        seconds: What a point takes.
        seed: Of the victims and of the times between two kills.
    """
    chance = random.Random(seed)
    log = folder / "executions.log"
    log.touch()
    killed: Counter[str] = Counter()
    left: set[psutil.Process] = set()
    driver = _start(folder, points, seconds, log)
    while killed.total() < kills:
        _wait_for_workers(driver, log if chance.random() < _RUNNING_SHARE else None)
        time.sleep(chance.uniform(0.0, 1.5))
        workers = list(_workers(driver))
        if driver.poll() == 0:
            break
        if driver.poll() is not None:  # a kill met a worker that was only starting
            driver = _start(folder, points, seconds, log)
        elif chance.random() < _DRIVER_SHARE or not workers:
            left.update(workers)
            driver.kill()
            driver.wait()
            killed["driver"] += 1
            driver = _start(folder, points, seconds, log)
        else:
            chance.choice(workers).kill()
            killed["worker"] += 1
    code = driver.wait()
    if code:
        code = _start(folder, points, seconds, log).wait()
    _, alive = psutil.wait_procs(left, timeout=_ENDING_S)
    problems = [f"the last run ended with exit code {code}"] if code else []
    problems += [f"process {process.pid} is left" for process in alive]
    problems += _judge(folder / "sweep", log, points)
    starts = sum(event == "start" for events in executions(log).values() for event, _ in events)
    return Verdict(killed, starts, tuple(problems))


def _start(folder: Path, points: int, seconds: float, log: Path) -> subprocess.Popen[bytes]:
    arguments = [str(folder / "sweep"), str(points), str(seconds), str(log), "2"]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.sweep.drive", *arguments],
        cwd=_ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
    )


def _wait_for_workers(driver: subprocess.Popen[bytes], log: Path | None) -> None:
    """Wait until the driver has workers, which also write to ``log``, or has ended."""
    deadline = time.monotonic() + _STARTING_S
    size = log.stat().st_size if log is not None else 0
    while time.monotonic() < deadline:
        work = log is None or log.stat().st_size > size
        if driver.poll() is not None or (work and any(True for _ in _workers(driver))):
            return
        time.sleep(0.05)
    driver.send_signal(signal.SIGKILL)
    raise TimeoutError(f"no workers within {_STARTING_S:.0f} s")


def _workers(driver: subprocess.Popen[bytes]) -> Iterator[psutil.Process]:
    try:
        for process in psutil.Process(driver.pid).children():
            if any("spawn_main" in part for part in process.cmdline()):
                yield process
    except psutil.NoSuchProcess:
        return


def _judge(sweep: Path, log: Path, points: int) -> Iterator[str]:
    stored = {
        row.identity: datetime.fromisoformat(row.finished_utc).timestamp()
        for row in read_points(sweep).itertuples()
        if row.status == "done"
    }
    for identity in {point(number).identity for number in range(points)} - stored.keys():
        yield f"point {identity} was lost"
    for identity, events in executions(log).items():
        late = [seconds for event, seconds in events if event == "start"]
        if identity in stored and max(late) > stored[identity]:
            yield f"point {identity} was started again after it had been stored"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        verdict = stress(Path(folder), **vars(options))
    kills = ", ".join(f"{count} of a {victim}" for victim, count in verdict.kills.items())
    print(f"{options.points} points, started {verdict.starts} times; kills: {kills}")
    for problem in verdict.problems[:20]:
        print(f"PROBLEM: {problem}")
    raise SystemExit(bool(verdict.problems))


if __name__ == "__main__":
    main()
