"""What an engine takes and gives: ELF + system -> outputs + events per region."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.config.schema import SystemConfig


@dataclass(frozen=True)
class RegionStats:
    """Events of one region (a layer), summed over all its executions in the run.

    ``events`` has every key of `harness.stats.events.ALL_EVENTS`.
    """

    region: int
    name: str
    visits: int
    time_ns: float
    events: Mapping[str, int]


@dataclass(frozen=True)
class RunResult:
    """A finished simulation. ``exit_code`` is the number of mismatching outputs."""

    engine: str
    engine_version: str
    exit_code: int
    console: str
    regions: tuple[RegionStats, ...]
    simulated_ns: float  # from reset to exit
    instructions: int  # from reset to exit
    host_seconds: float


Progress = Callable[[int, float], None]  # instructions so far, simulated ns so far


class Engine(Protocol):
    """Runs one ELF on one system."""

    name: str

    def run(
        self,
        elf: Path,
        system: SystemConfig,
        regions: Mapping[int, str],
        *,
        timeout_s: float,
        progress: Progress | None = None,
    ) -> RunResult:
        """Simulate ``elf`` from reset to its exit call.

        Raises:
            EngineError: The program faulted, hung, ran out of time, or ended without
                its exit call; a run that raises leaves no numbers.
        """
        ...
