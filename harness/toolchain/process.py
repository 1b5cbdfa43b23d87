"""Running the compiler so that nothing of it outlives an interrupt."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ToolchainError
from harness.interrupts import uninterrupted


@dataclass(frozen=True)
class Finished:
    """A command that ended by itself; ``output`` is stdout and stderr together."""

    returncode: int
    output: str


class Commands:
    """Commands in flight, possibly in several threads; `kill` ends all of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: set[int] = set()
        self._killed = False

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        timeout_s: float = 600.0,
    ) -> Finished:
        """Run ``command`` in a process group of its own and wait for its end.

        On any exception (Ctrl-C in particular) the whole group is killed before the
        exception goes on.

        Raises:
            ToolchainError: The command cannot be started or does not end in time.
        """
        with contextlib.ExitStack() as stack:
            with uninterrupted(), self._lock:
                if self._killed:
                    raise ToolchainError("the compilation was stopped")
                process = _start(command, cwd, environment)
                self._groups.add(process.pid)
                stack.callback(self._end, process)
            return _wait(process, command, timeout_s)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        with uninterrupted(), self._lock:
            self._groups.discard(process.pid)
            if process.poll() is None:
                _kill_group(process.pid)
                process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def kill(self) -> None:
        """Kill what runs and refuse to start more."""
        with self._lock:
            self._killed = True
            for group in self._groups:
                _kill_group(group)


def _wait(process: subprocess.Popen[bytes], command: Sequence[str], timeout_s: float) -> Finished:
    try:
        output, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        raise ToolchainError(
            f"the compiler did not finish in {timeout_s:.0f} s",
            where=" ".join(command[:4]),
            hint="the machine may be overloaded or out of memory; try again",
        ) from error
    return Finished(process.returncode, output.decode("utf-8", errors="replace"))


def _start(
    command: Sequence[str], cwd: Path, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise ToolchainError(
            f"the compiler cannot be started: {error.strerror}",
            where=command[0],
            hint="check the installation with: aimc doctor",
        ) from error


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
