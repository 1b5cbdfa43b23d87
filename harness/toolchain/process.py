"""Running the compiler so that nothing of it outlives an interrupt."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ToolchainError
from harness.interrupts import uninterrupted
from harness.process_group import kill_group, process_group


@dataclass(frozen=True)
class Finished:
    """A command that ended by itself; ``output`` is stdout and stderr together."""

    returncode: int
    output: str


class Commands:
    """Commands in flight, possibly in several threads; `kill` ends all of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
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
        group = process_group(
            command,
            cwd=cwd,
            environment=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        with contextlib.ExitStack() as stack:
            with uninterrupted(), self._lock:
                if self._killed:
                    raise ToolchainError("the compilation was stopped")
                try:
                    process = stack.enter_context(group)
                except OSError as error:
                    raise ToolchainError(
                        f"the compiler cannot be started: {error.strerror}",
                        where=command[0],
                        hint="check the installation with: aimc doctor",
                    ) from error
                self._running.add(process)
                stack.callback(self._forget, process)
            return _wait(process, command, timeout_s)

    def kill(self) -> None:
        """Kill the running commands and refuse to start more."""
        with self._lock:
            self._killed = True
            for process in self._running:
                kill_group(process)

    def _forget(self, process: subprocess.Popen[bytes]) -> None:
        with uninterrupted(), self._lock:
            self._running.discard(process)


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
