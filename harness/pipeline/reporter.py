"""What hears of progress: of a job, of a simulation."""

from __future__ import annotations

from typing import Protocol


class Reporter(Protocol):
    """Hears what the job is doing."""

    def stage(self, text: str) -> None:
        """A stage begins."""

    def simulated(
        self, instructions: int, simulated_ns: float, layer: str | None = None, /
    ) -> None:
        """A simulation has come this far, to ``layer`` if the engine tells."""


class Silent:
    """A reporter for callers who do not want to hear."""

    def stage(self, text: str) -> None:
        """Nothing."""

    def simulated(
        self, instructions: int, simulated_ns: float, layer: str | None = None, /
    ) -> None:
        """Nothing."""
