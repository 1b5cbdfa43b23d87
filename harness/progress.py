"""The protocol for the progress of a run, a search, a sweep or a training."""

from __future__ import annotations

from typing import Final, Protocol


class Progress(Protocol):
    """Receives the progress of the work, always from the thread that does it."""

    def stage(self, text: str) -> None:
        """A part of the work begins."""

    def note(self, text: str) -> None:
        """A result, or a difficulty that does not stop the work."""

    def simulated(
        self, instructions: int, simulated_ns: float, layer: str | None = None, /
    ) -> None:
        """Progress of a simulation since reset, with the ``layer`` if the engine reports it."""

    def work(self, done: float, total: float, unit: str = "", detail: str = "") -> None:
        """``done`` of ``total`` is done; both may grow.

        The first call tells what was done before this process began.

        Args:
            done: Work, counted in ``unit``.
            total: The same.
            unit: Plural of what is counted; without one, only the time left is of interest.
            detail: What else is known, in words.
        """


class Silent:
    """A receiver of progress that does nothing."""

    def stage(self, text: str) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def simulated(
        self, instructions: int, simulated_ns: float, layer: str | None = None, /
    ) -> None:
        """Nothing."""

    def work(self, done: float, total: float, unit: str = "", detail: str = "") -> None:
        """Nothing."""


SILENT: Final = Silent()
