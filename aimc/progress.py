"""Progress of a job: a status line on a terminal, a line every 10 s elsewhere."""

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
    from harness.pipeline.reporter import Reporter

INTERVAL_S: Final = 10.0  # without a terminal, the longest silence
_MEASURED_SHARE = 0.01  # of the work: earlier, no time left is estimated


class _StatusLine:
    """A status line for the time of a `with` block.

    On a terminal it is redrawn at every change.  Elsewhere it is printed, with the time that
    the stage has taken, whenever nothing else was printed for ``interval_s``.
    """

    def __init__(self, console: Console, *, interval_s: float = INTERVAL_S) -> None:
        self._console = console
        self._interval_s = interval_s
        self._status: Status | None = None
        self._text = "starting"
        self._detail = ""
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

    def _begin(self, text: str) -> None:
        self._text, self._detail = text, ""
        self._began = time.monotonic()

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


class JobProgress(_StatusLine):
    """A job's stages, and how far a simulation is."""

    def stage(self, text: str) -> None:
        if self._status is None:
            self._print(f"{text} ...")
        self._begin(text)
        self._show()

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


class SearchProgress(_StatusLine):
    """A search's stage with the time left, and a line for each decision."""

    def __init__(self, console: Console, *, interval_s: float = INTERVAL_S) -> None:
        super().__init__(console, interval_s=interval_s)
        self._start = time.monotonic()
        self._left = ""

    def stage(self, text: str) -> None:
        self._begin(text)
        self._detail = self._left
        self._show()

    def decided(self, text: str) -> None:
        self._print(text if self._status is not None else f"{text}{self._left}")

    def work(self, done: float, total: float) -> None:
        if done < _MEASURED_SHARE * total:
            return
        seconds = (time.monotonic() - self._start) * (total - done) / done
        self._left = self._detail = f" (about {_duration(seconds)} left)"
        self._show()


class SweepProgress(_StatusLine):
    """The numbers of finished points of a sweep, with the time left."""

    def __init__(self, console: Console, *, interval_s: float = INTERVAL_S) -> None:
        super().__init__(console, interval_s=interval_s)
        self._total = self._earlier = 0
        self._first: tuple[float, int] | None = None  # when points were first counted, and how many
        self._url = ""

    def stage(self, text: str) -> None:
        self._begin(text)
        if self._status is None:
            self._print(f"{text} ...")
        self._show()

    def note(self, text: str) -> None:
        self._print(text)

    def planned(self, total: int, done: int) -> None:
        self._total, self._earlier = total, done
        earlier = f", {done} of them there already" if done else ""
        self._print(f"{total} points{earlier}")

    def finished(self, done: int, failed: int, running: int) -> None:
        if self._first is None:
            self._begin("measuring points")
            self._first = (time.monotonic(), done + failed)
        since, counted = self._first
        new, seconds = done + failed - counted, max(time.monotonic() - since, 1e-3)
        left = max(0, self._total - max(self._earlier, counted) - new)
        self._text = f"{done} of {self._total} points done"
        self._detail = f", {failed} failed" if failed else ""
        self._detail += f", {running} running"
        if new:
            time_left = _duration(seconds * left / new)
            self._detail += f"; {60 * new / seconds:.3g} a minute, about {time_left} left"
        self._detail += self._url
        self._show()

    def dashboard(self, url: str) -> None:
        self._print(f"dashboard: {url}")
        self._url = f"; {url}"


class TrainingProgress(_StatusLine):
    """A training's stages, and its epochs with the time left."""

    def stage(self, text: str) -> None:
        if self._status is None:
            self._print(f"{text} ...")
        self._begin(text)
        self._show()

    def epoch(self, number: int, total: int, seconds: float, figures: str) -> None:
        """Epoch ``number`` of ``total`` took ``seconds`` and ended with ``figures``."""
        left = _duration(seconds * (total - number))
        self._detail = f": epoch {number} of {total}, {figures} (at most {left} left)"
        self._show()


class SilentSearch:
    """A search reporter that does nothing."""

    def stage(self, text: str) -> None:
        """Nothing."""

    def decided(self, text: str) -> None:
        """Nothing."""

    def work(self, done: float, total: float) -> None:
        """Nothing."""


@contextlib.contextmanager
def job_reporter(*, shown: bool) -> Iterator[Reporter]:
    """A job's stages on stderr if ``shown``, else nothing."""
    if shown:
        with JobProgress(stderr_console()) as progress:
            yield progress
    else:
        from harness.pipeline.reporter import Silent

        yield Silent()


@contextlib.contextmanager
def search_reporter(*, shown: bool) -> Iterator[SearchProgress | SilentSearch]:
    """A search's stages and decisions on stderr if ``shown``, else nothing."""
    if shown:
        with SearchProgress(stderr_console()) as progress:
            yield progress
    else:
        yield SilentSearch()


def stderr_console() -> Console:
    """Plain text in notebooks, too."""
    return Console(stderr=True, force_jupyter=False)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return "1 min"
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"
