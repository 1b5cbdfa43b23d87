"""What a sweep tells while it runs."""

from __future__ import annotations

from typing import Protocol


class SweepReporter(Protocol):
    """Hears how far a sweep is; always from the thread that runs it."""

    def stage(self, text: str) -> None:
        """Something begins that takes a while."""

    def note(self, text: str) -> None:
        """Something that the user should know of, though the sweep goes on."""

    def planned(self, total: int, done: int) -> None:
        """The sweep has ``total`` points; ``done`` of them were measured earlier."""

    def finished(self, done: int, failed: int, running: int) -> None:
        """How many points are done, have failed and are being measured now."""

    def dashboard(self, url: str) -> None:
        """Where dask's dashboard is."""


class Quiet:
    """A reporter for callers who do not want to hear."""

    def stage(self, text: str) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def planned(self, total: int, done: int) -> None:
        """Nothing."""

    def finished(self, done: int, failed: int, running: int) -> None:
        """Nothing."""

    def dashboard(self, url: str) -> None:
        """Nothing."""
