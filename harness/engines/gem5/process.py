"""One gem5 process: time limit, progress, and an end that leaves no process behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from harness.engines.protocol import Progress
from harness.errors import EngineError

LOG: Final = "gem5.log"
STATS: Final = "stats.txt"
CONSOLE: Final = "system.terminal"
_POLL_S: Final = 0.2
_GRACE_S: Final = 3.0  # from the request to end to the kill
_LOG_LINES: Final = 20
_TAIL_BYTES: Final = 1 << 16
_PS_PER_NS: Final = 1000


def run_process(
    command: Sequence[str],
    folder: Path,
    *,
    environment: Mapping[str, str],
    timeout_s: float,
    progress: Progress | None,
) -> int:
    """Run gem5 with its output in ``folder`` and return its exit code, which is not negative.

    On any exception, an interrupt too, gem5's whole process group is ended first.

    Raises:
        EngineError: It cannot be started, runs out of time, or is killed by a signal.
    """
    watch = _Watch(folder / STATS)
    deadline = time.monotonic() + timeout_s
    with (folder / LOG).open("wb") as log:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                start_new_session=True,
            )
        except OSError as error:
            raise EngineError(
                f"gem5 cannot be started: {error.strerror or error}", where=command[0]
            ) from error
        try:
            while process.poll() is None:
                if time.monotonic() > deadline:
                    raise EngineError(
                        f"the simulation did not end within {timeout_s:g} s" + last_lines(folder),
                        where=command[0],
                        hint="--set run.timeout_s=SECONDS gives it more; fewer images take less",
                    )
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(min(_POLL_S, max(deadline - time.monotonic(), 0.01)))
                if progress is not None and watch.look():
                    progress(watch.instructions, watch.simulated_ns)
        finally:
            _end_group(process)
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
    lines = text.splitlines()[-_LOG_LINES:]
    if not lines:
        return ""
    return f"\n  {whose} last lines:" + "".join(f"\n    {line[:200]}" for line in lines)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """If gem5 still runs, ask its group to end, then kill what is left of it."""
    if process.poll() is not None:
        return
    _signal_group(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_S)
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class _Watch:
    """How far a simulation has come, from the dumps that gem5 has written so far."""

    def __init__(self, stats: Path) -> None:
        self._stats = stats
        self._offset = 0
        self.instructions = 0
        self.simulated_ns = 0.0

    def look(self) -> bool:
        """Read what is new; True if there is progress."""
        try:
            with self._stats.open("rb") as stream:
                stream.seek(self._offset)
                new = stream.read()
        except OSError:
            return False
        whole = new.rfind(b"\n") + 1
        self._offset += whole
        moved = False
        for line in new[:whole].splitlines():
            if line.startswith((b"simInsts ", b"finalTick ")):
                name, value = line.split()[:2]
                if not value.isdigit():
                    continue
                moved = True
                if name == b"simInsts":  # since the beginning, unlike other statistics
                    self.instructions = int(value)
                else:
                    self.simulated_ns = int(value) / _PS_PER_NS
        return moved
