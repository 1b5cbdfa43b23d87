"""The tile as a gem5 device, seen from a guest; skipped where there is no gem5."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.config.schema import SystemConfig
from tests.gem5_configs.gem5_runs import (
    ERROR_KINDS,
    Gem5Run,
    run_gem5,
    settings,
    system,
    tile_program,
)

SMALL = ("tile.rows=16", "tile.columns=16")
OWN_NS = 200.0  # of the core at 2.3 GHz in a timed multiplication, at most
TIMES = 6  # that tile_program.c repeats its timed multiplication
ACCESSES = 1  # the region of bad accesses and full tiles in tile_program.c


def run(folder: Path, config: SystemConfig, *options: str, **changes: object) -> Gem5Run:
    elf = tile_program(folder, config)
    return run_gem5(folder / "out", settings(elf, config, **changes), *options)


@pytest.mark.parametrize("attach", ["core", "bus"])
@pytest.mark.parametrize("io", ["pio", "dma"])
@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param((), id="256x256"),
        pytest.param(("tile.rows=250", "tile.columns=37", "tile.double_buffer=false"), id="250x37"),
        pytest.param(("core=o3-high-power",), id="o3"),
    ],
)
def test_right_and_wrong_accesses(
    tmp_path: Path, attach: str, io: str, overrides: tuple[str, ...]
) -> None:
    config = system("tiles=3", f"tile.io={io}", f"attach={attach}", *overrides)
    result = run(tmp_path, config)
    assert (result.returncode, result.exit["code"]) == (0, 0), result.console + result.log
    assert result.exit["exited"]
    assert result.console == "done\n"


def test_statistics_say_what_the_guest_did(tmp_path: Path) -> None:
    config = system("tiles=3", "tile.crossbar_latency_ns=70", "tile.io=dma")
    result = run(tmp_path, config)
    assert [region["region"] for region in result.regions] == [1, 2, *[3] * TIMES]
    stats = result.stats(ACCESSES - 1)
    first, second = (f"{name}." for name in result.exit["tiles"][:2])

    wrong = dict.fromkeys(ERROR_KINDS, 0.0)
    # As bad_accesses() provokes them; an exclusive load and store are one error each.
    wrong |= {"address": 1, "size": 5, "readOnly": 2, "value": 1, "empty": 2, "geometry": 1}
    assert {kind: stats[f"{first}guestErrorsByKind::{kind}"] for kind in ERROR_KINDS} == wrong
    assert stats[f"{first}guestErrors"] == sum(wrong.values())
    assert stats[f"{second}guestErrors"] == 0

    cells = config.tile.rows * config.tile.columns
    assert stats[f"{second}mvms"] == 1
    assert stats[f"{second}dacConversions"] == config.tile.rows
    assert stats[f"{second}adcConversions"] == config.tile.columns
    assert stats[f"{second}cellReads"] == cells
    assert stats[f"{second}busyTicks"] == 70_000
    assert stats[f"{second}cellsProgrammed"] == 1
    energy = config.energy
    assert stats[f"{second}energy.dac"] == pytest.approx(
        config.tile.rows * energy.tile_dac_pj * 1e-12
    )
    assert stats[f"{second}energy.crossbar"] == pytest.approx(cells * energy.tile_cell_pj * 1e-12)
    assert stats[f"{second}energy.leakage"] == pytest.approx(
        energy.tile_leakage_mw * 1e-3 * stats["simTicks"] * 1e-12
    )
    parts = ("dac", "crossbar", "adc", "transfer", "program", "leakage")
    assert stats[f"{second}energy.total"] == pytest.approx(
        sum(stats[f"{second}energy.{part}"] for part in parts)
    )
    # The statistics of a region do not hold what came before it.
    assert result.stats(1)[f"{second}mvms"] == 0
    assert result.stats(1)[f"{first}dmaDescriptors"] == 10


def test_an_idle_tile_prints_one_line(tmp_path: Path) -> None:
    elf = tile_program(tmp_path, system("tiles=2"))
    result = run_gem5(tmp_path / "out", settings(elf, system("tiles=4")))
    stats = result.stats(0)
    idle = result.exit["tiles"][3]
    assert [name for name in stats if name.startswith(f"{idle}.") and "power" not in name] == [
        f"{idle}.active"
    ]
    assert stats[f"{idle}.active"] == 0


@pytest.mark.parametrize("attach", ["core", "bus"])
@pytest.mark.parametrize(
    ("access", "named"),
    [("reg(TILES, 4)", "ReadReq of 4 bytes"), ("set(TILES, 4, 1)", "WriteReq of 4 bytes")],
)
def test_an_access_beyond_the_last_tile_ends_the_simulation(
    tmp_path: Path, attach: str, access: str, named: str
) -> None:
    config = system("tiles=2", f"attach={attach}")
    elf = tile_program(tmp_path, config, BEYOND=access)
    result = run_gem5(tmp_path / "out", settings(elf, config))
    assert result.returncode == 0, result.log
    assert not result.exit["exited"]
    assert result.exit["cause"] == f"no device at 0x14020004: {named}"


def test_a_mark_made_while_draining_counts_once(tmp_path: Path, one_tile: Path) -> None:
    """A checkpoint asked for one tick before the first mark; the core makes it again."""
    config = system("tiles=1", *SMALL)
    plain = run_gem5(tmp_path / "plain", settings(one_tile, config)).regions
    marks = [(region["region"], region["visit"]) for region in plain]
    at_ns = (plain[0]["begin_ps"] - 1) / 1e3

    checkpoint = {"at_ns": at_ns, "stop": False}
    through = run_gem5(tmp_path / "x", settings(one_tile, config, checkpoint=checkpoint))
    folder = tmp_path / "x" / "checkpoint"
    progress = json.loads((folder / "regions.json").read_text())
    assert progress["made_draining"] == ["workbegin", ACCESSES]
    restored = run_gem5(tmp_path / "y", settings(one_tile, config, restore=str(folder)))
    for result in (through, restored):
        assert result.exit["code"] == 0, result.log
        assert [(region["region"], region["visit"]) for region in result.regions] == marks
        assert all(region["whole"] for region in result.regions)


def test_debug_flags_name_what_is_accessed(tmp_path: Path) -> None:
    result = run(
        tmp_path,
        system("tiles=1", "tile.io=dma"),
        "--debug-flags=AimcTile,AimcTileRegs,AimcTileDma",
        "--debug-file=trace",
    )
    trace = (result.folder / "trace").read_text()
    assert "system.tiles.tile.registers: read 4 bytes at ID + 0" in trace
    assert "system.tiles.tile: guest error" in trace
    assert "is not in memory" in trace


def test_impossible_settings_end_with_their_reason(tmp_path: Path) -> None:
    elf = tile_program(tmp_path, system("tiles=1"))
    wrong = settings(elf, system("tiles=1", "core.branch_mispredict_penalty=2"))
    result = run_gem5(tmp_path / "out", wrong)
    assert result.returncode == 2
    assert "error: system.core.branch_mispredict_penalty: " in result.log
    assert "Traceback" not in result.log
    assert not (tmp_path / "out" / "exit.json").exists()


@pytest.fixture(scope="module", name="one_tile")
def _one_tile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tile_program(tmp_path_factory.mktemp("one_tile"), system("tiles=1", *SMALL))


def timed_conversion(folder: Path, elf: Path, *overrides: str) -> tuple[float, float]:
    """ns from START to POP of the warm multiplication, and of them those that it converts."""
    result = run_gem5(folder, settings(elf, system("tiles=1", *overrides, *SMALL)))
    assert result.exit["code"] == 0, result.console + result.log
    # The last one is not like the others: the core already looks for what comes next.
    region = result.regions[-2]
    assert (region["region"], region["visit"]) == (3, TIMES - 2)
    busy_ticks = result.stats(region["dump"])[f"{result.exit['tiles'][0]}.busyTicks"]
    return (region["end_ps"] - region["begin_ps"]) / 1e3, busy_ticks / 1e3


def test_time_follows_the_tiles_latency(tmp_path: Path, one_tile: Path) -> None:
    """t = L + the core's own, which is START, looks at STATUS and a mispredicted exit."""
    for latency_ns in (10, 100, 1_000, 10_000):
        span_ns, busy_ns = timed_conversion(
            tmp_path / str(latency_ns), one_tile, f"tile.crossbar_latency_ns={latency_ns}"
        )
        assert busy_ns == latency_ns
        assert 0 < span_ns - latency_ns <= OWN_NS


def test_the_core_follows_its_clock_and_the_tile_does_not(tmp_path: Path, one_tile: Path) -> None:
    """t = cycles / f + what does not see the clock: here memory (wrong-path fetches) and the tile.

    So t(0.5) - t(1) is cycles x 1 ns, and t(1) - t(2) half of that.
    """
    spans_ns = {}
    for clock_ghz in (0.5, 1.0, 2.0):
        clock = f"core.clock_ghz={clock_ghz}"
        spans_ns[clock_ghz], busy_ns = timed_conversion(
            tmp_path / f"{clock}-0", one_tile, clock, "tile.crossbar_latency_ns=0"
        )
        assert busy_ns == 0
        span_ns, busy_ns = timed_conversion(
            tmp_path / f"{clock}-5000", one_tile, clock, "tile.crossbar_latency_ns=5000"
        )
        assert busy_ns == 5000
        assert 0 < span_ns - 5000 <= 2 * OWN_NS
    slow, middle, fast = spans_ns[0.5], spans_ns[1.0], spans_ns[2.0]
    assert slow - middle == pytest.approx(2 * (middle - fast), rel=0.1)
