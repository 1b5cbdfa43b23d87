"""The harness's events from statistics that gem5 24.0.0.1 wrote for lenet5, one image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.config.load import load_config
from harness.engines.events import ALL_EVENTS, CYCLE_CAUSES
from harness.engines.gem5.events import Groups, dump_dram_energy, dump_events, dump_ticks
from harness.engines.gem5.fast_forward import groups_of
from harness.engines.gem5.outcome import Visit, read_ending, read_visits
from harness.engines.gem5.statistics import Dump, read_dumps
from harness.engines.protocol import DramEnergy, RegionStats
from harness.errors import EngineError, StatsError
from harness.stats.energy import region_energy

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine
DATA = Path(__file__).parent / "data"
SYSTEM = load_config(system="alpine-hp", overrides=["system.tiles=12"]).system
CORE = "system.cluster.cpus"
METER = "system.cluster.meter"
RANK = "system.memory.dram.rank0"
CONV2, FC3 = 3, 7  # lenet5's regions
MACS = {1: 117_600, 3: 240_000, 5: 48_000, 6: 10_080, 7: 840}


@cache
def recorded(name: str) -> tuple[Groups, tuple[tuple[Visit, Dump], ...]]:
    folder = DATA / name
    ending = read_ending(folder)
    visits = read_visits(folder, ending.dumps)
    dumps = list(read_dumps(folder / "stats.txt.gz"))
    assert len(dumps) == len(visits) + 1
    return groups_of(ending, fast_forwarded=False), tuple(zip(visits, dumps, strict=False))


def events(name: str, region: int) -> dict[str, int]:
    groups, dumps = recorded(name)
    (dump,) = [dump for visit, dump in dumps if visit.region == region]
    return dump_events(dump, groups, SYSTEM)


def changed(dump: Dump, values: Mapping[str, float | None]) -> Dump:
    kept = {**dump.values, **values}
    return replace(dump, values={k: v for k, v in kept.items() if v is not None})


def conv2(name: str = "lenet5-analog") -> tuple[Dump, Groups]:
    groups, dumps = recorded(name)
    return next(dump for visit, dump in dumps if visit.region == CONV2), groups


@pytest.mark.parametrize("name", ["lenet5-digital", "lenet5-analog"])
def test_every_region_is_complete_and_adds_up(name: str) -> None:
    groups, dumps = recorded(name)
    for visit, dump in dumps:
        assert dump_ticks(dump) == visit.end_ps - visit.begin_ps
        found = dump_events(dump, groups, SYSTEM)
        assert tuple(found) == ALL_EVENTS
        assert all(isinstance(value, int) and value >= 0 for value in found.values())
        assert sum(found[cause] for cause in CYCLE_CAUSES) == found["cycles"]
        assert found["cycles"] == dump.values[f"{CORE}.numCycles"]
        assert found["l1d_misses"] <= found["l1d_accesses"]
        assert found["dot_ops"] == 0


def test_instructions_of_a_digital_layer() -> None:
    """What the program's listing says: 400 outputs of 150 inputs, 16 products an SDOT."""
    found = events("lenet5-digital", CONV2)
    assert found["instructions"] == 29_880
    assert found["simd_ops"] >= MACS[CONV2] / 16
    assert found["simd_ops"] + found["int_ops"] + found["loads"] > found["instructions"] / 2
    assert found["branches"] > 0
    assert found["cycles_memory"] > 0
    assert not any(value for event, value in found.items() if event.startswith("tile_"))
    assert found["cycles_tile_transfer"] == 0


def test_tiles_count_what_the_layer_is() -> None:
    """conv2: 100 pixels of 150 inputs and 16 outputs, one tile."""
    found = events("lenet5-analog", CONV2)
    assert found["tile_mvms"] == 100
    assert found["tile_dac_conversions"] == 100 * 150
    assert found["tile_adc_conversions"] == 100 * 16
    assert found["tile_cell_reads"] == MACS[CONV2]
    assert found["tile_busy_ps"] == 100 * 100_000  # 100 ns each
    assert found["tile_guest_errors"] == 0
    for region, macs in MACS.items():
        assert events("lenet5-analog", region)["tile_cell_reads"] == macs
    # Every weight is written at least once.
    programmed = events("lenet5-analog", 0)["tile_cells_programmed"]
    assert programmed >= 25 * 6 + 150 * 16 + 400 * 120 + 120 * 84 + 84 * 10


def test_tile_transfer_is_what_accesses_and_window_cost() -> None:
    """By the attachment's latencies, which leave out the path's own arbitration."""
    found = events("lenet5-analog", CONV2)
    accesses_ns = (found["tile_device_reads"] + found["tile_device_writes"]) * 2.17
    window_ns = (found["tile_bytes_in"] + found["tile_bytes_out"]) / 4.0
    modelled = (accesses_ns + window_ns) / 0.435
    polls = found["cycles_tile_mvm"]
    assert 0.9 * modelled < found["cycles_tile_transfer"] + polls < 1.2 * modelled


