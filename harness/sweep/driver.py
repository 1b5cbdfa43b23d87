"""Running a sweep: every missing point is measured once, even if workers end meanwhile.

The driver plans, sends points to workers and writes their results; it holds the sweep's lock.  Dask
assigns points to workers and handles the death of a worker.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.engines.protocol import NO_OPTIONS, EngineOptions
from harness.errors import HarnessError
from harness.interrupts import interrupted_says, uninterrupted
from harness.locks import folder_lock
from harness.progress import Progress
from harness.sweep.engine_room import EngineRoom, engine_room
from harness.sweep.plan_file import write_plan
from harness.sweep.points import Point, Sweep
from harness.sweep.room import Room
from harness.sweep.send import BATCH, SEARCH, Task, send
from harness.sweep.store import DONE, FAILED, Store
from harness.sweep.worker import Outcome, failure, out_of_memory, run_point

if TYPE_CHECKING:
    from distributed import Future

_TICK_S: Final = 0.05  # between two looks at what has finished
_WRITTEN_EVERY_S: Final = 0.5  # a killed driver loses no more
_WRITTEN_ROWS: Final = 256  # or as many
_LOOKED_AFTER_S: Final = 1.0  # between two looks at the workers
_NO_WORKER_S: Final = 60.0  # without any, the user is told


@dataclass(frozen=True)
class SweepOutcome:
    """The content of the sweep's folder after a run.

    Attributes:
        folder: The sweep's.
        total: Points of different identities.
        done: How many of them have been measured.
        failed: How many have failed; they are measured again only with ``retry_failed``.
        measured: How many of these this run has measured.
    """

    folder: Path
    total: int
    done: int
    failed: int
    measured: int

    @property
    def complete(self) -> bool:
        """Whether every point is done."""
        return self.done == self.total


def run_sweep(
    sweep: Sweep,
    folder: Path,
    room: Room,
    progress: Progress,
    *,
    retry_failed: bool = False,
    engine_options: EngineOptions = NO_OPTIONS,
    task: Task = run_point,
) -> SweepOutcome:
    """Measure the points of ``sweep`` that are not in ``folder`` yet.

    After a kill at any moment, the same call measures the missing points.  While another process
    runs the sweep, this one waits, and then finds the points done.  A point that fails does not
    stop others.

    Args:
        sweep: The points.
        folder: The sweep's own; it is created.
        room: Where points are measured.
        progress: Gets the progress.
        retry_failed: Measure points that failed in an earlier run again.
        engine_options: What the engine is told.
        task: Measures one point on a worker.

    Raises:
        HarnessError: Workers cannot be started, or results cannot be written; stored results stay.
    """
    points = list({point.identity: point for point in reversed(sweep.points)}.values())[::-1]
    with (
        folder_lock(folder.absolute(), waiting=progress.stage),
        interrupted_says("interrupted; the same command goes on with the points that are missing"),
    ):
        write_plan(sweep, folder)
        store = Store(folder, progress.note)
        finished = {DONE} if retry_failed else {DONE, FAILED}
        known = store.known
        missing = [
            point
            for point in points
            if (found := known.get(point.identity)) is None or found.status not in finished
        ]
        done = _count(store, points, DONE)
        earlier = f", {done} of them there already" if done else ""
        progress.note(f"{len(points)} points{earlier}")
        if missing:
            failed = len(points) - len(missing) - done
            with engine_room(room, folder, progress) as workers:
                run = _Run(store, workers, progress, len(points), done, failed)
                run.measure(missing, task, folder, engine_options)
        store.compact()
        return SweepOutcome(
            folder=folder,
            total=len(points),
            done=_count(store, points, DONE),
            failed=_count(store, points, FAILED),
            measured=len(missing),
        )


def _count(store: Store, points: Sequence[Point], status: str) -> int:
    known = (store.known.get(point.identity) for point in points)
    return sum(found is not None and found.status == status for found in known)


class _Run:
    """The points in flight and their results."""

    def __init__(
        self,
        store: Store,
        workers: EngineRoom,
        progress: Progress,
        total: int,
        done: int,
        failed: int,
    ) -> None:
        self._store = store
        self._workers = workers
        self._progress = progress
        self._total = total
        self._done = done
        self._failed = failed
        self._outcomes: list[Outcome] = []
        self._written_s = time.monotonic()

    def measure(
        self, points: Sequence[Point], task: Task, folder: Path, engine_options: EngineOptions
    ) -> None:
        """Send the points and write their results until none is missing."""
        from distributed import as_completed

        self._progress.stage("measuring points")
        client = self._workers.client
        coming = as_completed(loop=client.loop, with_results=True, raise_errors=False)
        batches = send(client, points, task, folder, engine_options)
        sent: dict[Future[Outcome], Point] = {}
        left = len(points)
        looked_s = with_workers_s = time.monotonic()
        try:
            while left and client.status in ("running", "connecting"):
                while len(sent) < BATCH and (batch := next(batches, None)) is not None:
                    sent.update(batch)
                    coming.update(batch)
                lost = 0
                for future, result in coming.next_batch(block=False):
                    outcome = self._outcome(sent.pop(future), future, result)
                    future.release()  # else it is computed again if its worker dies now
                    if outcome is None:
                        lost += 1
                    else:
                        left -= 1
                        self._take(outcome)
                self._write_sometimes()
                now_s = time.monotonic()
                if now_s - looked_s >= _LOOKED_AFTER_S:
                    looked_s = now_s
                    with suppress(OSError):  # a connection that is lost shows in the client
                        with_workers_s = self._look(with_workers_s)
                if lost or (left and not sent):
                    break
                time.sleep(_TICK_S)
        finally:
            self._write()
        self._tell(0)
        if left:
            raise HarnessError(
                f"the connection to the scheduler was lost; {left} points are missing",
                where=str(client.scheduler.address if client.scheduler else "dask"),
                hint="run the same command again: it goes on with them",
            )

    def _outcome(self, point: Point, future: Future[Any], result: Any) -> Outcome | None:  # noqa: ANN401
        """The outcome of a point; None if the scheduler has forgotten it."""
        from distributed.scheduler import KilledWorker

        if future.status == "finished":
            outcome: Outcome = result
            return outcome
        if future.status != "error":
            return None
        error = result[1]
        text, log = f"the worker failed: {type(error).__name__}: {error}", ""
        if isinstance(error, KilledWorker):
            text, log = self._why_killed(error)
        return failure(point.identity, point.config, text, log)

    def _why_killed(self, error: Any) -> tuple[str, str]:  # noqa: ANN401
        worker = error.last_worker
        events = self._workers.client.get_events("worker-restart-memory")
        if any(event["worker"] == worker.address for _, event in events):
            return out_of_memory(worker.memory_limit), str(error)
        searched = error.task[0] == SEARCH
        text = (
            f"the worker that {'searched the mapping of' if searched else 'measured'} this point"
            f" ended, in each of {error.allowed_failures + 1} tries: it was killed, lost, or out of"
            " memory"
        )
        return text, str(error)

    def _take(self, outcome: Outcome) -> None:
        row = outcome["point"]
        earlier = self._store.known.get(row["identity"])
        row["attempts"] = 1 if earlier is None else earlier.attempts + 1
        row["finished_utc"] = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._outcomes.append(outcome)
        if row["status"] == DONE:
            self._done += 1
        else:
            self._failed += 1

    def _write_sometimes(self) -> None:
        waited_s = time.monotonic() - self._written_s
        if waited_s >= _WRITTEN_EVERY_S or len(self._outcomes) >= _WRITTEN_ROWS:
            self._write()

    def _write(self) -> None:
        outcomes, self._outcomes = self._outcomes, []
        with uninterrupted():
            self._store.write(
                [outcome["point"] for outcome in outcomes],
                [layer for outcome in outcomes for layer in outcome["layers"]],
            )
        self._written_s = time.monotonic()

    def _look(self, with_workers_s: float) -> float:
        """Restart workers and report progress; returns when there were workers last."""
        self._workers.keep()
        threads = self._workers.client.nthreads()
        processing = self._workers.client.processing()
        self._tell(sum(min(len(processing.get(worker, ())), n) for worker, n in threads.items()))
        now_s = time.monotonic()
        if threads:
            return now_s
        if now_s - with_workers_s >= _NO_WORKER_S:
            logs = self._workers.logs
            why = (
                "is the harness installed where they are to run?"
                if logs is None or not logs.is_dir()
                else f"the batch system may be busy; what jobs print is in {logs}"
            )
            self._progress.note(f"no worker for {_NO_WORKER_S:.0f} s: {why}")
            return now_s
        return with_workers_s

    def _tell(self, running: int) -> None:
        failed = f"{self._failed} of them failed, " if self._failed else ""
        measured = self._done + self._failed
        self._progress.work(measured, self._total, "points", f"{failed}{running} running")
