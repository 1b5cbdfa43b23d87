"""A sweep on a real Slurm: its workers are jobs, one of which is cancelled half-way."""

from __future__ import annotations

import functools
import os
import stat
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from harness.sweep import kept_workers
from harness.sweep.driver import SweepOutcome, run_sweep
from harness.sweep.room import Room
from harness.sweep.store import read_points
from tests.heard import Heard
from tests.sweep.slurm.one_machine import Slurm, slurm_on_this_machine, what_is_missing
from tests.sweep.sweeps import executions, point, sweep
from tests.sweep.tasks import logged

_POINTS = 40


@pytest.fixture
def slurm(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Slurm]:
    missing = what_is_missing()
    if missing is not None:
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("slurm")
    folder.parent.chmod(0o755)  # munged lets nobody else in otherwise
    with slurm_on_this_machine(folder, cpus=2) as started:
        for name, value in started.environment.items():
            monkeypatch.setenv(name, value)
        yield started


class _Canceller(threading.Thread):
    """Cancels a job when a quarter of the points is done, and looks at what jobs show."""

    def __init__(self, slurm: Slurm, log: Path, folder: Path) -> None:
        super().__init__()
        self._slurm = slurm
        self._log = log
        self._folder = folder
        self.cancelled = ""
        self.modes: list[int] = []
        self.commands: list[str] = []

    def run(self) -> None:
        while sum(len(events) for events in executions(self._log).values()) < _POINTS // 2:
            time.sleep(0.1)
        self.modes = [
            stat.S_IMODE(path.stat().st_mode) for path in (self._folder / ".tls").rglob("*")
        ]
        self.commands = [
            " ".join(process.info["cmdline"] or ())
            for process in psutil.process_iter(["cmdline"])
            if "dask_worker" in " ".join(process.info["cmdline"] or ())
        ]
        self.cancelled = next(iter(self._slurm.jobs()))
        self._slurm.call("scancel", self.cancelled)


def test_a_sweep_survives_a_cancelled_job(
    slurm: Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, log = tmp_path / "sweep", tmp_path / "log"
    log.touch()
    # A path with a space: the job script must quote it.
    (tmp_path / "my tools").mkdir()
    python = tmp_path / "my tools" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    settings = tmp_path / "slurm.yaml"
    settings.write_text(
        f"cores: 1\nmemory: 1GiB\nn_workers: 2\ninterface: lo\npython: {python}\n"
        "job_extra_directives: ['--comment=sweep']\n"
    )
    points = [point(number) for number in range(_POINTS)]
    room = Room(cluster="slurm", settings=settings)
    heard = Heard()
    monkeypatch.setattr(kept_workers, "_LOST_S", 1.0)
    canceller = _Canceller(slurm, log, folder)
    canceller.start()

    def run(seconds: float) -> SweepOutcome:
        task = functools.partial(logged, log=str(log), seconds=seconds)
        return run_sweep(sweep(points), folder, room, heard, task=task)

    outcome = run(0.3)
    canceller.join()
    assert (outcome.done, outcome.measured) == (_POINTS, _POINTS)
    assert canceller.cancelled
    assert slurm.jobs() == {} or set(slurm.call("squeue", "-h", "-o%T").split()) == {"COMPLETING"}
    assert canceller.modes and set(canceller.modes) == {0o600}
    assert not (folder / ".tls").exists()
    assert canceller.commands and not any("BEGIN" in text for text in canceller.commands)
    hosts = read_points(folder)["host"]
    assert hosts.nunique() >= 3  # another job took the place of the cancelled one
    assert str(os.getpid()) not in set(hosts)
    finishes = [
        identity
        for identity, events in executions(log).items()
        for event, _ in events
        if event == "finish"
    ]
    assert sorted(finishes) == sorted(point.identity for point in points)
    assert run(0).measured == 0