def test_only_polls_of_a_converting_tile_wait_for_it() -> None:
    """Of fc3, a single multiplication of 100 ns, the core waits for most; conv2's overlap."""
    single = events("lenet5-analog", FC3)
    assert 0.6 * 100 < single["cycles_tile_mvm"] * 0.435 <= 100
    overlapped = events("lenet5-analog", CONV2)
    assert overlapped["cycles_tile_mvm"] * 0.435 < 0.1 * 100 * overlapped["tile_mvms"]


def test_an_out_of_order_core_works_while_it_writes_and_misses() -> None:
    dump, groups = conv2()
    in_order = dump_events(dump, groups, SYSTEM)
    core = SYSTEM.core.model_copy(update={"kind": "out_of_order"})
    found = dump_events(dump, groups, SYSTEM.model_copy(update={"core": core}))
    assert found["cycles_memory"] == 0
    assert found["cycles_tile_mvm"] == in_order["cycles_tile_mvm"]
    assert found["cycles_tile_transfer"] < in_order["cycles_tile_transfer"]
    assert sum(found[cause] for cause in CYCLE_CAUSES) == found["cycles"] == in_order["cycles"]


@pytest.mark.parametrize("name", ["conversion", "read", "write", "memory"])
def test_nobody_waits_longer_than_the_region_takes(name: str) -> None:
    dump, groups = conv2()
    too_long = {f"{METER}.{name}Ticks": dump.values["simTicks"] + 1}
    with pytest.raises(StatsError, match="waited for"):
        dump_events(changed(dump, too_long), groups, SYSTEM)


def test_a_cache_without_free_miss_registers_is_memorys() -> None:
    dump, groups = conv2("lenet5-digital")
    blocked = f"{CORE}.dcache.blockedCycles::no_mshrs"
    free = dump_events(changed(dump, {blocked: 0.0}), groups, SYSTEM)
    busy = dump_events(changed(dump, {blocked: 1000.0}), groups, SYSTEM)
    assert busy["cycles_memory"] == free["cycles_memory"] + 1000
    assert busy["cycles_compute"] == free["cycles_compute"] - 1000
    for_ever = dump_events(changed(dump, {blocked: 1e12}), groups, SYSTEM)
    assert for_ever["cycles_compute"] == 0
    assert sum(for_ever[cause] for cause in CYCLE_CAUSES) == for_ever["cycles"]


def test_dram_energy_is_gem5s() -> None:
    dump, _ = conv2("lenet5-digital")
    energy = dump_dram_energy(dump, SYSTEM)
    total_pj = dump.values[f"{RANK}.totalEnergy"]
    assert energy.access_pj + energy.background_pj == pytest.approx(total_pj)
    # One rank of eight devices that stand by: 34 to 43 mA at 1.2 V; refresh comes on top.
    standby_mw = energy.background_pj / (dump_ticks(dump) / 1e3)
    assert 326 < standby_mw < 43 * 1.2 * 8 + 150
    lines = (dump.values["system.memory.bytesReadSys"]) / 64
    assert 0 < energy.access_pj / lines < 43 * 64 + SYSTEM.energy.dram_activate_pj


def test_dram_energy_of_0_is_left_out() -> None:
    dump, _ = conv2("lenet5-digital")
    whole = dump_dram_energy(dump, SYSTEM)
    access = ("dram_read_pj_per_byte", "dram_write_pj_per_byte", "dram_activate_pj")
    for keys, left in (
        (access, DramEnergy(0.0, whole.background_pj)),
        (("dram_background_mw",), DramEnergy(whole.access_pj, 0.0)),
    ):
        energy = SYSTEM.energy.model_copy(update=dict.fromkeys(keys, 0.0))
        system = SYSTEM.model_copy(update={"energy": energy})
        assert dump_dram_energy(dump, system) == left


@pytest.mark.parametrize("name", ["lenet5-digital", "lenet5-analog"])
def test_the_formulas_give_gem5s_dram_energy(name: str) -> None:
    """docs/energy.md's, from gem5's own counts: what the embedded engine's energy is made of.

    gem5 accounts for the DRAM at refreshes, so a region has what came since the last one before it.
    """
    interval_ns, refresh_pj = 7800.0, 0.73e6
    groups, dumps = recorded(name)
    for visit, dump in dumps:
        time_ns = (visit.end_ps - visit.begin_ps) / 1000
        region = RegionStats(visit.region, "", 1, time_ns, dump_events(dump, groups, SYSTEM))
        ours = region_energy(region, SYSTEM, tiles_used=0)
        theirs = dump_dram_energy(dump, SYSTEM)
        edge_pj = interval_ns * SYSTEM.energy.dram_background_mw + refresh_pj
        assert ours.dram_background_pj == pytest.approx(
            theirs.background_pj, rel=0.005, abs=edge_pj
        )
        if region.events["dram_activates"] > 100:  # what an edge adds is little beside it
            assert ours.dram_pj == pytest.approx(theirs.access_pj, rel=0.04)
    if name == "lenet5-analog":  # its tiles are programmed out of the DRAM
        assert events(name, 0)["dram_activates"] > 100


