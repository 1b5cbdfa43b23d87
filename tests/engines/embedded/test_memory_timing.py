"""Caches and DRAM in time, where it can be worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.engines.events import CYCLE_CAUSES
from harness.engines.protocol import RegionStats
from tests.engines.embedded.guest_programs import build_snippets, by_name, run, system

LINE = 64
# Of preset alpine-hp, in core cycles: the L1D and L2's hit latency, and the crossbar between them.
L1, L2, CROSSBAR = 2, 20, 1
LOOP = 6  # cycles in which a short loop is fetched
STOPPED = 1  # the core stops while it waits, and goes on a cycle later
FROM_L2 = L1 + CROSSBAR + L2 + CROSSBAR + L1 + STOPPED
# Of a closed row, and twice through the L2.  EDGES: twice up to an edge of the 1 GHz clock.
FROM_DRAM = FROM_L2 + L2 + 61.7 * 2.3
EDGES = 2 * 2.3

# A ring of pointers through `bytes`, one per line, followed `n` times.
CHASE = """
mov x9, x20
mov x10, x20
ldr x11, ={bytes}
add x11, x11, x20
1: add x10, x9, #{stride}
cmp x10, x11
csel x10, x20, x10, hs
str x10, [x9]
mov x9, x10
cmp x9, x20
b.ne 1b
ldr x12, ={n}
2: ldr x9, [x9]
subs x12, x12, #1
b.ne 2b
b 3f
.ltorg
3:
"""
# `n` independent loads, `stride` apart, eight in a loop so that the loop costs nothing.
STREAM = """
mov x9, x20
ldr x12, ={n}
b 1f
.ltorg
.p2align 6
1:
{body}
subs x12, x12, #8
b.ne 1b
"""


def chase(size: int, n: int, stride: int = LINE) -> str:
    return CHASE.format(bytes=size, n=n, stride=stride)


def stream(n: int, instruction: str, stride: int = LINE) -> str:
    return STREAM.format(n=n, body="\n".join([f"{instruction}, [x9], #{stride}"] * 8))


def pairs(snippets: dict[str, tuple[str, str]]) -> dict[str, str]:
    return {
        name + suffix: body
        for name, bodies in snippets.items()
        for suffix, body in zip(("", " x2"), bodies, strict=True)
    }


FOOTPRINTS = {"l1": 8 << 10, "l2": 256 << 10, "dram": 4 << 20}
N = 4096
STREAMED = 32768  # lines: 2 MiB, twice the L2
SNIPPETS = pairs(
    {
        **{
            name: (chase(size, N, max(LINE, size // N)), chase(size, 2 * N, max(LINE, size // N)))
            for name, size in FOOTPRINTS.items()
        },
        "stream": (stream(STREAMED, "ldr x1"), stream(2 * STREAMED, "ldr x1")),
        "store stream": (stream(STREAMED, "str q0"), stream(2 * STREAMED, "str q0")),
    }
)


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_snippets(tmp_path_factory.mktemp("memory"), SNIPPETS)


def stats_of(elf: Path, *overrides: str) -> dict[str, RegionStats]:
    stats = by_name(run(elf, system(*overrides), list(SNIPPETS)))
    for region in stats.values():
        assert sum(region.events[cause] for cause in CYCLE_CAUSES) == region.events["cycles"]
    return stats


def slope(stats: dict[str, RegionStats], name: str, event: str, n: int) -> float:
    return (stats[name + " x2"].events[event] - stats[name].events[event]) / n


@pytest.fixture(scope="module")
def base(elf: Path) -> dict[str, RegionStats]:
    return stats_of(elf)


def test_latency_plateaus(base: dict[str, RegionStats]) -> None:
    # Up to a few mispredicted branches in 4096 iterations.
    assert slope(base, "l1", "cycles", N) == pytest.approx(LOOP, abs=0.05)
    assert slope(base, "l2", "cycles", N) == pytest.approx(FROM_L2, abs=0.6)
    # A row holds 8 lines of this chase, so that most accesses find it open; refreshes cost 5 %.
    open_row = FROM_DRAM - 14.16 * 2.3
    assert open_row < slope(base, "dram", "cycles", N) < 1.06 * (FROM_DRAM + EDGES)


def test_waiting_for_memory_is_told_from_the_load(base: dict[str, RegionStats]) -> None:
    assert slope(base, "l1", "cycles_memory", N) == 0
    assert slope(base, "l2", "cycles_memory", N) == pytest.approx(FROM_L2 - L1, abs=2)
    assert slope(base, "l2", "cycles_compute", N) <= L1 + 2
    assert slope(base, "dram", "cycles_compute", N) <= L1 + 2


def test_misses_by_level(base: dict[str, RegionStats]) -> None:
    assert slope(base, "l1", "l1d_misses", N) == 0
    assert slope(base, "l2", "l1d_misses", N) == 1
    assert slope(base, "l2", "l2_misses", N) == 0
    assert slope(base, "dram", "l2_misses", N) == 1
    assert slope(base, "dram", "dram_read_bytes", N) == LINE
    assert slope(base, "l2", "l1d_accesses", N) == 1


def test_rows_are_opened_for_so_many_lines(elf: Path, base: dict[str, RegionStats]) -> None:
    """Eight lines of a row in the chase; a stream's row is closed after 16."""
    never = stats_of(elf, "memory.refresh_interval_ns=1e9")
    for name, lines, n in (("dram", 8, N), ("stream", 16, STREAMED)):
        assert slope(never, name, "dram_activates", n) == pytest.approx(1 / lines, rel=0.01)
        assert slope(base, name, "dram_activates", n) > 1.03 / lines  # refreshes close rows too
        stats = base[name]
        assert 0.8 * stats.time_ns < stats.events["dram_open_ps"] / 1000 <= stats.time_ns
    assert slope(base, "l2", "dram_activates", N) == 0


