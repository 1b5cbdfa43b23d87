"""Console, pseudo-instructions and tiles, and what reaching them costs."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from harness.config.schema import SystemConfig
from harness.engines.events import ALL_EVENTS, CYCLE_CAUSES, TILE_EVENTS
from harness.engines.protocol import RunResult
from harness.errors import EngineError
from tests.engines.embedded.guest_programs import (
    EXIT,
    build_asm,
    build_guest,
    build_snippets,
    by_name,
    run,
    system,
)

GHZ = 2.3
N = 50
# A tile whose port is never the bound.
FAST_TILE = ("attach=bus", "tile.io_bandwidth_gb_per_s=1000")


def test_console(tmp_path: Path) -> None:
    result = run(build_guest(tmp_path, "console"), system(), check=True)
    assert result.console == "hello, ä\n�"
    assert result.exit_code == 3


@pytest.mark.parametrize("access", ["str xzr, [x2]", "ldr x3, [x2]", "str wzr, [x2]"])
def test_exit_by_loads_and_stores_of_any_size(tmp_path: Path, access: str) -> None:
    body = f"mov x1, #0\nmov x0, #0\nldr x2, =M5_EXIT\n{access}\nb .\n.ltorg"
    result = run(build_asm(tmp_path, body), system())
    assert result.exit_code == 0
    assert result.instructions == 4
    assert result.regions == ()


def test_it_starts_at_el1_without_mmu(tmp_path: Path) -> None:
    body = """
