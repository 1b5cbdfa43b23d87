"""Running sweeps on a scheduler that runs already: what is measured, kept, and tried again."""

from __future__ import annotations

import functools
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.sweep.driver import SweepOutcome, run_sweep
from harness.sweep.points import Point
from harness.sweep.room import Room
from harness.sweep.send import Task
from harness.sweep.store import read_layers, read_points
from harness.sweep.worker import Job, harness_digest, run_point
from tests.heard import Heard
from tests.sweep.schedulers import scheduler_in_this_process
from tests.sweep.sweeps import config, executions, point, sweep
from tests.sweep.tasks import logged


@pytest.fixture(scope="module")
def room() -> Iterator[Room]:
    with scheduler_in_this_process() as cluster:
        yield Room(scheduler=cluster.scheduler_address)


class Runs:
    """Runs sweeps in one folder; `started` are the points that workers have begun."""

    def __init__(self, folder: Path, room: Room) -> None:
        self.folder = folder / "sweep"
        self.room = room
        self.log = folder / "log"
        self.log.touch()
        self.heard = Heard()

    def run(
        self,
        points: list[Point],
        *,
        odd: dict[int, str] | None = None,
        retry_failed: bool = False,
        seconds: float = 0.0,
    ) -> SweepOutcome:
        task: Task = functools.partial(logged, log=str(self.log), odd=odd, seconds=seconds)
        return run_sweep(
            sweep(points), self.folder, self.room, self.heard, retry_failed=retry_failed, task=task
        )

    @property
    def started(self) -> list[str]:
        return [
            identity
            for identity, events in executions(self.log).items()
            for event, _ in events
            if event == "start"
        ]


@pytest.fixture
def runs(tmp_path: Path, room: Room) -> Runs:
    return Runs(tmp_path, room)


def test_a_real_point_fills_every_column_and_is_measured_once(tmp_path: Path, room: Room) -> None:
    points = [point(1), point(2, mapping="digital"), point(1)]
    heard = Heard()
    first = run_sweep(sweep(points), tmp_path / "sweep", room, heard)
    assert (first.total, first.done, first.failed, first.measured) == (2, 2, 0, 2)
    assert first.complete and heard.notes == ["2 points"] and heard.work_done[-1][:2] == (2, 2)
    table = read_points(tmp_path / "sweep").set_index("identity")
    analog, digital = table.loc[points[0].identity], table.loc[points[1].identity]
    empty = set(analog[analog.isna()].index)
    assert empty == {"error", "log"}
    assert analog["speed_up"] == pytest.approx(analog["digital_time_ns"] / analog["mapped_time_ns"])
    assert analog["tiles_used"] == analog["tiles_wanted"] == analog["analog_layers"] == 3
    for program in ("digital", "mapped"):
        times = [f"{program}_{c}_time_ns" for c in ("compute", "memory", "tile_transfer")]
        whole = analog[[*times, f"{program}_tile_mvm_time_ns"]].sum()
        assert whole == pytest.approx(analog[f"{program}_time_ns"], rel=1e-3)
        takers = ("core", "caches", "dram", "tile_transfer", "tile")
        energies = analog[[f"{program}_{taker}_energy_pj" for taker in takers]].sum()
        assert energies == pytest.approx(analog[f"{program}_energy_pj"])
    assert digital["speed_up"] == digital["energy_gain"] == 1 and digital["tiles_used"] == 0
    assert digital["mapped_time_ns"] == digital["digital_time_ns"]
    assert digital["mapped_accuracy_percent"] == digital["digital_accuracy_percent"]
    layers = read_layers(tmp_path / "sweep")
    for identity, row in table.iterrows():
        for program in ("digital", "mapped"):
            own = layers[(layers["identity"] == identity) & (layers["program"] == program)]
            assert own["time_ns"].sum() == pytest.approx(row[f"{program}_time_ns"])
            assert own["energy_pj"].sum() == pytest.approx(row[f"{program}_energy_pj"])
    again = run_sweep(sweep(points), tmp_path / "sweep", room, heard)
    assert (again.done, again.measured) == (2, 0)


def test_layers_without_tiles_say_why(tmp_path: Path, room: Room) -> None:
    made = point(1)
    system = made.config.system.model_copy(update={"tiles": 1})
    few = Point("f" * 64, made.axes, made.config.model_copy(update={"system": system}))
    assert run_sweep(sweep([few]), tmp_path / "sweep", room, Heard()).done == 1
    (row,) = read_points(tmp_path / "sweep").to_dict("records")
    assert (row["tiles"], row["tiles_used"], row["tiles_wanted"]) == (1, 1, 3)
    layers = read_layers(tmp_path / "sweep")
    told = layers[layers["why_digital"].notna()]
    assert set(told["program"]) == {"mapped"} and set(told["unit"]) == {"digital"}
    assert len(told) == 2 and all(told["why_digital"].str.len() > 10)


