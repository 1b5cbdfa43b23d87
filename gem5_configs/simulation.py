"""The simulation loop: regions, hand-over to the detailed cores, checkpoints, the end.

Output, in gem5's output folder: `regions.jsonl` names the dumps of `stats.txt`, one line each,
`progress.json` says how far the simulation has come, and `exit.json`, written last and at once, how
the program ended.  A checkpoint also keeps the open region; the dump of a region that began before
the checkpoint holds only what came after it, and says so (`whole`).
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import _m5
import m5
from _m5.core import gem5Version
from m5.objects import Root
from m5.simulate import _drain_manager

from gem5_configs.harness_link import HarnessLink
from gem5_configs.settings import Settings, SettingsError

CHECKPOINT = "checkpoint"
HOW_FAR = "progress.json"
PROGRESS = "regions.json"  # in a checkpoint
EXIT = "m5_exit instruction encountered"
FAIL = "m5_fail instruction encountered"
LIMIT = "simulate() limit reached"
DRAINED = "Finished drain"

PS_PER_NS = 1000
SLICE_PS = 100_000_000  # simulated at a time: a fraction of a second on the host
REPORT_S = 0.2  # between two reports of progress, at least


class ProgramError(Exception):
    """The program's region marks contradict each other."""


@dataclass(frozen=True)
class OpenRegion:
    region: int
    begin_ps: int
    whole: bool = True  # it began in this simulation