def test_a_refresh_closes_what_nothing_else_does(elf: Path) -> None:
    often = stats_of(elf, "memory.refresh_interval_ns=500", "memory.refresh_ns=100")["l2"]
    never = stats_of(elf, "memory.refresh_interval_ns=1e9")["l2"]
    assert never.events["dram_open_ps"] / 1000 == pytest.approx(never.time_ns, rel=0.01)
    # After the ring's first lines, which the DRAM has, no row is opened.
    assert often.events["dram_open_ps"] < 0.5 * never.events["dram_open_ps"]


def test_a_stream_of_updated_addresses_does_not_overlap(base: dict[str, RegionStats]) -> None:
    """The next address is known once the update has committed, after the load."""
    one_by_one = FROM_DRAM - 14.16 * 2.3
    assert one_by_one < slope(base, "stream", "cycles", STREAMED) < 1.1 * (FROM_DRAM + EDGES)


@pytest.mark.parametrize("gb_per_s", [0.2, 0.5])
def test_bandwidth_bounds_streams(elf: Path, gb_per_s: float) -> None:
    stats = stats_of(elf, f"memory.bandwidth_gb_per_s={gb_per_s}", "memory.refresh_ns=0")
    cycles_of_a_line = LINE / gb_per_s * 2.3
    cycles = slope(stats, "stream", "cycles", STREAMED)
    assert cycles_of_a_line <= cycles < cycles_of_a_line + FROM_DRAM


def test_written_lines_come_back_to_dram(base: dict[str, RegionStats]) -> None:
    assert slope(base, "store stream", "dram_read_bytes", STREAMED) == pytest.approx(LINE, rel=0.01)
    assert slope(base, "store stream", "dram_write_bytes", STREAMED) == pytest.approx(LINE, rel=0.1)
    assert slope(base, "store stream", "l1d_writebacks", STREAMED) == pytest.approx(1, rel=0.05)
    assert slope(base, "stream", "dram_write_bytes", STREAMED) <= LINE


def test_stores_wait_only_for_a_full_buffer(elf: Path) -> None:
    few = stats_of(elf, "core.store_buffer_entries=1", "caches.l1d.mshrs=16")
    many = stats_of(elf, "core.store_buffer_entries=16", "caches.l1d.mshrs=16")
    one_by_one = FROM_DRAM - 14.16 * 2.3
    assert slope(few, "store stream", "cycles", STREAMED) > one_by_one
    # Memory takes two accesses at a time.
    assert slope(many, "store stream", "cycles", STREAMED) > one_by_one / 2
    assert slope(few, "store stream", "cycles_memory", STREAMED) > 0.8 * one_by_one


