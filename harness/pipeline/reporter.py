"""Receivers of progress: of a job, of a simulation."""

from __future__ import annotations

from typing import Protocol


class Reporter(Protocol):
    """Receives the progress of a job."""

    def stage(self, text: str) -> None:
        """A stage begins."""

    def simulated(
        self, instructions: int, simulated_ns: float, layer: str | None = None, /
    ) -> None:
        """Progress of a simulation, with the ``layer`` if the engine reports it."""


class Silent:
    """A reporter that does nothing."""

    def stage(self, text: str) -> None:
        """Nothing."""

    def simulated(
        self, instructions: int, simulated_ns: float, layer: str | None = None, /
    ) -> None:
        """Nothing."""
