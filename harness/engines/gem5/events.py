"""From one dump of gem5's statistics to the harness's events (docs/gem5-engine.md).

Units: gem5's ticks are picoseconds here.  gem5 counts micro-operations where the harness's
vocabulary says operations; a load pair, for instance, is two loads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness._headers import GEM5_TILE_EVENTS
from harness.config.schema import SystemConfig
from harness.engines.events import ALL_EVENTS
from harness.engines.gem5.statistics import Dump
from harness.engines.protocol import DramEnergy
from harness.errors import StatsError

_TICKS_PER_S: Final = 10**12
_CLOCK: Final = "system.cluster.clk_domain.clock"
_L2: Final = "system.cluster.l2"
_MEMORY: Final = "system.memory"

_LOADS: Final = {"MemRead", "FloatMemRead"}
_STORES: Final = {"MemWrite", "FloatMemWrite"}
_INTEGER: Final = {"No_OpClass", "IntAlu", "IntMult", "IntDiv", "IprAccess", "InstPrefetch"}
_FLOAT: Final = ("Float", "SimdFloat")
_SIMD: Final = ("Simd", "Matrix")

_RANK: Final = f"{_MEMORY}.dram.rank0"

_DRAM_ACCESS: Final = {  # gem5's energies: which of the configuration's leaves them out with 0
    "act": "dram_activate_pj",
    "pre": "dram_activate_pj",
    "read": "dram_read_pj_per_byte",
    "write": "dram_write_pj_per_byte",
}
_DRAM_BACKGROUND: Final = (
    "actBack",
    "preBack",
    "actPowerDown",
    "prePowerDown",
    "selfRefresh",
    "refresh",
)


@dataclass(frozen=True)
class Groups:
    """Names of the groups of statistics of a system.

    The program runs on ``cores[0]``; ``meters[0]`` measures what that core waits for.  The L1
    caches of ``cores[i]`` belong to the group ``cache_owners[i]``.
    """

    cores: Sequence[str]
    tiles: Sequence[str]
    meters: Sequence[str]
    cache_owners: Sequence[str]


def dump_ticks(dump: Dump) -> int:
    """Picoseconds that the dump covers.

    Raises:
        StatsError: It has another unit of time, or none.
    """
    if dump.count("simFreq") != _TICKS_PER_S:
        raise StatsError(
            f"{dump.count('simFreq')} ticks a second instead of {_TICKS_PER_S}", where=dump.where
        )
    return dump.count("simTicks")


def dump_events(dump: Dump, groups: Groups, system: SystemConfig) -> dict[str, int]:
    """All events but `dot_ops`, which gem5 does not count and is 0 here.

    Raises:
        StatsError: A statistic is missing or impossible.
    """
    events = dict.fromkeys(ALL_EVENTS, 0)
    for core in groups.cores:
        _add(events, _instructions(dump, core))
    for owner in groups.cache_owners:
        _add(events, _level_one(dump, owner))
    _add(events, _level_two(dump))
    _add(events, _dram(dump))
    for tile in groups.tiles:
        _add(events, _tile(dump, tile))
    _split_cycles(events, dump, groups, system)
    return events


def dump_dram_energy(dump: Dump, system: SystemConfig) -> DramEnergy:
    """The energy of the DRAM by gem5's model of it, which prints pJ.

    A component whose energy in the configuration is 0 is left out; of the background, all of it.

    Raises:
        StatsError: A statistic is missing or impossible.
    """
    if f"{_MEMORY}.dram.rank1.totalEnergy" in dump.values:
        raise StatsError("the memory has more than one rank", where=dump.where)
    access_pj = {name: _energy_pj(dump, f"{_RANK}.{name}Energy") for name in _DRAM_ACCESS}
    background_pj = sum(_energy_pj(dump, f"{_RANK}.{name}Energy") for name in _DRAM_BACKGROUND)
    total_pj = _energy_pj(dump, f"{_RANK}.totalEnergy")
    sum_pj = sum(access_pj.values()) + background_pj
    if not math.isclose(sum_pj, total_pj, rel_tol=1e-6, abs_tol=1.0):
        raise StatsError(
            f"the DRAM's energies sum to {sum_pj} pJ, not {total_pj}", where=dump.where
        )
    cost = system.energy
    return DramEnergy(
        access_pj=sum(access_pj[name] for name, key in _DRAM_ACCESS.items() if getattr(cost, key)),
        background_pj=background_pj if cost.dram_background_mw else 0.0,
    )


def _energy_pj(dump: Dump, name: str) -> float:
    value = dump.values.get(name)
    if value is None or not math.isfinite(value) or value < 0:
        raise StatsError(f"the statistic {name!r} is {value}, not an energy", where=dump.where)
    return value


def _add(events: dict[str, int], more: dict[str, int]) -> None:
    for name, value in more.items():
        events[name] += value


def _instructions(dump: Dump, core: str) -> dict[str, int]:
    kinds = f"{core}.commitStats0.committedInstType::"
    classes = {
        name.removeprefix(kinds): dump.count(name) for name in dump.values if name.startswith(kinds)
    }
    total = classes.pop("total", None)
    if total is None or total != sum(classes.values()):
        raise StatsError(
            f"the classes of {core} do not sum to its operations ({total})", where=dump.where
        )
    sums = dict.fromkeys(("int_ops", "simd_ops", "fp_ops", "loads", "stores"), 0)
    for name, value in classes.items():
        sums[_event_of_class(name, dump.where)] += value
    predictor = f"{core}.branchPred"
    branches = dump.count(f"{predictor}.committed_0::total")
    # gem5 has no class of branches: they are integer operations there.
    if branches > sums["int_ops"]:
        raise StatsError(
            f"{core} has {branches} branches among {sums['int_ops']} integer operations",
            where=dump.where,
        )
    return {
        **sums,
        "int_ops": sums["int_ops"] - branches,
        # gem5 leaves out a count of 0, as of a core that waits.
        "instructions": dump.count(f"{core}.commitStats0.numInsts", absent=0),
        "branches": branches,
        "branch_mispredicts": dump.count(f"{predictor}.mispredicted_0::total"),
    }


def _event_of_class(name: str, where: str) -> str:
    if name in _LOADS or (name.startswith("Simd") and name.endswith("Load")):
        return "loads"
    if name in _STORES or (name.startswith("Simd") and name.endswith("Store")):
        return "stores"
    if name in _INTEGER:
        return "int_ops"
    if name.startswith(_FLOAT):
        return "fp_ops"
    if name.startswith(_SIMD):
        return "simd_ops"
    raise StatsError(
        f"the class {name!r} of instructions is not known",
        where=where,
        hint="this gem5 is newer than the harness; see docs/gem5-engine.md",
    )


def _level_one(dump: Dump, owner: str) -> dict[str, int]:
    return {
        "l1i_accesses": _cache(dump, f"{owner}.icache", "overallAccesses"),
        "l1i_misses": _cache(dump, f"{owner}.icache", "overallMshrMisses"),
        "l1d_accesses": _cache(dump, f"{owner}.dcache", "overallAccesses"),
        "l1d_misses": _cache(dump, f"{owner}.dcache", "overallMshrMisses"),
        "l1d_writebacks": _cache(dump, f"{owner}.dcache", "writebacks"),
    }


def _level_two(dump: Dump) -> dict[str, int]:
    return {
        "l2_accesses": _cache(dump, _L2, "overallAccesses")
        + _cache(dump, _L2, "WritebackDirty.accesses")
        + _cache(dump, _L2, "WritebackClean.accesses"),
        "l2_misses": _cache(dump, _L2, "overallMshrMisses"),
        "l2_writebacks": _cache(dump, _L2, "writebacks"),
    }


def _dram(dump: Dump) -> dict[str, int]:
    """Bytes that the system asked for; rows opened, one for each burst that found another row."""
    bursts = dump.count(f"{_MEMORY}.dram.readBursts") + dump.count(f"{_MEMORY}.dram.writeBursts")
    hits = dump.count(f"{_MEMORY}.dram.readRowHits") + dump.count(f"{_MEMORY}.dram.writeRowHits")
    return {
        "dram_read_bytes": dump.count(f"{_MEMORY}.bytesReadSys"),
        "dram_write_bytes": dump.count(f"{_MEMORY}.bytesWrittenSys"),
        # A burst that came before the dump's begin can find its row after it.
        "dram_activates": max(0, bursts - hits),
        "dram_open_ps": dump.count(f"{_RANK}.pwrStateTime::ACT"),
    }


def _cache(dump: Dump, cache: str, statistic: str) -> int:
    """A cache's statistic, which gem5 leaves out if it is 0; the cache must be there."""
    dump.count(f"{cache}.replacements")
    return dump.count(f"{cache}.{statistic}::total", absent=0)


