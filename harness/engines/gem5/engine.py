"""The gem5 engine: the harness's program in gem5's full-system mode, the reference.

What is measured and how is described in docs/gem5-engine.md; here is the order of things.
"""

from __future__ import annotations

import gzip
import json
import os
import secrets
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Final

from harness import _headers
from harness.atomic import atomic_write_bytes
from harness.config.fields import canonical, readers
from harness.config.preset_files import PRESETS
from harness.config.schema import Config, EnergyConfig, SystemConfig
from harness.engines.events import ALL_EVENTS
from harness.engines.gem5.dot_products import run_functionally
from harness.engines.gem5.dram import check_dram_energy, dram_model
from harness.engines.gem5.events import Groups, dump_dram_energy, dump_events, dump_ticks
from harness.engines.gem5.fast_forward import groups_of, measured, region_number
from harness.engines.gem5.installation import (
    RUN_SCRIPT,
    VARIABLE,
    clean_environment,
    describe,
    find_binary,
    identity,
)
from harness.engines.gem5.outcome import (
    EXIT,
    REGIONS,
    Ending,
    Visit,
    read_ending,
    read_visits,
)
from harness.engines.gem5.process import CONSOLE, LOG, STATS, last_lines, run_process
from harness.engines.gem5.statistics import read_dumps
from harness.engines.latency import longest_latency
from harness.engines.protocol import DramEnergy, EngineOption, RegionStats, RunResult
from harness.errors import EngineError, HarnessError, StatsError
from harness.file_digests import file_state, sources_digest
from harness.findings import Finding
from harness.progress import SILENT, Progress
from harness.recent import Recent
from harness.resources import resource

SETTINGS: Final = "settings.json"
KEPT: Final = "gem5"  # folder beside the program
MODELS: Final = "gem5_configs"  # the harness's own
_FORMAT: Final = 3  # gem5_configs/settings.py
_PS_PER_NS: Final = 1000
_INSTALLED: Final[Recent[dict[str, str]]] = Recent(4)
"""Identities of the gem5s that this process has asked, by the state of their files."""
BOARD: Final = {
    "dram_base": _headers.PLATFORM_DRAM_BASE,
    "m5ops_base": _headers.PLATFORM_M5OPS_BASE,
    "tile_base": _headers.PLATFORM_TILE_BASE,
    "tile_window": _headers.AIMC_TILE_WINDOW,
}
"""The addresses, for the run script, whose interpreter has the standard library only."""


