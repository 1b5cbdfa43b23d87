"""Showing on the terminal how far a job has come."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status

_MEASURED_SHARE = 0.01  # of the work: earlier, no time left is estimated


class _StatusLine:
    """A status line for the time of a `with` block, on a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None
        self._text = ""
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._status = self._console.status("starting")
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()


class JobProgress(_StatusLine):
    """A status line on a terminal; one line a stage where there is none."""

    def stage(self, text: str) -> None:
        self._text = text
        self._began = time.monotonic()
        if self._status is not None:
            self._status.update(text)
        else:
            self._console.print(f"{text} ...")

    def simulated(
        self, instructions: int, simulated_ns: float, layer: str | None = None, /
    ) -> None:
        if self._status is None:
            return
        seconds = max(time.monotonic() - self._began, 1e-6)
        self._status.update(
            f"{self._text}: {simulated_ns / 1e6:.2f} ms simulated, "
            f"{instructions / 1e6:.0f} M instructions ({instructions / seconds / 1e6:.1f} M/s)"
            + (f", in {layer}" if layer is not None else "")
        )


class SearchProgress(_StatusLine):
    """A search's status line with the time left, and a line for each decision."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._left = ""

    def stage(self, text: str) -> None:
        self._text = text
        self._show()

    def decided(self, text: str) -> None:
        left = "" if self._status is not None else self._left
        self._console.print(f"{text}{left}", markup=False, highlight=False)

    def work(self, done: float, total: float) -> None:
        if done < _MEASURED_SHARE * total:
            return
        seconds = (time.monotonic() - self._began) * (total - done) / done
        self._left = f" (about {_duration(seconds)} left)"
        self._show()

    def _show(self) -> None:
        if self._status is not None:
            self._status.update(f"{self._text}{self._left}")


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return "1 min"
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"
