"""Progress reports of a running sweep."""

from __future__ import annotations

from typing import Protocol


class SweepReporter(Protocol):
    """Receives a sweep's progress, always from the thread that runs it."""

    def stage(self, text: str) -> None:
        """A longer activity starts."""

    def note(self, text: str) -> None:
        """A warning; the sweep continues."""

    def planned(self, total: int, done: int) -> None:
        """The sweep has ``total`` points; ``done`` of them were measured earlier."""

    def finished(self, done: int, failed: int, running: int) -> None:
        """The numbers of points that are done, have failed, and are being measured."""

    def dashboard(self, url: str) -> None:
        """The address of dask's dashboard."""


class Quiet:
    """A reporter that does nothing."""

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
