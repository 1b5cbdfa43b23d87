"""What a core and DMA move into and out of a tile in a second, by where the tile attaches."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.toolchain import compile_program
from tests.gem5_configs.gem5_runs import find_gem5, run_gem5, settings, system

PROGRAM = Path(__file__).with_name("bandwidth_program.c")
PATHS = ("store8", "store16", "load8", "load16", "dma")  # bandwidth_program.c's regions
PIO_BYTES = 4096
DMA_BYTES = 2 * 256 * 256 + 4 * 256
PORT_GB_PER_S = 4.0  # of tile preset alpine
UNLIMITED = "tile.io_bandwidth_gb_per_s=1000"

IN_ORDER, OUT_OF_ORDER = "core=alpine-high-power", "core=o3-high-power"


@pytest.fixture(scope="module", name="elf")
def _elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    find_gem5()
    folder = tmp_path_factory.mktemp("bandwidth")
    return compile_program([PROGRAM], [], folder / "a.elf", defines={}, cache_dir=folder / "cache")


def bandwidths(folder: Path, elf: Path, *overrides: str) -> dict[str, float]:
    """GB/s of each path."""
    result = run_gem5(folder, settings(elf, system("tiles=1", "tile.io=dma", *overrides)))
    assert result.exit["code"] == 0, result.log
    warm = [region for region in result.regions if region["visit"] == 1]
    return {
        path: (DMA_BYTES if path == "dma" else PIO_BYTES)
        / ((region["end_ps"] - region["begin_ps"]) / 1e3)
        for path, region in zip(PATHS, warm, strict=True)
    }


@pytest.mark.parametrize("core", [IN_ORDER, OUT_OF_ORDER])
def test_the_attachment_decides(tmp_path: Path, elf: Path, core: str) -> None:
    beside = bandwidths(tmp_path / "core", elf, core, "attach=core")
    bus = bandwidths(tmp_path / "bus", elf, core, "attach=bus")
    print(core, {path: (round(beside[path], 2), round(bus[path], 2)) for path in PATHS})
    # Nothing moves faster than the tile's port, and DMA beside the L1 nearly as fast.
    assert max(*beside.values(), *bus.values()) <= PORT_GB_PER_S * 1.01
    assert beside["dma"] >= PORT_GB_PER_S * 0.9
    # A load waits for its answer: over the system bus that takes several times as long.
    assert beside["load8"] > 4 * bus["load8"]
    assert beside["load16"] > 3 * bus["load16"]
    # Wider accesses of the in-order core pay on loads only: it splits 16-byte stores.
    if core == IN_ORDER:
        assert beside["store16"] == pytest.approx(beside["store8"], rel=0.15)
        assert beside["store8"] > 4 * bus["store8"]


def test_a_faster_port_shows_the_paths_own_limits(tmp_path: Path, elf: Path) -> None:
    limited = bandwidths(tmp_path / "limited", elf, IN_ORDER)
    free = bandwidths(tmp_path / "free", elf, IN_ORDER, UNLIMITED)
    assert all(free[path] > limited[path] for path in PATHS)
    # A port of 4 GB/s holds every blocking 8-byte access for 2 ns more.
    for path in ("store8", "load8"):
        assert 8 / limited[path] - 8 / free[path] == pytest.approx(8 / PORT_GB_PER_S, abs=0.5)
