"""What an engine takes and gives: ELF + system -> outputs + events per region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.config.schema import SystemConfig


@dataclass(frozen=True)
class DramEnergy:
    """What an engine's own model of the DRAM says; docs/energy.md."""

    access_pj: float  # activate, precharge, read, write
    background_pj: float  # standby, power-down, refresh

    def __add__(self, other: DramEnergy) -> DramEnergy:
        return DramEnergy(
            self.access_pj + other.access_pj, self.background_pj + other.background_pj
        )


@dataclass(frozen=True)
class RegionStats:
    """Events of one region (a layer), summed over all its executions in the run.

    ``events`` has every key of `harness.engines.events.ALL_EVENTS`.  Without ``dram_energy`` it
    follows from bytes and time.
    """

    region: int
    name: str
    visits: int
    time_ns: float
    events: Mapping[str, int]
    dram_energy: DramEnergy | None = None


@dataclass(frozen=True)
class RunResult:
    """A finished simulation. ``exit_code`` is the number of mismatching outputs."""

    engine: str
    engine_version: str
    exit_code: int
    console: str
    regions: tuple[RegionStats, ...]
    simulated_ns: float  # from reset, or from where a fast-forward ends, to exit
    instructions: int  # from reset to exit
    host_seconds: float


class Progress(Protocol):
    """Hears how far a simulation has come."""

    def __call__(self, instructions: int, simulated_ns: float, layer: str | None = None, /) -> None:
        """``layer`` is the region that executes, where the engine knows it."""


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
