"""Constructed runs with numbers that can be checked by hand."""

from __future__ import annotations

from dataclasses import replace

from harness.config.load import load_config
from harness.config.schema import SystemConfig
from harness.engines.events import ALL_EVENTS
from harness.engines.protocol import RegionStats, RunResult
from harness.stats.summary import LayerInfo

CLOCK_GHZ = 2.0


def system(*overrides: str) -> SystemConfig:
    """A system at 2 GHz, so that times are round."""
    fixed = [f"system.core.clock_ghz={CLOCK_GHZ}", *overrides]
    return load_config(system="alpine-hp", overrides=fixed).system


def events(**counts: int) -> dict[str, int]:
    """All events, 0 where not given; ``cycles`` is the sum of the causes."""
    result = dict.fromkeys(ALL_EVENTS, 0) | counts
    result["cycles"] = sum(value for name, value in result.items() if name.startswith("cycles_"))
    return result


def region(number: int, name: str, visits: int = 1, **counts: int) -> RegionStats:
    all_events = events(**counts)
    return RegionStats(number, name, visits, all_events["cycles"] / CLOCK_GHZ, all_events)


def run(*regions: RegionStats, exit_code: int = 0) -> RunResult:
    return RunResult(
        engine="constructed",
        engine_version="1",
        exit_code=exit_code,
        console="hello\nlast line\n",
        regions=regions,
        simulated_ns=sum(item.time_ns for item in regions) + 100.0,
        instructions=sum(item.events.get("instructions", 0) for item in regions) + 50,
        host_seconds=0.25,
    )


CONV = region(
    1,
    "conv1",
    visits=2,
    cycles_compute=3000,
    cycles_memory=1000,
    instructions=6000,
    int_ops=500,
    simd_ops=1600,
    dot_ops=1500,
    loads=900,
    stores=100,
    branches=200,
    branch_mispredicts=4,
    l1i_accesses=400,
    l1i_misses=3,
    l1d_accesses=1000,
    l1d_misses=20,
    l1d_writebacks=5,
    l2_accesses=28,
    l2_misses=10,
    l2_writebacks=2,
    dram_read_bytes=640,
    dram_write_bytes=64,
    dram_activates=4,
    dram_open_ps=300_000,
)
ADD = region(2, "add1", visits=2, cycles_compute=400, instructions=300, simd_ops=100)
CONV_ON_TILE = region(
    1,
    "conv1",
    visits=2,
    cycles_compute=200,
    cycles_memory=100,
    cycles_tile_transfer=600,
    cycles_tile_mvm=100,
    instructions=500,
    loads=100,
    stores=120,
    tile_mvms=10,
    tile_dac_conversions=270,
    tile_adc_conversions=160,
    tile_cell_reads=4320,
    tile_bytes_in=270,
    tile_bytes_out=160,
    tile_device_reads=60,
    tile_device_writes=80,
    tile_cells_programmed=7,
)
LAYERS = (
    LayerInfo(region=1, name="conv1", kind="conv", unit="digital", macs=12000),
    LayerInfo(region=2, name="add1", kind="add", unit="digital", macs=0),
)
LAYERS_ON_TILE = (replace(LAYERS[0], unit="analog", tiles=2), LAYERS[1])