mrs x1, currentel
lsr x1, x1, #2
sub x1, x1, #1
mrs x3, sctlr_el1
and x3, x3, #1
orr x1, x1, x3
mov x0, #0
ldr x2, =M5_FAIL
str x0, [x2]
b .
.ltorg
"""
    assert run(build_asm(tmp_path, body), system()).exit_code == 0


def test_the_platform_tells_the_program_about_the_mmu(tmp_path: Path) -> None:
    assert run(build_guest(tmp_path, "mmu_flag"), system()).exit_code == 0


def test_one_line_of_dram_is_zero_at_the_end(tmp_path: Path) -> None:
    elf = build_guest(tmp_path, "dram_end", "-DDRAM_BYTES=(64ul << 20)")
    assert run(elf, system("memory.size_mib=64")).exit_code == 0


# name: (instruction, kind, accesses, further 8 bytes of each)
ACCESSES = {
    "store 4": ("str wzr, [x9]", "store", 1, 0),
    "store 8": ("str xzr, [x9]", "store", 1, 0),
    "store 16": ("str q0, [x9]", "store", 2, 0),
    "store pair": ("stp xzr, xzr, [x9]", "store", 2, 0),
    "store pair of 16": ("stp q0, q0, [x9]", "store", 4, 0),
    "load 8": ("ldr x1, [x10]", "load", 1, 0),
    "load 16": ("ldr q1, [x10]", "load", 1, 1),
}
# An access issues in the cycle in which the one before it commits.  Its answer finds the core
# stopped, which takes a cycle to go on.
AROUND = 1
PAIR = 1  # the micro-operation before the accesses of a pair of stores
COSTS = (
    "attach.store_latency_ns=9.9",
    "attach.load_latency_ns=19.9",
    "attach.store_latency_cycles=0",
    "attach.load_latency_cycles=0",
    "attach.through_caches=false",
    "attach.extra_beat_ns=5",
    "attach.load_extra_beat_ns=7",
)


@pytest.fixture(scope="module")
def accesses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    snippets = {}
    for name, (text, *_) in ACCESSES.items():
        for suffix, count in (("", N), (" x2", 2 * N)):
            setup = "add x9, x21, #4, lsl #12\nadd x10, x21, #12, lsl #12"
            snippets[name + suffix] = f"{setup}\n.rept {count}\n{text}\n.endr"
    return build_snippets(tmp_path_factory.mktemp("accesses"), snippets)


def access_names() -> list[str]:
    return [name + suffix for name in ACCESSES for suffix in ("", " x2")]


@pytest.mark.parametrize("name", ACCESSES, ids=str)
def test_cost_of_a_device_access(accesses: Path, name: str) -> None:
    stats = by_name(run(accesses, system(*FAST_TILE, *COSTS), access_names()))
    one, two = stats[name].events, stats[name + " x2"].events
    _, kind, times, beats = ACCESSES[name]
    ns = {"store": 9.9, "load": 19.9 + 7 * beats}[kind]
    wait = math.ceil(ns * GHZ)
    before = PAIR if name.startswith("store pair") else 0
    assert (two["cycles"] - one["cycles"]) / N == times * (wait + AROUND) + before
    transfer = (two["cycles_tile_transfer"] - one["cycles_tile_transfer"]) / N
    assert times * (wait - 1) <= transfer <= times * (wait + AROUND)
    assert two["cycles_memory"] == 0
    counted = "tile_device_reads" if kind == "load" else "tile_device_writes"
    assert two[counted] - one[counted] == N * times
    # Device accesses bypass the caches.
    assert two["l1d_accesses"] == 0
    assert two["loads" if kind == "load" else "stores"] >= 2 * N


def test_unset_load_beat_is_that_of_stores(accesses: Path) -> None:
    costs = [c for c in COSTS if "load_extra" not in c] + ["attach.load_extra_beat_ns=null"]
    stats = by_name(run(accesses, system(*FAST_TILE, *costs), access_names()))
    cycles = stats["load 16 x2"].events["cycles"] - stats["load 16"].events["cycles"]
    assert cycles / N == math.ceil(24.9 * GHZ) + AROUND


def test_the_port_of_a_slow_tile_is_waited_for(accesses: Path) -> None:
    stats = by_name(run(accesses, system(*COSTS, "tile.io_bandwidth_gb_per_s=0.5"), access_names()))
    cycles = stats["store 16 x2"].events["cycles"] - stats["store 16"].events["cycles"]
    assert cycles / N == 2 * (math.ceil((9.9 + 8 / 0.5) * GHZ) + AROUND)


@pytest.mark.parametrize(("l1d", "l2"), [(2, 20), (1, 20), (4, 20), (2, 8)])
def test_on_the_bus_an_access_passes_the_caches_twice(accesses: Path, l1d: int, l2: int) -> None:
    caches = (
        "core.clock_ghz=1.0",
        f"caches.l1d.hit_latency_cycles={l1d}",
        f"caches.l2.hit_latency_cycles={l2}",
        f"core.load_to_use_latency={l1d + 3}",
    )
    stats = by_name(run(accesses, system(*FAST_TILE, *caches), access_names()))
    # The preset's latencies in ns and cycles, and an edge of the bus after the tile's port.
    for name, latency in (("load 8", 11 + 3 + 1), ("store 8", 11 + 2 + 1)):
        cycles = stats[f"{name} x2"].events["cycles"] - stats[name].events["cycles"]
        assert cycles / N == 2 * (l1d + l2) + latency + AROUND


def mvm_program(folder: Path, tiles: int) -> Path:
    return build_guest(folder, "mvm", f"-DTILES={tiles}ul")


def tile_system(*overrides: str, point: str = "core") -> SystemConfig:
    return system(
        "tiles=3",
        f"attach={point}",
        "tile.noise=false",
        "tile.adc_bits=8",
        "tile.io=pio",
        "tile.dac_latency_ns=10",
        "tile.crossbar_latency_ns=100",
        *overrides,
    )


@pytest.fixture(scope="module")
def mvm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mvm_program(tmp_path_factory.mktemp("mvm"), 1)


def run_mvm(elf: Path, adc_ns: float, point: str = "core") -> RunResult:
    config = tile_system(f"tile.adc_latency_ns={adc_ns}", point=point)
    result = run(elf, config, ["mvm"])
    assert result.exit_code == 0
    return result


def test_an_mvm_and_its_events(mvm: Path) -> None:
    region = run_mvm(mvm, 50).regions[0]
    events = region.events
    assert set(events) == set(ALL_EVENTS)
    assert region.visits == 3
    assert events["tile_mvms"] == 3
    assert events["tile_dac_conversions"] == 12
    assert events["tile_adc_conversions"] == 12
    assert events["tile_cell_reads"] == 48
    assert events["tile_adc_saturations"] == 6
    assert events["tile_bytes_in"] == 12
    assert events["tile_bytes_out"] == 12
    assert events["tile_cells_programmed"] == 0  # outside the region
    assert events["tile_guest_errors"] == 0
    assert events["tile_device_writes"] == 9
    assert events["tile_busy_ps"] == 3 * 160_000


@pytest.mark.parametrize("point", ["core", "bus"])
def test_latency_of_the_tile_is_in_the_time(mvm: Path, point: str) -> None:
    """Time grows with the tile's latency, within one poll, and as waiting for the MVM."""
    # The time of a poll: the preset's latency of a load, and a loop of at most 16 cycles.
    poll_ns = (2.2 if point == "core" else 33) + 16 / GHZ
    latencies = [0, 100, 250, 1000, 5000]
    regions = [run_mvm(mvm, ns, point).regions[0] for ns in latencies]
    for ns, region in zip(latencies[1:], regions[1:], strict=True):
        # The time is a whole number of polls.
        growth = (region.time_ns - regions[0].time_ns) / 3
        assert growth == pytest.approx(ns, abs=poll_ns)
        # Not counted as waiting: the first poll and reading the result, at either end.
        waiting = region.events["cycles_tile_mvm"] / GHZ / 3
        assert waiting == pytest.approx(ns + 110, abs=3 * poll_ns)
        assert region.events["tile_busy_ps"] == 3 * (110 + ns) * 1000
        assert sum(region.events[cause] for cause in CYCLE_CAUSES) == region.events["cycles"]


