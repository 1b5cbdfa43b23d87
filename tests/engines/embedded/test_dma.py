"""The tiles' DMA: coherence with the caches, its time, and contention with the core."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.config.schema import SystemConfig
from harness.engines.protocol import RunResult
from tests.engines.embedded.guest_programs import build_guest, by_name, run, system

POINTS = ("core", "bus")


def tiles(*overrides: str, point: str = "core") -> SystemConfig:
    """Tiles that convert in no time, so that jobs take as long as their DMA."""
    latencies = [f"tile.{part}_latency_ns=1" for part in ("dac", "crossbar", "adc")]
    return system(
        "tiles=4",
        f"attach={point}",
        "tile.noise=false",
        "tile.adc_bits=8",
        "tile.columns=1024",
        "tile.rows=1024",
        "tile.io=dma",
        "tile.io_bandwidth_gb_per_s=1000",
        *latencies,
        *overrides,
    )


def regions(result: RunResult) -> dict[str, Mapping[str, int]]:
    assert result.exit_code == 0
    return {name: region.events for name, region in by_name(result).items()}


@pytest.mark.parametrize("point", POINTS)
def test_the_core_misses_lines_that_dma_wrote(tmp_path: Path, point: str) -> None:
    names = ["before", "first", "again", "job"]
    events = regions(
        run(build_guest(tmp_path, "dma_misses"), tiles(point=point), names, check=True)
    )
    before, first, again, _ = (events[name]["l1d_misses"] for name in names)
    assert before == again == 0
    assert 0 <= first - 1024 / 64 <= 1  # the stack's line, too
    # Whole lines are written without being read: what is read is program, inputs and descriptor.
    assert events["job"]["dram_read_bytes"] < 1024
    assert events["job"]["tile_bytes_out"] == 4096


@pytest.mark.parametrize("point", POINTS)
def test_dma_shares_lines_that_the_core_wrote(tmp_path: Path, point: str) -> None:
    """A line that DMA has read stays in the L1D, but the next store to it is a miss."""
    names = ["load", "store", "again"]
    result = run(build_guest(tmp_path, "dma_shares_line"), tiles(point=point), names, check=True)
    events = regions(result)
    assert [events[name]["l1d_misses"] for name in names] == [0, 1, 0]


@pytest.mark.parametrize("point", POINTS)
def test_time_of_reads_depends_on_the_cache_level(tmp_path: Path, point: str) -> None:
    names = ["warm-up", "l1d", "l2", "dram"]
    elf = build_guest(tmp_path, "dma_reads")
    events = regions(run(elf, tiles(point=point), names, check=True))
    l1d, l2, dram = (events[name]["cycles"] for name in names[1:])
    # A job reads 64 lines, 8 in flight at a time: 8 latencies in sequence.  The L2's is some
    # 20 cycles more than the L1D's, the DRAM's some 140 more; a third and a half of that must show.
    assert l1d + 50 < l2
    assert l2 + 500 < dram
    # At least half of the 4096 bytes; otherwise only a few lines of the program.
    assert events["dram"]["dram_read_bytes"] > 2048
    assert events["l1d"]["dram_read_bytes"] < 512
    assert events["l2"]["dram_read_bytes"] < 512


@pytest.mark.parametrize("point", POINTS)
def test_tiles_compete_for_the_crossbar(tmp_path: Path, point: str) -> None:
    """The stores of one tile nearly fill the crossbar: 16 bytes per cycle, and one for a header."""
    events = regions(
        run(build_guest(tmp_path, "dma_two_tiles"), tiles(point=point), ["one", "two"])
    )
    one, two = events["one"]["cycles"], events["two"]["cycles"]
    cycles_of_core = 1 if point == "core" else 2.3
    floor = 32 * 1024 / 64 * 5 * cycles_of_core  # 5 cycles of the crossbar per line
    assert floor < one < 2 * floor
    assert 2 * floor < two
    assert two > 1.25 * one  # though one job's latencies overlap the other's transfers


@pytest.mark.parametrize("point", POINTS)
def test_dma_and_the_core_compete_for_the_dram(tmp_path: Path, point: str) -> None:
    events = regions(
        run(build_guest(tmp_path, "dma_beside_core"), tiles(point=point), ["alone", "beside"])
    )
    assert events["alone"]["dram_read_bytes"] == 1 << 16
    assert events["beside"]["dram_read_bytes"] > 3 * (1 << 16)
    # Well beyond what refreshes change, which take 5 % of the time.
    assert events["beside"]["cycles_memory"] > 1.1 * events["alone"]["cycles_memory"]


@pytest.mark.parametrize("prefetch", [0, 2])
@pytest.mark.parametrize("point", POINTS)
def test_memoization_changes_nothing_beside_dma(tmp_path: Path, point: str, prefetch: int) -> None:
    elf = build_guest(tmp_path, "dma_mixed")
    degrees = [f"caches.{cache}.prefetch_degree={prefetch}" for cache in ("l1d", "l2")]
    config = tiles(*degrees, point=point)
    first, second, stepped = (
        run(elf, config, ["mixed"], check=check) for check in (False, False, True)
    )
    assert first.exit_code == 0
    assert first.regions[0].events["dram_read_bytes"] > 0
    for other in (second, stepped):
        assert first.regions == other.regions
        assert first.simulated_ns == other.simulated_ns


def test_a_job_outside_memory_fails(tmp_path: Path) -> None:
    assert run(build_guest(tmp_path, "dma_bus_error"), tiles(), check=True).exit_code == 0


def test_a_reset_cancels_a_job(tmp_path: Path) -> None:
    assert run(build_guest(tmp_path, "dma_reset"), tiles(), check=True).exit_code == 0
