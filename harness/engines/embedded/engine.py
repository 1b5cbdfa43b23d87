"""The embedded engine: unicorn for what a program does, our own model for how long it takes.

The model is C++ (`native/`) and described in docs/embedded-engine.md; here is marshalling only.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from harness.config.defaults import SYSTEM
from harness.config.load import PRESETS_HINT, load_config
from harness.config.schema import Config, SystemConfig
from harness.engines.events import ALL_EVENTS
from harness.engines.latency import longest_latency
from harness.engines.protocol import RegionStats, RunResult
from harness.errors import ConfigError, EngineError
from harness.findings import Finding, finding_of
from harness.progress import SILENT, Progress

if TYPE_CHECKING:
    from harness.engines.embedded.elf import Program
    from harness.engines.protocol import EngineOption

MMU_SYMBOL: Final = "aimc_platform_mmu"
_LIBRARY: Final = "libunicorn.so.2"
_CONSOLE_LINES: Final = 8


class EmbeddedEngine:
    """Runs bare-metal AArch64 programs on one in-order core with tiles.

    Args:
        max_instructions: Give up after so many; None: only the run's timeout counts.
        self_check: Compare every address that the timing model derives with the
            emulator's own accesses, and take no shortcuts in timing: the same results at a
            tenth of the speed, or an EngineError.
    """

    name: ClassVar[str] = "embedded"
    options: ClassVar[tuple[EngineOption, ...]] = ()
    macs_per_s: ClassVar[float] = 60e6

    def __init__(self, *, max_instructions: int | None = None, self_check: bool = False) -> None:
        self._max_instructions = max_instructions
        self._self_check = self_check

    def check(self, config: Config) -> None:
        """Refuse a system that this engine does not simulate.

        Raises:
            ConfigError: Its cores are not in order, or it has a region to fast-forward to.
            EngineError: It has several cores, or too long a latency.
        """
        core = config.system.core
        if core.kind != "in_order":
            raise ConfigError(
                f"the embedded engine times in-order cores, but the core preset {core.name!r} is"
                f" {core.kind}: choose run.engine=gem5 or an in-order core",
                hint=PRESETS_HINT,
            )
        _refuse_fast_forward(config.run.fast_forward)
        _check_system(config.system)

    def sees_energy(self, key: str) -> bool:
        """It reports no energy of its own."""
        del key
        return False

    def identity(self) -> dict[str, str]:
        """Nothing but the harness's own sources and libraries."""
        return {}

    def doctor(self) -> tuple[Finding, ...]:
        """It compiles an empty program and runs it."""
        return (finding_of("embedded engine", _try_out),)

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
        """Simulate ``elf`` from reset to its exit call; see `harness.engines.protocol.Engine`.

        Regions come back in the order of ``regions``, also those that never ran.

        Raises:
            ConfigError: ``fast_forward`` names a region.
            EngineError: The system is not one that this engine simulates, or the program
                faulted, hung, ran out of time, or ended without its exit call.
        """
        from harness.engines.embedded import _engine
        from harness.engines.embedded.elf import read_program

        _refuse_fast_forward(fast_forward)
        _check_system(system)
        program = read_program(elf)
        start = time.perf_counter()
        try:
            outcome: dict[str, Any] = _engine.run(
                library=str(unicorn_library()),
                system=_parameters(system),
                pieces=program_pieces(program),
                code=list(program.code),
                writable=list(program.writable),
                entry=program.entry,
                timeout_s=timeout_s,
                instruction_limit=self._max_instructions or 0,
                self_check=self._self_check,
                progress=progress.simulated,
            )
        except (RuntimeError, ValueError, MemoryError) as error:
            raise EngineError(str(error) or "out of memory", where=str(elf)) from error
        if outcome["ending"] != "exit":
            raise _ending_error(outcome, elf, program, regions, timeout_s, system)
        if outcome["open_region"] is not None and outcome["exit_code"] == 0:
            raise EngineError(
                f"the program exited inside region {_region(outcome, regions)}", where=str(elf)
            )
        return RunResult(
            engine=self.name,
            engine_version=f"embedded 1 (unicorn {importlib.metadata.version('unicorn')})",
            exit_code=int(outcome["exit_code"]),
            console=_console(outcome),
            regions=_region_stats(outcome, regions, elf),
            simulated_ns=outcome["simulated_fs"] * 1e-6,
            instructions=int(outcome["instructions"]),
            host_seconds=time.perf_counter() - start,
        )


def _try_out() -> str:
    from harness.cache.folder import cache_dir
    from harness.toolchain.build import compile_program

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "main.c"
        source.write_text("int main(void) { return 0; }\n", encoding="utf-8")
        elf = compile_program(
            [source], [], Path(folder) / "p.elf", defines={}, cache_dir=cache_dir()
        )
        system = load_config(system=SYSTEM).system
        result = EmbeddedEngine().run(elf, system, {}, timeout_s=60.0)
    if result.exit_code:
        raise EngineError(f"an empty program ended with code {result.exit_code}")
    return f"{result.engine_version}; ran {result.instructions} instructions"


def unicorn_library() -> Path:
    """The shared library of the installed ``unicorn`` package.

    Raises:
        EngineError: The package or its library is missing.
    """
    spec = importlib.util.find_spec("unicorn")
    if spec is None or spec.origin is None:
        raise EngineError("the Python package 'unicorn' is missing", hint="pip install unicorn")
    library = Path(spec.origin).parent / "lib" / _LIBRARY
    if not library.is_file():
        raise EngineError(f"the Python package 'unicorn' has no {_LIBRARY}", where=str(library))
    return library