def test_the_loop_around_a_poll_is_waiting_too(mvm: Path) -> None:
    short, long = (run_mvm(mvm, ns).regions[0].events for ns in (0, 10_000))
    # 10 us more in each of 3 visits are thousands of polls.
    assert long["instructions"] - short["instructions"] > 1000
    # Leaving the loop may cost a mispredicted branch per visit, of up to 10 cycles.
    assert long["cycles_compute"] - short["cycles_compute"] <= 30


def test_tiles_are_told_apart_and_summed(tmp_path: Path) -> None:
    elf = mvm_program(tmp_path, 3)
    result = run(elf, tile_system("tile.adc_latency_ns=50"), ["mvm"], check=True)
    assert result.exit_code == 0
    assert result.regions[0].events["tile_mvms"] == 9
    assert result.regions[0].visits == 9


def test_a_program_without_tiles_has_no_tile_events(tmp_path: Path) -> None:
    elf = build_snippets(tmp_path, {"add": "add x1, x1, #1"})
    events = run(elf, system("tiles=0"), ["add"]).regions[0].events
    assert all(events[event] == 0 for event in TILE_EVENTS)
    assert events["cycles_tile_transfer"] == events["cycles_tile_mvm"] == 0


def test_regions_are_apart_and_the_same_every_time(tmp_path: Path) -> None:
    work = {
        "a": ".rept 100\nadd x1, x1, #1\n.endr",
        "b": ".rept 50\nsdot v1.4s, v2.16b, v3.16b\n.endr",
        "c": "ldr x1, [x20, #4096]",
    }
    elf = build_snippets(tmp_path, work)
    names = [*work, "never"]
    first, second = (run(elf, system(), names) for _ in range(2))
    assert first.regions == second.regions
    assert (first.simulated_ns, first.instructions) == (second.simulated_ns, second.instructions)
    stats = by_name(first)
    assert stats["a"].events["int_ops"] - stats["b"].events["int_ops"] == 100
    assert stats["b"].events["dot_ops"] == 50
    assert stats["a"].events["dot_ops"] == stats["c"].events["dot_ops"] == 0
    assert stats["never"].visits == 0
    assert not any(stats["never"].events.values())
    total = sum(region.events["cycles"] for region in first.regions) / GHZ
    assert total < first.simulated_ns


MISALIGNED = {
    "str w0, [x3, #2]": "misaligned access to the device at 0x14004002",
    "ldr x0, [x3, #4]": "misaligned access to the device at 0x14004004",
    "ldr q0, [x3, #8]": "misaligned access to the device at 0x14004008",
    "ldadd x0, x1, [x3]": "atomic or block access to the device at 0x14004000",
    "dc zva, x3": "atomic or block access to the device at 0x14004000",
}


@pytest.mark.parametrize("access", MISALIGNED, ids=str)
def test_accesses_that_devices_refuse(tmp_path: Path, access: str) -> None:
    elf = build_asm(tmp_path, f"ldr x3, =TILES + 0x4000\nculprit: {access}\n{EXIT}")
    with pytest.raises(EngineError, match=MISALIGNED[access]) as caught:
        run(elf, system("tiles=1"))
    assert "culprit" in str(caught.value)


@pytest.mark.parametrize(
    "access",
    ["ldp x0, x1, [x3, #8]", "ldp q0, q1, [x3]", "st1 {v0.b}[3], [x3]", "ldrb w0, [x3, #3]"],
)
def test_accesses_that_devices_accept(tmp_path: Path, access: str) -> None:
    elf = build_asm(tmp_path, f"ldr x3, =TILES + 0x4000\n{access}\n{EXIT}")
    assert run(elf, system("tiles=1")).exit_code == 0


def test_dma_invalidates_cached_outputs(tmp_path: Path) -> None:
    elf = build_guest(tmp_path, "dma_overwrites_cached")
    for point, l2_misses in (("core", 0), ("bus", 1)):
        config = system(
            "tiles=1",
            f"attach={point}",
            "tile.noise=false",
            "tile.adc_bits=8",
            "tile.io=dma",
            "tile.adc_latency_ns=1000",
        )
        result = run(elf, config, ["wait", "read"], check=True)
        assert result.exit_code == 0
        wait, read = (region.events for region in result.regions)
        assert wait["tile_dma_descriptors"] == 1
        assert wait["cycles_tile_mvm"] / GHZ > 900  # of the ADC's 1000 ns
        assert wait["cycles_tile_transfer"] > 0
        assert read["l1d_misses"] == 1
        assert read["l2_misses"] == l2_misses
