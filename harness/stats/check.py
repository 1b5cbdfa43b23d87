"""Completeness of a run's statistics: either every number is there and adds up, or none is used."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from harness import _headers
from harness.engines.events import ALL_EVENTS, CYCLE_CAUSES
from harness.engines.protocol import RegionStats, RunResult
from harness.errors import EngineError, MismatchError, StatsError

_NOT_ABOVE: Final = (  # (part, whole): a part cannot exceed its whole
    ("dot_ops", "simd_ops"),
    ("branch_mispredicts", "branches"),
    ("l1i_misses", "l1i_accesses"),
    ("l1d_misses", "l1d_accesses"),
    ("l2_misses", "l2_accesses"),
    ("tile_adc_saturations", "tile_adc_conversions"),
)
_CLOCK_TOLERANCE: Final = 0.01  # gem5 rounds a clock's period to whole picoseconds
_PROGRAM_FAILURES: Final = {
    _headers.AIMC_EXIT_FATAL: "gave up (AIMC_EXIT_FATAL)",
    _headers.AIMC_EXIT_FAULT: "took a CPU exception (AIMC_EXIT_FAULT)",
}
_SHOWN: Final = 8  # problems listed in one message


@dataclass(frozen=True)
class ExpectedRegion:
    """A region that the program must have executed exactly ``visits`` times."""

    region: int
    name: str
    visits: int


def check_result(
    result: RunResult, expected: Sequence[ExpectedRegion], *, clock_ghz: float | None = None
) -> None:
    """Check that ``result`` has exactly the expected regions and that its numbers add up.

    Every region must have its visits and every event; events are non-negative integers,
    the causes sum to the cycles, no part exceeds its whole, and the regions together do
    not exceed the run.  With ``clock_ghz``, each region's time must fit its cycles.

    Raises:
        StatsError: Something is missing, duplicated, impossible or contradictory.
    """
    problems = [*_run_problems(result), *_region_set_problems(result.regions, expected)]
    for region in result.regions:
        problems.extend(f"{region.name}: {text}" for text in _region_problems(region, clock_ghz))
    if not problems:
        problems = list(_sum_problems(result))
    if problems:
        shown = "".join(f"\n  {problem}" for problem in problems[:_SHOWN])
        more = f"\n  and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise StatsError(
            f"the statistics of the run are not usable:{shown}{more}",
            where=f"engine {result.engine} {result.engine_version}",
            hint="this is a defect of the engine or of the generated program; nothing is reported",
        )


def check_outputs(result: RunResult) -> None:
    """Check that the simulated program ended well and found its outputs as expected.

    Raises:
        EngineError: The program gave up (a tile failed) or took a CPU exception.
        MismatchError: The exit code, which is the number of mismatches, is not 0.
    """
    if result.exit_code != 0:
        console = result.console.strip().splitlines()
        # A tile that fails, or is another one than expected, has a line of its own before the last.
        last = " / ".join(repr(line[:200]) for line in console[-2:])
        hint = f"its console ends with {last}" if console else None
        if result.exit_code in _PROGRAM_FAILURES:
            raise EngineError(
                f"the simulated program {_PROGRAM_FAILURES[result.exit_code]}",
                where=f"engine {result.engine}",
                hint=hint,
            )
        raise MismatchError(
            f"the simulated program reports {result.exit_code} mismatching outputs",
            where=f"engine {result.engine}",
            hint=hint,
        )


def _run_problems(result: RunResult) -> Iterator[str]:
    for name, value in (
        ("simulated_ns", result.simulated_ns),
        ("host_seconds", result.host_seconds),
    ):
        if not math.isfinite(value) or value < 0:
            yield f"{name} is {value}"
    if result.instructions < 0:
        yield f"instructions is {result.instructions}"


def _region_set_problems(
    regions: Sequence[RegionStats], expected: Sequence[ExpectedRegion]
) -> Iterator[str]:
    found: dict[int, RegionStats] = {}
    for region in regions:
        if region.region in found:
            yield f"region {region.region} ({region.name}) stands twice"
        found[region.region] = region
    wanted = {item.region: item for item in expected}
    for number, item in wanted.items():
        actual = found.get(number)
        if actual is None:
            yield f"region {number} ({item.name}) is missing"
        elif actual.name != item.name:
            yield f"region {number} is named {actual.name!r} instead of {item.name!r}"
        elif actual.visits != item.visits:
            yield f"{item.name}: visited {actual.visits} times instead of {item.visits}"
    for number, region in found.items():
        if number not in wanted:
            yield f"region {number} ({region.name}) was not expected"


def _region_problems(region: RegionStats, clock_ghz: float | None) -> Iterator[str]:
    events = region.events
    missing = [name for name in ALL_EVENTS if name not in events]
    unknown = [name for name in events if name not in ALL_EVENTS]
    if missing:
        yield f"events are missing: {', '.join(missing)}"
    if unknown:
        yield f"unknown events: {', '.join(unknown)}"
    not_counts = [
        f"{name} is {value!r}"
        for name, value in events.items()
        if not isinstance(value, int) or isinstance(value, bool) or value < 0
    ]
    yield from not_counts
    if not math.isfinite(region.time_ns) or region.time_ns < 0:
        yield f"time_ns is {region.time_ns}"
        return
    dram = region.dram_energy
    if dram is not None and not all(
        math.isfinite(value) and value >= 0 for value in (dram.access_pj, dram.background_pj)
    ):
        yield f"dram_energy is {dram}"
    if missing or not_counts:
        return
    cycles = events["cycles"]
    causes = sum(events[cause] for cause in CYCLE_CAUSES)
    if causes != cycles:
        yield f"the causes sum to {causes} cycles instead of {cycles}"
    if events["instructions"] > 0 and cycles == 0:
        yield f"{events['instructions']} instructions took no cycle"
    for part, whole in _NOT_ABOVE:
        if events[part] > events[whole]:
            yield f"{part} {events[part]} exceeds {whole} {events[whole]}"
    if events["tile_guest_errors"]:
        yield f"the program made {events['tile_guest_errors']} mistakes at the tiles' registers"
    if clock_ghz is not None:
        by_clock_ns = cycles / clock_ghz
        if abs(region.time_ns - by_clock_ns) > _CLOCK_TOLERANCE * by_clock_ns + region.visits + 1:
            yield f"{region.time_ns:g} ns do not fit {cycles} cycles at {clock_ghz:g} GHz"


def _sum_problems(result: RunResult) -> Iterator[str]:
    instructions = sum(region.events["instructions"] for region in result.regions)
    if instructions > result.instructions:
        yield f"regions have {instructions} instructions, the whole run {result.instructions}"
    time_ns = sum(region.time_ns for region in result.regions)
    if time_ns > result.simulated_ns * (1 + 1e-9) + len(result.regions):
        yield f"regions took {time_ns:g} ns, the whole run {result.simulated_ns:g} ns"