def _tile(dump: Dump, tile: str) -> dict[str, int]:
    if dump.count(f"{tile}.active") == 0:
        return {}
    return {event: dump.count(f"{tile}.{name}") for event, name in GEM5_TILE_EVENTS.items()}


def _split_cycles(events: dict[str, int], dump: Dump, groups: Groups, system: SystemConfig) -> None:
    """`cycles` and its causes, as far as gem5's statistics tell; the rest is `cycles_compute`."""
    period = dump.count(_CLOCK)
    if period == 0:
        raise StatsError(f"{_CLOCK} is 0", where=dump.where)
    in_order = system.core.kind == "in_order"
    meter = groups.meters[0]
    spans = {
        "cycles_tile_mvm": dump.count(f"{meter}.conversionTicks"),
        "cycles_tile_transfer": dump.count(f"{meter}.readTicks"),
        "cycles_memory": 0,
    }
    if in_order:  # the other kind goes on meanwhile
        spans["cycles_tile_transfer"] += dump.count(f"{meter}.writeTicks")
        spans["cycles_memory"] = dump.count(f"{meter}.memoryTicks")
    ticks = dump_ticks(dump)
    if sum(spans.values()) > ticks:
        raise StatsError(
            f"{meter} waited for {sum(spans.values())} of {ticks} ticks", where=dump.where
        )
    events["cycles"] = rest = (ticks + period // 2) // period
    for cause, span in spans.items():
        events[cause] = span // period
        rest -= span // period
    if in_order:
        blocked = min(rest, _blocked_cycles(dump, groups.cache_owners[0]))
        events["cycles_memory"] += blocked
        rest -= blocked
    events["cycles_compute"] = rest


def _blocked_cycles(dump: Dump, owner: str) -> int:
    """Cycles in which the L1 data cache takes no access, since it has too many misses under way."""
    dump.count(f"{owner}.dcache.replacements")
    return sum(
        dump.count(f"{owner}.dcache.blockedCycles::{cause}", absent=0)
        for cause in ("no_mshrs", "no_targets")
    )