class Gem5Engine:
    """Runs bare-metal AArch64 programs on gem5.

    Args:
        gem5: The program to use; None: the one that GEM5 names, else the one on PATH.
    """

    name: ClassVar[str] = "gem5"
    options: ClassVar[tuple[EngineOption, ...]] = (
        EngineOption(name="gem5", what="gem5 program", otherwise="PATH", variable=VARIABLE),
    )
    macs_per_s: ClassVar[float] = 0.6e6

    def __init__(self, gem5: str | os.PathLike[str] | None = None) -> None:
        self._binary = None if gem5 is None else Path(gem5)

    def check(self, config: Config) -> None:
        """Nothing is refused here: gem5 simulates cores of every kind."""

    def sees_energy(self, key: str) -> bool:
        """gem5 reports its own DRAM's energy, but not what has none in the configuration."""
        return self.name in readers(EnergyConfig.model_fields[key])

    def identity(self) -> dict[str, str]:
        """The gem5 program and its version, and the models that the harness adds to it.

        Raises:
            EngineError: There is no gem5, or it cannot run the harness's programs.
        """
        binary = find_binary(self._binary)
        state = file_state(binary) or secrets.token_hex()
        return {
            **_INSTALLED.get(state, lambda: _installed(binary)),
            "models": sources_digest(resource(MODELS)),
            "memories": sources_digest(PRESETS / "memory"),  # they name gem5's classes of DRAM
        }

    def doctor(self) -> tuple[Finding, ...]:
        """Missing only if the variable GEM5 names one that cannot be used; else it is optional."""
        try:
            gem5 = describe(find_binary(self._binary))
        except HarnessError as error:
            if os.environ.get(VARIABLE):
                return (Finding("gem5 engine", "missing", str(error)),)
            return (Finding("gem5 engine", "optional", error.what),)
        return (Finding("gem5 engine", "ok", f"gem5 {gem5.version}, {gem5.binary}"),)

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

        Regions come back in the order of ``regions``, also those that never ran; none if the
        program gave up or took a CPU exception (exit codes 254 and 255).  gem5's own
        output (settings, statistics, log) is kept in the folder ``gem5`` beside ``elf``.

        With fast-forward, the time is that from the first mark of the region on, and a
        programming of the tiles before it is no region of the result.

        Raises:
            EngineError: There is no gem5 that can do it, the system is not one that it
                simulates, or the program or gem5 ended otherwise than by the exit call.
            StatsError: gem5's statistics are incomplete or contradictory.
        """
        gem5 = describe(find_binary(self._binary))
        if not elf.is_file():
            raise EngineError("there is no such program", where=str(elf))
        detailed_from = None if fast_forward is None else region_number(fast_forward, regions)
        settings = run_settings(elf, system, fast_forward_to=detailed_from)
        start = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="aimc-gem5-") as name:
            folder = Path(name)
            ending = _simulate(
                gem5.binary, elf, system, settings, folder, timeout_s, progress, regions
            )
            groups = groups_of(ending, fast_forwarded=detailed_from is not None)
            visits = read_visits(folder, ending.dumps)
            _check_regions(visits, ending, regions, elf)
            kept = measured(visits, regions) if detailed_from is not None else regions
            stats = _region_stats(folder, groups, visits, kept, system)
            console = _console(folder)
            host_seconds = time.perf_counter() - start
            if ending.code <= _headers.AIMC_EXIT_MISMATCH_MAX:
                left_s = max(1.0, timeout_s - host_seconds)
                functional = run_functionally(elf, system, regions, timeout_s=left_s)
                stats = _with_dots(stats, functional, ending.code, elf)
            else:
                stats = []
            _keep(folder, elf.parent / KEPT)
        return RunResult(
            engine=self.name,
            engine_version=f"gem5 {gem5.version}",
            exit_code=ending.code,
            console=console,
            regions=tuple(stats),
            simulated_ns=(ending.tick_ps - _begin_ps(visits, detailed_from)) / _PS_PER_NS,
            instructions=ending.instructions,
            host_seconds=host_seconds,
        )


def _installed(binary: Path) -> dict[str, str]:
    return {"version": describe(binary).version, **identity(binary)}


def run_settings(
    elf: Path, system: SystemConfig, *, fast_forward_to: int | None = None
) -> dict[str, object]:
    """What the run script is told (gem5_configs/settings.py): a run from reset.

    It is in detail, from the first mark of the region ``fast_forward_to`` on if one is given.

    Raises:
        EngineError: gem5's DRAM has other energies than the system.
    """
    dram = dram_model(system.memory)
    check_dram_energy(dram, system.energy, system.name)
    return {
        "format": _FORMAT,
        "elf": str(elf.resolve()),
        "board": BOARD,
        "system": canonical(system),
        "dram": {
            "interface": dram.gem5.interface,
            "ranks": dram.gem5.ranks,
            "changed": list(dram.changed),
        },
        "fast_forward_to": fast_forward_to,
        "checkpoint": None,
        "restore": None,
        "attended": True,
    }


def _simulate(
    binary: Path,
    elf: Path,
    system: SystemConfig,
    settings: Mapping[str, object],
    folder: Path,
    timeout_s: float,
    progress: Progress,
    regions: Mapping[int, str],
) -> Ending:
    (folder / SETTINGS).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    command = [
        str(binary),
        "--quiet",
        "--listener-mode=off",
        f"--outdir={folder}",
        str(resource(RUN_SCRIPT)),
        str(folder / SETTINGS),
    ]
    code = run_process(
        command,
        folder,
        environment=clean_environment(),
        timeout_s=timeout_s,
        progress=progress,
        regions=regions,
        latency=longest_latency(system),
    )
    if code != 0:
        refusal = _refusal(folder)
        if refusal is not None:
            raise EngineError(refusal, where=system.name, hint="see docs/gem5-engine.md")
        raise EngineError(
            f"gem5 ended with code {code}" + last_lines(folder),
            where=str(elf),
            hint="nothing of this run was kept",
        )
    ending = read_ending(folder)
    if not ending.exited:
        raise EngineError(
            f"the program did not reach its exit call: {ending.cause}" + last_lines(folder),
            where=str(elf),
        )
    if ending.open_region is not None and ending.code == 0:
        raise EngineError(f"the program exited inside region {ending.open_region}", where=str(elf))
    return ending


def _refusal(folder: Path) -> str | None:
    """What the run script has against the settings, if that is what ended it."""
    lines = (folder / LOG).read_text(encoding="utf-8", errors="replace").splitlines()
    found = [line for line in lines if line.startswith("error: ")]
    return found[-1].removeprefix("error: ") if found else None


def _console(folder: Path) -> str:
    try:
        return (folder / CONSOLE).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise EngineError(
            f"gem5 left no console: {error.strerror or error}", where=CONSOLE
        ) from error


def _check_regions(
    visits: Sequence[Visit], ending: Ending, regions: Mapping[int, str], elf: Path
) -> None:
    unknown = sorted({visit.region for visit in visits} - set(regions))
    if unknown:
        raise EngineError(
            f"the program marked regions that it does not have: {', '.join(map(str, unknown))}",
            where=str(elf),
        )
    if visits and visits[-1].end_ps > ending.tick_ps:
        raise EngineError("the last region ends after the simulation", where=REGIONS)


def _region_stats(
    folder: Path,
    groups: Groups,
    visits: Sequence[Visit],
    regions: Mapping[int, str],
    system: SystemConfig,
) -> list[RegionStats]:
    """Events summed over the visits of each of ``regions``; `dot_ops` is still 0."""
    sums = {region: dict.fromkeys(ALL_EVENTS, 0) for region in regions}
    energy = dict.fromkeys(regions, DramEnergy(0.0, 0.0))
    modelled = dram_model(system.memory).has_energy
    time_ps = dict.fromkeys(regions, 0)
    found = 0
    for dump in read_dumps(folder / STATS):
        if found < len(visits):
            visit = visits[found]
            if dump_ticks(dump) != visit.end_ps - visit.begin_ps:
                raise StatsError(
                    f"{dump_ticks(dump)} ticks, but region {visit.region} took"
                    f" {visit.end_ps - visit.begin_ps}",
                    where=dump.where,
                )
            found += 1
            if visit.region not in regions:
                continue
            for name, value in dump_events(dump, groups, system).items():
                sums[visit.region][name] += value
            if modelled:
                energy[visit.region] += dump_dram_energy(dump, system)
            time_ps[visit.region] += visit.end_ps - visit.begin_ps
        else:
            found += 1
    # gem5 dumps once more at its end.
    if found not in (len(visits), len(visits) + 1):
        raise StatsError(f"{found} dumps for {len(visits)} executions of regions", where=STATS)
    return [
        RegionStats(
            region=region,
            name=name,
            visits=sum(visit.region == region for visit in visits),
            time_ns=time_ps[region] / _PS_PER_NS,
            events=sums[region],
            dram_energy=energy[region] if modelled else None,
        )
        for region, name in regions.items()
    ]


def _begin_ps(visits: Sequence[Visit], detailed_from: int | None) -> int:
    """When the detailed core began, for the region ``detailed_from``: at its first mark."""
    return 0 if detailed_from is None else next(v.begin_ps for v in visits if v.detailed)


def _with_dots(
    stats: Sequence[RegionStats], functional: RunResult, exit_code: int, elf: Path
) -> list[RegionStats]:
    """``stats`` with the dot products that functional execution of the same program counted."""
    if functional.exit_code != exit_code:
        raise EngineError(
            f"the program exits with {exit_code} on gem5, but with {functional.exit_code} in"
            " functional execution",
            where=str(elf),
            hint="a defect of one of them; nothing of this run was kept",
        )
    complete = []
    counted = {region.region: region for region in functional.regions}
    for region in stats:
        other = counted[region.region]
        if region.visits != other.visits:
            raise EngineError(
                f"region {region.region} ran {region.visits} times on gem5, but {other.visits}"
                " times in functional execution",
                where=str(elf),
                hint="the program behaves differently in time; its numbers cannot be used",
            )
        events = {**region.events, "dot_ops": other.events["dot_ops"]}
        complete.append(replace(region, events=events))
    return complete


def _keep(folder: Path, target: Path) -> None:
    """Copy what gem5 left and a person may want to see."""
    for name in (SETTINGS, REGIONS, EXIT, LOG):
        atomic_write_bytes(target / name, (folder / name).read_bytes())
    packed = gzip.compress((folder / STATS).read_bytes(), mtime=0)
    atomic_write_bytes(target / f"{STATS}.gz", packed)
