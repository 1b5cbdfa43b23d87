"""Child processes of which nothing outlives the block that started them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from harness.interrupts import uninterrupted


@contextlib.contextmanager
def process_group(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    stdin: int,
    stdout: int | IO[bytes],
    cwd: Path | None = None,
    grace_s: float = 0.0,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``command`` in a process group of its own, its stderr with its stdout.

    If it has not ended when the block is left, by any exception too, the whole group is killed.

    Args:
        grace_s: From the request to end (SIGTERM) to the kill; 0: no such request.

    Raises:
        OSError: It cannot be started.
    """
    with contextlib.ExitStack() as stack:
        with uninterrupted():
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=dict(environment),
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            stack.callback(_end, process, grace_s)
        yield process


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill ``process`` and what it has started."""
    _signal_group(process, signal.SIGKILL)


def _end(process: subprocess.Popen[bytes], grace_s: float) -> None:
    with uninterrupted():
        if process.poll() is None:
            if grace_s > 0:
                _signal_group(process, signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(grace_s)
            kill_group(process)
            process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