def test_points_that_fail_do_not_stop_others(runs: Runs) -> None:
    points = [point(number) for number in range(8)]
    odd = {2: "fails", 4: "defect", 5: "no memory"}
    outcome = runs.run(points, odd=odd)
    assert (outcome.done, outcome.failed, outcome.complete) == (5, 3, False)
    rows = read_points(runs.folder).set_index("identity")
    fails, defect, memory = (rows.loc[points[number].identity] for number in odd)
    assert fails["error"] == "region fc1: the simulation did not end\n  hint: wait"
    assert fails["log"] == "simulating the digital program"
    assert "KeyError: 'fc7'" in defect["error"] and "Traceback" in defect["log"]
    assert memory["error"].startswith("ran out of memory (limit ")
    for row in (fails, defect, memory):
        assert row["system"] == "alpine-hp" and "run:" in row["config"] and row["attempts"] == 1
    again = runs.run(points)
    assert (again.measured, again.complete) == (0, False)
    assert runs.heard.notes[-1] == "8 points, 5 of them there already"
    grown = runs.run([*points, point(8)])
    assert grown.measured == 1
    assert runs.heard.work_done[-1] == (9, 9, "3 of them failed, 0 running")
    retried = runs.run(points, retry_failed=True)
    assert (retried.measured, retried.done, retried.complete) == (3, 8, True)
    rows = read_points(runs.folder).set_index("identity")
    assert rows.loc[points[4].identity, "attempts"] == 2
    assert rows["error"].isna().all() and rows["log"].isna().all()
    assert len(runs.started) == 12


def test_a_changed_identity_is_measured_again(runs: Runs) -> None:
    runs.run([point(1), point(2)], odd={2: "fails"})
    outcome = runs.run([point(1), point(2, salt="0")])
    assert (outcome.total, outcome.measured, outcome.failed) == (2, 1, 0)


def test_a_second_driver_waits_and_finds_the_points_done(runs: Runs, tmp_path: Path) -> None:
    points = [point(number) for number in range(5)]
    second = Runs(tmp_path, runs.room)
    outcomes: list[SweepOutcome] = []

    def follow() -> None:
        while not runs.started:
            threading.Event().wait(0.01)
        outcomes.append(second.run(points))

    follower = threading.Thread(target=follow)
    follower.start()
    first = runs.run(points, seconds=0.3)
    follower.join()
    assert first.measured == 5 and outcomes[0].measured == 0 and outcomes[0].done == 5
    assert any(f"process {os.getpid()}" in stage for stage in second.heard.stages)
    assert len(runs.started) == 5


def test_damaged_results_are_measured_again(runs: Runs) -> None:
    points = [point(number) for number in range(4)]
    runs.run(points)
    (part,) = (runs.folder / "parts").glob("points-*")
    part.write_bytes(part.read_bytes()[:-7])
    outcome = runs.run(points)
    assert (outcome.measured, outcome.done) == (4, 4)
    assert any(part.name in note for note in runs.heard.notes)


def test_a_full_disk_ends_the_sweep_and_the_next_run_goes_on(runs: Runs, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small file system needs root and the right to mount")
    runs.folder = disk / "sweep"
    points = [point(number) for number in range(20)]
    try:
        with pytest.raises(HarnessError, match="No space left") as raised:
            runs.run(points, seconds=0.2)
        assert raised.value.exit_code != 0 and "free space" in str(raised.value)
        kept = len(read_points(runs.folder))
        assert 0 < kept < 20
        subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
        outcome = runs.run(points)
        assert (outcome.done, outcome.measured) == (20, 20 - kept)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_worker_with_another_harness_measures_nothing(tmp_path: Path) -> None:
    job = Job("a", '{"a later": "harness"}', str(tmp_path), {}, "0" * 64)
    point = run_point(job.to_json())["point"]
    assert point["status"] == "failed" and "another version of the harness" in point["error"]


def test_a_worker_without_the_working_folder_says_so(tmp_path: Path) -> None:
    job = Job("a", config(1).model_dump_json(), str(tmp_path / "no"), {}, harness_digest())
    point = run_point(job.to_json())["point"]
    assert point["status"] == "failed" and "working folder" in point["error"]


def test_a_lost_scheduler_is_told_and_the_next_run_goes_on(runs: Runs, room: Room) -> None:
    points = [point(number) for number in range(6)]

    def stop() -> None:
        while len(runs.started) < 3:
            threading.Event().wait(0.01)
        cluster.close()

    with scheduler_in_this_process() as cluster:
        stopper = threading.Thread(target=stop)
        stopper.start()
        runs.room = Room(scheduler=cluster.scheduler_address)
        with pytest.raises(HarnessError, match="scheduler was lost"):
            runs.run(points, seconds=0.5)
        stopper.join()
    kept = len(read_points(runs.folder))
    assert kept < 6
    runs.room = room
    outcome = runs.run(points)
    assert (outcome.done, outcome.measured) == (6, 6 - kept)
