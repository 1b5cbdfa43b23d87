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
    """A setting of an engine: ``--NAME`` on the command line, an argument in Python.

    Attributes:
        name: Also the keyword argument of the engine's class.
        what: The setting in words, for the help.
        otherwise: What the engine uses without the setting.
        variable: Environment variable that the engine reads if the caller does not name a value.
    """

    name: str
    what: str
    otherwise: str
    variable: str | None = None


EngineOptions: TypeAlias = Mapping[str, str]
"""Values by the name of their `EngineOption`; an engine ignores options that it does not take."""

NO_OPTIONS: Final[EngineOptions] = MappingProxyType({})


class Engine(Protocol):
    """Runs programs on systems, and answers for itself.

    `harness.engines.registry` finds the class by its entry point.  The options that the caller
    names are keyword arguments of the constructor, which does no work.  The command line imports
    the class's module at every start, so the module imports no large library.

    Attributes:
        name: As ``run.engine`` has it.
        options: The settings that it takes.
        macs_per_s: Multiply-accumulates that it simulates per second of the host, roughly; the
            estimate of a sweep's time uses it.
    """

    name: ClassVar[str]
    options: ClassVar[tuple[EngineOption, ...]]
    macs_per_s: ClassVar[float]

    def check(self, config: Config) -> None:
        """Refuse a configuration that this engine cannot simulate, before anything is compiled.

        Raises:
            HarnessError: The engine refuses; the message says which systems it simulates.
        """

    def sees_energy(self, key: str) -> bool:
        """Whether a result depends on the value ``key`` of the system's energies.

        The harness computes energy from events, so most engines read no energies.
        """

    def identity(self) -> Mapping[str, str]:
        """Everything that its numbers depend on besides the harness's own sources and libraries.

        Two runs with equal identities share one result.  An engine within the harness returns
        nothing.

        Raises:
            EngineError: The engine is not on this machine, or cannot run the harness's programs.
        """

    def doctor(self) -> Sequence[Finding]:
        """The rows of `aimc doctor`: whether the engine works on this machine, by trying it."""

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
