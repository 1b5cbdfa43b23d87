"""Progress of a command: a status line on a terminal, a line every 10 s elsewhere."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from rich.console import Console
from rich.status import Status

if TYPE_CHECKING:
    from harness.progress import Progress

INTERVAL_S: Final = 10.0  # without a terminal, the longest silence
_MEASURED_SHARE: Final = 0.01  # of the work: earlier, no time left is estimated


class TerminalProgress:
    """A status line for the time of a `with` block; see `harness.progress.Progress`.

    On a terminal it is redrawn at every change.  Elsewhere it is printed, with the time that
    the stage has taken, whenever nothing else was printed for ``interval_s``.

    Args:
        stages: Whether each stage is printed where there is no terminal.
    """

    def __init__(
        self, console: Console, *, interval_s: float = INTERVAL_S, stages: bool = True
    ) -> None:
        self._console = console
        self._interval_s = interval_s
        self._stages = stages
        self._status: Status | None = None
        self._text = "starting"
        self._detail = ""
        self._left = ""  # time left of the work as a whole
        self._first: tuple[float, float] | None = None  # when work was first told, and how much
        self._began = time.monotonic()
        self._printed = self._began
        self._ended = threading.Event()
        self._heartbeat = threading.Thread(target=self._beat, name="progress", daemon=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._status = self._console.status(self._text)
            self._status.start()
        else:
            self._heartbeat.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._status is not None:
            self._status.stop()
        elif self._heartbeat.ident is not None:
            self._heartbeat.join()

    def stage(self, text: str) -> None:
        if self._stages and self._status is None:
            self._print(f"{text} ...")
        self._text, self._detail = text, self._left
        self._began = time.monotonic()
        self._show()

    def note(self, text: str) -> None:
        self._print(text if self._status is not None else f"{text}{self._left}")

    def simulated(
        self, instructions: int, simulated_ns: float, layer: str | None = None, /
    ) -> None:
        seconds = max(time.monotonic() - self._began, 1e-6)
        self._detail = (
            f": {simulated_ns / 1e6:.2f} ms simulated, "
            f"{instructions / 1e6:.0f} M instructions ({instructions / seconds / 1e6:.1f} M/s)"
            + (f", in {layer}" if layer is not None else "")
        )
        self._show()

    def work(self, done: float, total: float, unit: str = "", detail: str = "") -> None:
        if self._first is None:
            self._first = (time.monotonic(), done)
        since, earlier = self._first
        new, seconds = done - earlier, max(time.monotonic() - since, 1e-3)
        if new <= 0 or (not unit and done < _MEASURED_SHARE * total):
            rate = left = ""
        else:
            rate = f"; {60 * new / seconds:.3g} a minute, "
            left = f"about {_duration(seconds * max(0.0, total - done) / new)} left"
        if unit:
            counted = f": {done:g} of {total:g} {unit} done"
            self._detail = counted + (f", {detail}" if detail else "") + rate + left
        elif left:
            self._left = self._detail = f" ({left})"
        self._show()

    def _show(self) -> None:
        if self._status is not None:
            self._status.update(f"{self._text}{self._detail}")

    def _print(self, text: str) -> None:
        self._printed = time.monotonic()
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _beat(self) -> None:
        while not self._ended.wait(max(0.0, self._printed + self._interval_s - time.monotonic())):
            if time.monotonic() - self._printed >= self._interval_s:
                seconds = time.monotonic() - self._began
                self._print(f"  {self._text}{self._detail}; {seconds:.0f} s")


@contextlib.contextmanager
def shown_progress(*, shown: bool = True, stages: bool = True) -> Iterator[Progress]:
    """Progress on stderr if ``shown``, else nothing; as plain text in notebooks, too.

    Args:
        stages: As of `TerminalProgress`.
    """
    if shown:
        with TerminalProgress(Console(stderr=True, force_jupyter=False), stages=stages) as progress:
            yield progress
    else:
        from harness.progress import Silent

        yield Silent()


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return "1 min"
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"