class Simulation:
    """One instantiated system on its way from reset, or from a checkpoint, to its exit."""

    def __init__(self, root: Root, settings: Settings, out: Path) -> None:
        self._system = root.system
        self._settings = settings
        self._out = out
        self._regions = out / "regions.jsonl"
        self._detailed = settings.fast_forward_to is None
        self._open: OpenRegion | None = None
        self._visits: Counter[int] = Counter()
        self._dumps = 0
        self._made_draining: tuple[str, int] | None = None
        self._link = HarnessLink() if settings.attended else None
        self._reported_s = -REPORT_S
        if settings.restore is not None:
            self._restore_progress(Path(settings.restore))

    def run(self) -> None:
        """Simulates to the end and leaves the output files."""
        self._regions.write_text("")
        checkpoint = self._settings.checkpoint
        if checkpoint is not None:
            event = self._simulate(round(checkpoint.at_ns * PS_PER_NS))
            if event.getCause() == LIMIT:
                ended = self._drain()
                if ended is None:
                    self._save(self._out / CHECKPOINT)
                if ended is None and checkpoint.stop:
                    self._finish("checkpoint", 0)
                    return
                event = ended or self._simulate(None)
        else:
            event = self._simulate(None)
        self._finish(event.getCause(), event.getCode())

    def _simulate(self, until: int | None) -> Any:  # noqa: ANN401
        """Goes on to the tick `until`, if given, or to what ends the program."""
        while True:
            left = SLICE_PS if until is None else min(until - m5.curTick(), SLICE_PS)
            event = m5.simulate(max(left, 0))
            self._report()
            if event.getCause() == LIMIT and (until is None or m5.curTick() < until):
                continue
            if not self._mark(event):
                return event

    def _report(self) -> None:
        """Says how far it has come, and ends if nobody is there any more to hear it."""
        if self._link is not None:
            self._link.check()
        now = time.monotonic()
        if now - self._reported_s < REPORT_S:
            return
        self._reported_s = now
        record = {
            "tick_ps": m5.curTick(),
            "instructions": self._instructions(),
            "region": None if self._open is None else self._open.region,
        }
        write_atomically(self._out / HOW_FAR, json.dumps(record) + "\n", durable=False)

    def _instructions(self) -> int:
        cluster = self._system.cluster
        cores = list(cluster.cpus)
        if self._settings.fast_forward_to is not None:
            cores += list(cluster.detailed)
        return sum(int(core.totalInsts()) for core in cores)

    def _drain(self) -> Any:  # noqa: ANN401
        """Lets everything come to a rest; what ended the program meanwhile, or None.

        As `m5.drain()`, which loses the marks that the program makes in this time.
        """
        while not _drain_manager.isDrained() and not _drain_manager.tryDrain():
            event = _m5.event.simulate()
            while event.getCause() != DRAINED:
                if not self._mark(event, draining=True):
                    return event
                event = _m5.event.simulate()
        return None

    def _mark(self, event: Any, draining: bool = False) -> bool:  # noqa: ANN401
        """Whether the simulation stopped for a region's mark, which is dealt with then.

        A core that drains can give up an instruction whose mark has been made, and makes it again
        later; no program makes the same mark twice in a row.
        """
        mark = (event.getCause(), event.getCode())
        if mark[0] not in ("workbegin", "workend"):
            return False
        again = mark == self._made_draining
        self._made_draining = mark if draining else None
        if mark[0] == "workbegin":
            if again:
                self._open = None
            self._begin(mark[1])
        elif not again:
            self._end(mark[1])
        return True

    def _begin(self, region: int) -> None:
        if region == self._settings.fast_forward_to and not self._detailed:
            self._hand_over()
        if self._open is not None:
            raise ProgramError(f"region {region} begins in region {self._open.region}")
        self._open = OpenRegion(region, m5.curTick())
        # What is only added up when it ends or is dumped, as the time in a DRAM's power state,
        # would be the region's from the last dump on.
        Root.getInstance().preDumpStats()
        m5.stats.reset()

    def _end(self, region: int) -> None:
        ended = self._open
        if ended is None or ended.region != region:
            raise ProgramError(f"region {region} ends, which has not begun")
        self._open = None
        m5.stats.dump()
        record = {
            "dump": self._dumps,
            "region": region,
            "visit": self._visits[region],
            "begin_ps": ended.begin_ps,
            "end_ps": m5.curTick(),
            "detailed": self._detailed,
            "whole": ended.whole,
        }
        with self._regions.open("a") as file:
            file.write(json.dumps(record) + "\n")
        self._dumps += 1
        self._visits[region] += 1
        m5.stats.reset()

    def _hand_over(self) -> None:
        cluster = self._system.cluster
        m5.switchCpus(
            self._system, list(zip(cluster.cpus, cluster.detailed, strict=True)), verbose=False
        )
        self._detailed = True

    def _save(self, folder: Path) -> None:
        m5.checkpoint(str(folder))
        progress = {
            "open": None if self._open is None else [self._open.region, self._open.begin_ps],
            "visits": sorted(self._visits.items()),
            "made_draining": self._made_draining,
        }
        write_atomically(folder / PROGRESS, json.dumps(progress) + "\n")

    def _restore_progress(self, folder: Path) -> None:
        try:
            progress = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
            self._visits = Counter(dict(progress["visits"]))
            if progress["made_draining"] is not None:
                cause, code = progress["made_draining"]
                self._made_draining = (cause, code)
            if progress["open"] is not None:
                region, begin_ps = progress["open"]
                self._open = OpenRegion(region, begin_ps, whole=False)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SettingsError(f"restore: {folder / PROGRESS}: {error!r}") from error

    def _finish(self, cause: str, code: int) -> None:
        wanted = self._settings.system
        groups = ["cpus"] if self._settings.fast_forward_to is None else ["cpus", "detailed"]
        record = {
            "gem5_version": gem5Version,
            "cause": cause,
            "exited": cause in (EXIT, FAIL),
            "code": code,
            "tick_ps": m5.curTick(),
            "instructions": self._instructions(),
            "open_region": self._open.region if self._open is not None else None,
            "dumps": self._dumps,
            "cores": [
                name
                for group in groups
                for name in statistics_names(f"system.cluster.{group}", wanted.cores)
            ],
            "tiles": statistics_names("system.tiles.tile", wanted.tiles),
            "meters": statistics_names("system.cluster.meter", wanted.cores),
        }
        write_atomically(self._out / "exit.json", json.dumps(record) + "\n")


def statistics_names(vector: str, count: int) -> list[str]:
    """What `stats.txt` calls the `count` objects of a vector."""
    return [vector] if count == 1 else [f"{vector}{index}" for index in range(count)]


def write_atomically(path: Path, text: str, *, durable: bool = True) -> None:
    """The file has the whole text or is as it was; if `durable`, after a power failure too."""
    partial = path.with_name(path.name + ".tmp")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    partial.replace(path)
