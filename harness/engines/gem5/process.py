"""One gem5 process: time limit, progress, and an end that leaves no process behind."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from harness.errors import EngineError
from harness.interrupts import uninterrupted
from harness.process_group import process_group
from harness.progress import Progress

LOG: Final = "gem5.log"
STATS: Final = "stats.txt"
HOW_FAR: Final = "progress.json"  # gem5_configs/simulation.py
CONSOLE: Final = "system.terminal"
_POLL_S: Final = 0.2
_GRACE_S: Final = 3.0  # from the request to end to the kill
_LOG_LINES: Final = 20
_TAIL_BYTES: Final = 1 << 16
_GOES_ON: Final = "info: Entering event queue @"  # gem5 says so after every mark and slice
_PS_PER_NS: Final = 1000


def run_process(
    command: Sequence[str],
    folder: Path,
    *,
    environment: Mapping[str, str],
    timeout_s: float,
    progress: Progress,
    regions: Mapping[int, str],
    latency: str,
) -> int:
    """Run gem5 with its output in ``folder`` and return its exit code, which is not negative.

    On any exception, an interrupt too, gem5's whole process group is ended first.  Its standard
    input is a pipe that this process holds open and never writes to: if it is killed, gem5 finds
    the end of the pipe and ends (gem5_configs/harness_link.py).

    Raises:
        EngineError: It cannot be started, runs out of time, or is killed by a signal.
    """
    watch = _Watch(folder / HOW_FAR, regions)
    deadline = time.monotonic() + timeout_s
    with (folder / LOG).open("wb") as log, contextlib.ExitStack() as stack:
        group = process_group(
            command,
            environment=environment,
            stdin=subprocess.PIPE,
            stdout=log,
            grace_s=_GRACE_S,
        )
        try:
            with uninterrupted():
                process = stack.enter_context(group)
        except OSError as error:
            raise EngineError(
                f"gem5 cannot be started: {error.strerror or error}", where=command[0]
            ) from error
        while process.poll() is None:
            if time.monotonic() > deadline:
                raise EngineError(
                    f"the simulation did not end within {timeout_s:g} s" + last_lines(folder),
                    where=command[0],
                    hint=f"--set run.timeout_s=SECONDS gives it more; fewer images take less;"
                    f" the longest latency is {latency}",
                )
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(min(_POLL_S, max(deadline - time.monotonic(), 0.01)))
            if watch.look():
                progress.simulated(watch.instructions, watch.simulated_ns, watch.layer)
    if process.returncode < 0:
        raise EngineError(
            f"gem5 was killed by {_signal_name(-process.returncode)}" + last_lines(folder),
            where=command[0],
            hint="a crash of the simulator, or out of memory; nothing of this run was kept",
        )
    return process.returncode


def last_lines(folder: Path) -> str:
    """The ends of the program's console and of gem5's log, for a message."""
    return _tail(folder / CONSOLE, "the console's") + _tail(folder / LOG, "gem5's")


def _tail(path: Path, whose: str) -> str:
    try:
        with path.open("rb") as stream:
            stream.seek(max(path.stat().st_size - _TAIL_BYTES, 0))
            text = stream.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    lines = [line for line in text.splitlines() if _GOES_ON not in line][-_LOG_LINES:]
    if not lines:
        return ""
    return f"\n  {whose} last lines:" + "".join(f"\n    {line[:200]}" for line in lines)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class _Watch:
    """How far a simulation has come, by what the run script says of it."""

    def __init__(self, how_far: Path, regions: Mapping[int, str]) -> None:
        self._how_far = how_far
        self._regions = regions
        self._text = ""
        self.instructions = 0
        self.simulated_ns = 0.0
        self.layer: str | None = None

    def look(self) -> bool:
        """Read what is new; True if there is progress."""
        try:
            text = self._how_far.read_text(encoding="utf-8")
            record = json.loads(text)
            instructions, tick_ps = int(record["instructions"]), int(record["tick_ps"])
            region = record["region"]
        except (OSError, ValueError, KeyError, TypeError):
            return False  # it has not begun to simulate
        if text == self._text:
            return False
        self._text = text
        self.instructions = instructions
        self.simulated_ns = tick_ps / _PS_PER_NS
        self.layer = self._regions.get(region)
        return True