def program_pieces(program: Program) -> list[tuple[int, bytes]]:
    """What is in memory at reset: the program, told not to turn its MMU on."""
    pieces = list(program.pieces)
    mmu = program.symbol_address(MMU_SYMBOL)
    if mmu is not None:
        pieces.append((mmu, bytes(4)))
    return pieces


def _parameters(system: SystemConfig) -> dict[str, Any]:
    """What the native module reads; it refuses other names (native/read_system.cc)."""
    attach, tile = system.attach, system.tile
    return {
        "core": system.core.model_dump(exclude={"name", "kind"}),
        "caches": system.caches.model_dump(exclude={"name"}),
        "memory": system.memory.model_dump(exclude={"name"}),
        "tiles": system.tiles,
        "tiles_beside_l1": attach.point == "core",
        "attach": _attach_parameters(system),
        "tile": {
            **tile.model_dump(exclude={"name", "io"}),
            "dma": tile.io == "dma",
            "dma_bandwidth_gb_per_s": attach.dma_bandwidth_gb_per_s,
        },
    }


def _attach_parameters(system: SystemConfig) -> dict[str, Any]:
    attach = system.attach
    load = {"latency_ns": system.device_load_ns(), "cycles": 0}
    store = {"latency_ns": system.device_store_ns(), "cycles": 0}
    if attach.through_caches:  # the path adds the caches, and the edges of the clocks
        load = {"latency_ns": attach.load_latency_ns, "cycles": attach.load_latency_cycles}
        store = {"latency_ns": attach.store_latency_ns, "cycles": attach.store_latency_cycles}
    return {
        "through_caches": attach.through_caches,
        "load": {**load, "extra_beat_ns": attach.load_beat_ns},
        "store": {**store, "extra_beat_ns": attach.extra_beat_ns},
    }


def _refuse_fast_forward(region: str | None) -> None:
    if region is not None:
        raise ConfigError(
            "run.fast_forward is of gem5: the embedded engine takes seconds from reset to the first"
            " layer, and measures the programming of the tiles, too; leave it out",
            hint=PRESETS_HINT,
        )


def _check_system(system: SystemConfig) -> None:
    def refuse(what: str, where: str, hint: str) -> None:
        raise EngineError(what, where=f"{system.name}: {where}", hint=hint)

    if system.cores != 1:
        refuse(
            f"the embedded engine simulates one core, not {system.cores}",
            "system.cores",
            "use a system of one core",
        )
    if system.core.kind != "in_order":
        refuse(
            f"the embedded engine's core is in order, not {system.core.kind}",
            "system.core.kind",
            "use a core preset of kind in_order",
        )
    latencies = [
        value for key, value in system.core.model_dump().items() if key.endswith("_latency")
    ]
    if max(latencies) > 1000:
        refuse("a latency is more than 1000 cycles", "system.core", "use a smaller latency")


def _console(outcome: Mapping[str, Any]) -> str:
    return bytes(outcome["console"]).decode("utf-8", errors="replace")


def _region(outcome: Mapping[str, Any], regions: Mapping[int, str]) -> str:
    region = outcome["open_region"]
    return f"{region} ({regions[region]})" if region in regions else str(region)


def _ending_error(
    outcome: Mapping[str, Any],
    elf: Path,
    program: Program,
    regions: Mapping[int, str],
    timeout_s: float,
    system: SystemConfig,
) -> EngineError:
    latency = f"the longest latency is {longest_latency(system)}"
    simulated_s = outcome["simulated_fs"] * 1e-15
    waits = "; the program waits for a tile" if outcome["polls"] else ""
    what, hint = {
        "fault": (outcome["message"], None),
        "timeout": (
            f"the simulation did not end within {timeout_s:g} s{waits}",
            f"{latency}: lower it or raise run.timeout_s"
            if waits
            else "raise run.timeout_s, or look for an endless loop at this address",
        ),
        "too long": (
            f"no end after {simulated_s:.0f} s of simulated time, the most that can be{waits}",
            latency,
        ),
        "limit": (
            "the program did not end within the limit of instructions",
            "look for an endless loop at this address",
        ),
        "interrupted": ("the simulation was interrupted", None),
    }.get(
        outcome["ending"],
        (f"defect of the embedded engine: {outcome['message']}", "report it with the program"),
    )
    pc = outcome["pc"]
    symbol = program.symbol_at(pc)
    place = f"{elf}: at {pc:#x}" + (f" in {symbol}" if symbol else "")
    if outcome["open_region"] is not None:
        place += f", region {_region(outcome, regions)}"
    text = f"{what} (after {outcome['instructions']} instructions)"
    lines = _console(outcome).splitlines()[-_CONSOLE_LINES:]
    if lines:
        text += "\n  the console's last lines:\n" + "\n".join(f"    {line}" for line in lines)
    return EngineError(text, where=place, hint=hint)


def _region_stats(
    outcome: Mapping[str, Any], regions: Mapping[int, str], elf: Path
) -> tuple[RegionStats, ...]:
    ran: dict[int, tuple[int, dict[str, int]]] = outcome["regions"]
    unknown = sorted(set(ran) - set(regions))
    if unknown:
        raise EngineError(
            f"the program marked regions that it does not have: {', '.join(map(str, unknown))}",
            where=str(elf),
        )
    nothing = (0, dict.fromkeys(ALL_EVENTS, 0))
    stats = []
    for region, name in regions.items():
        visits, events = ran.get(region, nothing)
        stats.append(
            RegionStats(
                region=region,
                name=name,
                visits=visits,
                time_ns=events["cycles"] * outcome["period_fs"] * 1e-6,
                events={event: events[event] for event in ALL_EVENTS},
            )
        )
    return tuple(stats)