@pytest.mark.parametrize("name", ["act", "pre", "read", "write", "refresh", "preBack", "total"])
@pytest.mark.parametrize("value", [None, float("nan"), -1.0, 1e12])
def test_dram_energy_that_does_not_add_up(name: str, value: float | None) -> None:
    dump, _ = conv2("lenet5-digital")
    with pytest.raises(StatsError):
        dump_dram_energy(changed(dump, {f"{RANK}.{name}Energy": value}), SYSTEM)


def test_a_second_rank_is_not_left_out() -> None:
    dump, _ = conv2("lenet5-digital")
    with pytest.raises(StatsError, match="more than one rank"):
        dump_dram_energy(changed(dump, {"system.memory.dram.rank1.totalEnergy": 0.0}), SYSTEM)


def test_a_core_that_waits_adds_nothing_but_must_be_there() -> None:
    dump, groups = conv2()
    mine = {k: v for k, v in dump.values.items() if k.startswith(f"{CORE}.")}
    idle = {k.replace(CORE, "system.cluster.cpus1"): 0.0 for k in mine if "numInsts" not in k}
    two = replace(groups, cores=(CORE, "system.cluster.cpus1"))
    assert dump_events(changed(dump, idle), two, SYSTEM) == dump_events(dump, groups, SYSTEM)
    with pytest.raises(StatsError, match="cpus1"):
        dump_events(dump, two, SYSTEM)


NEEDED = [
    "simTicks",
    "simFreq",
    "system.cluster.clk_domain.clock",
    f"{CORE}.commitStats0.committedInstType::total",
    f"{CORE}.branchPred.committed_0::total",
    f"{CORE}.branchPred.mispredicted_0::total",
    f"{CORE}.icache.replacements",
    f"{CORE}.dcache.replacements",
    "system.cluster.l2.replacements",
    "system.memory.bytesReadSys",
    "system.memory.bytesWrittenSys",
    "system.tiles.tile11.active",
    *(f"{METER}.{name}Ticks" for name in ("conversion", "read", "write", "memory")),
    "system.tiles.tile1.mvms",
    "system.tiles.tile1.busyTicks",
]


@pytest.mark.parametrize("name", NEEDED)
@pytest.mark.parametrize("value", [None, float("nan"), -1.0, 0.5])
def test_a_statistic_that_is_missing_or_no_count(name: str, value: float | None) -> None:
    dump, groups = conv2()
    assert name in dump.values
    with pytest.raises(StatsError):
        dump_events(changed(dump, {name: value}), groups, SYSTEM)


@UNTIMED
@given(st.data())
def test_no_count_of_instructions_can_change_unseen(data: st.DataObject) -> None:
    """Every class of instructions is in the total, which stands apart."""
    dump, groups = conv2()
    prefix = f"{CORE}.commitStats0.committedInstType::"
    name = data.draw(st.sampled_from(sorted(n for n in dump.values if n.startswith(prefix))))
    other = data.draw(st.integers(0, 10**9).filter(lambda value: value != dump.values[name]))
    with pytest.raises(StatsError, match="do not sum"):
        dump_events(changed(dump, {name: float(other)}), groups, SYSTEM)


def test_what_a_newer_gem5_could_print() -> None:
    dump, groups = conv2()
    prefix = f"{CORE}.commitStats0.committedInstType::"
    with pytest.raises(StatsError, match="'Quantum' of instructions is not known"):
        dump_events(changed(dump, {f"{prefix}Quantum": 0.0}), groups, SYSTEM)
    for values, message in (
        ({"simFreq": 1e9}, "ticks a second"),
        ({"system.cluster.clk_domain.clock": 0.0}, "clock is 0"),
        ({f"{CORE}.branchPred.committed_0::total": 1e9}, "branches among"),
    ):
        with pytest.raises(StatsError, match=message):
            dump_events(changed(dump, values), groups, SYSTEM)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"dump": 0, "region": 1}', "visit is None"),
        ("[]", "not a JSON object"),
        ("", "not JSON"),
        (
            '{"dump": 0, "region": 1, "visit": 1, "begin_ps": 1, "end_ps": 2, "detailed": true}',
            "visit 1 of region 1 is out of order",
        ),
        (
            '{"dump": 0, "region": 1, "visit": 0, "begin_ps": 3, "end_ps": 2, "detailed": true}',
            "go backwards",
        ),
        (
            '{"dump": 1, "region": 1, "visit": 0, "begin_ps": 1, "end_ps": 2, "detailed": true}',
            "names 1 dumps",
        ),
        (
            '{"dump": 0, "region": true, "visit": 0, "begin_ps": 1, "end_ps": 2, "detailed": true}',
            "region is True",
        ),
    ],
)
def test_a_list_of_regions_that_cannot_be(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "regions.jsonl").write_text(line + "\n")
    with pytest.raises(EngineError, match=message):
        read_visits(tmp_path, 1)


@UNTIMED
@given(st.binary(max_size=200))
def test_other_files_are_errors(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    for name in ("exit.json", "regions.jsonl"):
        (folder / name).write_bytes(content)
    with pytest.raises(EngineError):
        read_ending(folder)
    with pytest.raises(EngineError):
        read_visits(folder, 1)
