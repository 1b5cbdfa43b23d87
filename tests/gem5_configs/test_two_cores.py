"""Two cores at work at the same time, each on a tile of its own; skipped where there is no gem5."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.toolchain import compile_program
from tests.gem5_configs.gem5_runs import find_gem5, run_gem5, settings, system

PROGRAM = Path(__file__).with_name("two_cores.c")
ROUNDS = (5, 7)  # of each core, as in two_cores.c
SIDE = 16  # rows and columns of its tiles
LATENCY_NS = 5000.0


@pytest.fixture(scope="module", name="elf")
def _elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    find_gem5()
    folder = tmp_path_factory.mktemp("two_cores")
    return compile_program([PROGRAM], [], folder / "a.elf", defines={}, cache_dir=folder / "cache")


@pytest.mark.parametrize("attach", ["core", "bus"])
@pytest.mark.parametrize("io", ["pio", "dma"])
@pytest.mark.parametrize("core", ["alpine-high-power", "o3-high-power"])
def test_each_core_drives_its_own_tile(
    tmp_path: Path, elf: Path, core: str, io: str, attach: str
) -> None:
    config = system(
        "cores=2",
        "tiles=2",
        f"tile.rows={SIDE}",
        f"tile.columns={SIDE}",
        f"tile.crossbar_latency_ns={LATENCY_NS}",
        f"tile.io={io}",
        f"attach={attach}",
        f"core={core}",
    )
    result = run_gem5(tmp_path, settings(elf, config))
    assert (result.returncode, result.exit["code"]) == (0, 0), result.console + result.log
    assert result.console == 2 * "wrong values of a core: 0\n"
    (region,) = result.regions
    stats = result.stats(0)
    for tile, rounds in zip(result.exit["tiles"], ROUNDS, strict=True):
        assert stats[f"{tile}.mvms"] == rounds
        assert stats[f"{tile}.adcConversions"] == rounds * SIDE
        assert stats[f"{tile}.dmaDescriptors"] == (rounds if io == "dma" else 0)
        assert stats[f"{tile}.busyTicks"] == rounds * LATENCY_NS * 1e3
        assert stats[f"{tile}.guestErrors"] == 0
    # One after the other they would convert for longer than it took.
    assert region["end_ps"] - region["begin_ps"] < sum(ROUNDS) * LATENCY_NS * 1e3
    for meter, rounds in zip(result.exit["meters"], ROUNDS, strict=True):
        waited = stats[f"{meter}.conversionTicks"]
        assert 0.9 * rounds * LATENCY_NS * 1e3 < waited <= 1.01 * rounds * LATENCY_NS * 1e3