def test_prefetcher_hides_latency(elf: Path) -> None:
    overrides = ("caches.l1d.mshrs=16",)
    without = stats_of(elf, *overrides, "caches.l1d.prefetch_degree=0")
    degree4 = stats_of(elf, *overrides, "caches.l1d.prefetch_degree=4")
    # The chase has a constant stride, which only a prefetcher can run ahead of.
    assert slope(degree4, "l2", "cycles", N) < 0.6 * slope(without, "l2", "cycles", N)
    assert slope(degree4, "l2", "l1d_misses", N) < 0.5
    assert slope(degree4, "dram", "dram_read_bytes", N) == pytest.approx(LINE, rel=0.05)


def test_l2_prefetcher_turns_misses_into_hits(elf: Path) -> None:
    degree4 = stats_of(elf, "caches.l2.prefetch_degree=4")
    assert slope(degree4, "dram", "l2_misses", N) < 0.5


def test_smaller_caches_move_the_plateau(elf: Path) -> None:
    stats = stats_of(elf, "caches.l2.size_kib=128")
    assert slope(stats, "l2", "l2_misses", N) == 1


def test_code_beyond_the_l1i(tmp_path: Path) -> None:
    lines = 1024  # 64 KiB: twice the L1I, in the L2
    body = f"mov x9, #{{n}}\n1:\n.rept {lines * 16 - 2}\nnop\n.endr\nsubs x9, x9, #1\ncbnz x9, 1b\n"
    loops = {"three": body.format(n=3), "six": body.format(n=6)}
    text = {
        name: code.replace("cbnz x9, 1b", "cbz x9, 2f\nb 1b\n2:") for name, code in loops.items()
    }
    elf = build_snippets(tmp_path, text)
    stats = by_name(run(elf, system(), list(text)))
    three, six = stats["three"].events, stats["six"].events
    assert six["l1i_misses"] - three["l1i_misses"] == pytest.approx(3 * lines, abs=9)
    # Lines are requested one at a time, while the last one is used.
    assert six["cycles"] - three["cycles"] == pytest.approx(3 * lines * (FROM_L2 + 1), rel=0.05)


def test_l1i_replacement_is_exact(tmp_path: Path) -> None:
    """Blocks that fit together stay; with one more way needed than there is, all miss."""
    way = 16 << 10  # 32 KiB in two ways

    def jumps(count: int, times: int) -> str:
        parts = [f"mov x9, #{times}", "b 11f", ".p2align 14"]
        for i in range(count):
            following = "b 20f" if i == count - 1 else f"b {12 + i}f"
            parts += [f"{11 + i}: nop", following, f".skip {way - 8}"]
        parts += [".skip 64", "20: subs x9, x9, #1", "b.ne 11b"]
        return "\n".join(parts)

    elf = build_snippets(tmp_path, {"one": jumps(1, 100), "three": jumps(3, 100)})
    stats = by_name(run(elf, system(), ["one", "three"]))
    assert stats["one"].events["l1i_misses"] <= 8  # and the lines after the jumps
    assert stats["three"].events["l1i_misses"] >= 3 * 99


def test_an_access_over_two_lines_takes_both(tmp_path: Path) -> None:
    snippets = {
        "inside": ".rept 10\nldr x1, [x20]\n.endr",
        "across": "add x9, x20, #60\n.rept 10\nldr x1, [x9]\n.endr",
    }
    stats = by_name(run(build_snippets(tmp_path, snippets), system(), list(snippets)))
    assert stats["inside"].events["l1d_accesses"] == 10
    assert stats["across"].events["l1d_accesses"] == 20


def test_barriers_wait_for_memory(tmp_path: Path) -> None:
    miss = "add x20, x20, #1, lsl #12\nldr x1, [x20]\n"
    work = ".rept 400\nadd x2, x3, #1\n.endr"
    snippets = {
        "load": miss + work,
        "load and barrier": miss + "dsb sy\n" + work,
    }
    stats = by_name(run(build_snippets(tmp_path, snippets), system(), list(snippets)))
    waiting = stats["load and barrier"].events["cycles"] - stats["load"].events["cycles"]
    # Later instructions are fetched again: at least the stages' 5 cycles, but no miss to DRAM.
    assert 5 <= waiting <= 40
