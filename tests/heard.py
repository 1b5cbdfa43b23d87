"""A progress that remembers what it hears."""

from __future__ import annotations

from harness.progress import Silent


class Heard(Silent):
    """Every call, by its kind."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.notes: list[str] = []
        self.simulations: list[tuple[int, float, str | None]] = []
        self.work_done: list[tuple[float, float, str]] = []

    def stage(self, text: str) -> None:
        assert text
        self.stages.append(text)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def simulated(
        self, instructions: int, simulated_ns: float, layer: str | None = None, /
    ) -> None:
        assert instructions >= 0
        assert simulated_ns >= 0
        assert layer != ""
        self.simulations.append((instructions, simulated_ns, layer))

    def work(self, done: float, total: float, unit: str = "", detail: str = "") -> None:
        del unit
        self.work_done.append((done, total, detail))
