"""What an engine takes and gives: ELF + system -> outputs + events per region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final, Protocol, TypeAlias

from harness.config.schema import Config, SystemConfig
from harness.findings import Finding
from harness.progress import SILENT, Progress


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


@dataclass(frozen=True)
class EngineOption:
    """What a caller can tell an engine.

    It is an option of the command line, an argument in Python, and a keyword of the engine's class.
    """

    name: str
    what: str  # as the help names it
    otherwise: str  # what the engine takes if it is not told
    variable: str | None = None  # of the environment, which the engine reads before that


EngineOptions: TypeAlias = Mapping[str, str]
"""Values by the name of their `EngineOption`; those that another engine takes do not matter."""

NO_OPTIONS: Final[EngineOptions] = MappingProxyType({})


class Engine(Protocol):
    """Runs programs on systems, and answers for itself.

    A class for it is found by its entry point (`harness.engines.registry`).  It is made with those
    of its ``options`` that the caller has named, as keywords; making it does nothing else.  Its
    module is read at every start of the command line and imports no large library.

    Attributes:
        name: As ``run.engine`` has it.
        options: What a caller can tell it.
        macs_per_s: Multiply-accumulates that it simulates in a second, roughly; for the time that
            a sweep will take.
    """

    name: ClassVar[str]
    options: ClassVar[tuple[EngineOption, ...]]
    macs_per_s: ClassVar[float]

    def check(self, config: Config) -> None:
        """Refuse what this engine cannot simulate, as soon as the configuration is known.

        Raises:
            HarnessError: It cannot; the message says what it can.
        """

    def sees_energy(self, key: str) -> bool:
        """Whether a result depends on the value ``key`` of the system's energies.

        The harness computes energy from events, so that most engines look at none.
        """

    def identity(self) -> Mapping[str, str]:
        """What its numbers depend on besides the sources and libraries of the harness.

        Results are kept and served by it; an engine of the harness's own code has nothing to say.

        Raises:
            EngineError: The engine is not on this machine, or cannot run the harness's programs.
        """

    def doctor(self) -> Sequence[Finding]:
        """Whether it works on this machine, as `aimc doctor` tells it; it is tried."""

    def run(
        self,
        elf: Path,
        system: SystemConfig,
        regions: Mapping[int, str],
        *,
        timeout_s: float,
        fast_forward: str | None = None,
        progress: Progress = SILENT,
    ) -> RunResult:
        """Simulate ``elf`` from reset to its exit call.

        Args:
            elf: A statically linked AArch64 program; ``kernels/include/platform.h`` is its board.
            system: What the program can see of the system (`harness.engines.visible`).
            regions: Names by number; regions come back in this order, also those that never ran.
            timeout_s: Of the host.
            fast_forward: Name or number of the region at whose first mark the detailed simulation
                begins (`RunConfig.fast_forward`); None: at reset.
            progress: Gets the progress.

        Raises:
            EngineError: The program faulted, hung, ran out of time, or ended without
                its exit call; a run that raises leaves no numbers.
        """
