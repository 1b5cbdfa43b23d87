"""A network on gem5 against the embedded engine; skipped where there is no gem5."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aimc.cli.app import app
from harness.config.schema import SystemConfig
from harness.engines.embedded.engine import EmbeddedEngine
from harness.engines.protocol import RunResult
from tests.gem5_configs.gem5_runs import Gem5Run, find_gem5, run_gem5, settings, system

ANALOG = ("tiles=10", "tile.noise=true")


@dataclass(frozen=True)
class Program:
    elf: Path
    system: SystemConfig
    regions: dict[int, str]

    def on_embedded(self) -> RunResult:
        return EmbeddedEngine().run(self.elf, self.system, self.regions, timeout_s=60.0)

    def on_gem5(self, folder: Path, **changes: object) -> Gem5Run:
        return run_gem5(folder, settings(self.elf, self.system, **changes))


def compiled(folder: Path, mapping: str, *overrides: str) -> Program:
    find_gem5()
    arguments = ["compile", "lenet5", "--mapping", mapping, "--images", "2", "--out", str(folder)]
    for override in overrides:
        arguments += ["--set", f"system.{override}"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    regions = json.loads((folder / "regions.json").read_text())
    return Program(
        folder / "program.elf",
        system(*overrides),
        {int(region): name for region, name in regions.items()},
    )


@pytest.fixture(scope="module", name="dma")
def _dma(tmp_path_factory: pytest.TempPathFactory) -> Program:
    return compiled(tmp_path_factory.mktemp("dma"), "analog", "tile.io=dma", *ANALOG)


def check_same(on_gem5: Gem5Run, on_embedded: RunResult) -> None:
    assert on_gem5.exit["exited"], on_gem5.log
    assert on_gem5.exit["code"] == on_embedded.exit_code == 0
    assert on_gem5.console == on_embedded.console
    visits: dict[int, int] = {}
    for region in on_gem5.regions:
        visits[region["region"]] = visits.get(region["region"], 0) + 1
    assert visits == {region.region: region.visits for region in on_embedded.regions}


@pytest.mark.parametrize(
    ("mapping", "overrides"),
    [
        pytest.param("digital", (), id="digital"),
        pytest.param("analog", ("tiles=10",), id="pio"),
        pytest.param("analog", ("attach=bus", *ANALOG), id="pio-bus-noise"),
    ],
)
def test_same_output_as_the_embedded_engine(
    tmp_path: Path, mapping: str, overrides: tuple[str, ...]
) -> None:
    program = compiled(tmp_path / "program", mapping, *overrides)
    check_same(program.on_gem5(tmp_path / "out"), program.on_embedded())


def test_dma_with_noise_counts_what_the_embedded_engine_counts(
    tmp_path: Path, dma: Program
) -> None:
    on_gem5, on_embedded = dma.on_gem5(tmp_path), dma.on_embedded()
    check_same(on_gem5, on_embedded)
    counted = {
        "tile_mvms": "mvms",
        "tile_dac_conversions": "dacConversions",
        "tile_adc_conversions": "adcConversions",
        "tile_cell_reads": "cellReads",
        "tile_adc_saturations": "adcSaturations",
        "tile_bytes_in": "bytesIn",
        "tile_bytes_out": "bytesOut",
        "tile_dma_descriptors": "dmaDescriptors",
        "tile_guest_errors": "guestErrors",
        "tile_busy_ps": "busyTicks",
    }
    for region in on_embedded.regions:
        dumps = [line["dump"] for line in on_gem5.regions if line["region"] == region.region]
        stats = [on_gem5.stats(dump) for dump in dumps]
        for event, name in counted.items():
            total = sum(
                dump.get(f"{tile}.{name}", 0.0) for dump in stats for tile in on_gem5.exit["tiles"]
            )
            assert total == region.events[event], (region.name, event)


def test_the_dram_states_of_a_region_take_its_time(tmp_path: Path, dma: Program) -> None:
    result = dma.on_gem5(tmp_path)
    for line in result.regions:
        found = result.stats(line["dump"])
        states = [value for name, value in found.items() if ".rank0.pwrStateTime::" in name]
        assert sum(states) == line["end_ps"] - line["begin_ps"], line


@pytest.mark.parametrize("at_us", [40, 110, 200, 290])
def test_a_restored_run_ends_like_an_uninterrupted_one(
    tmp_path: Path, dma: Program, at_us: int
) -> None:
    checkpoint = {"at_ns": at_us * 1e3, "stop": True}
    saved = dma.on_gem5(tmp_path / "saved", checkpoint=checkpoint)
    assert saved.exit["cause"] == "checkpoint"
    folder = tmp_path / "saved" / "checkpoint"
    restored = dma.on_gem5(tmp_path / "restored", restore=str(folder))
    assert restored.exit["exited"], restored.log
    assert restored.exit["code"] == 0
    assert saved.console + restored.console == dma.on_embedded().console


def test_draining_changes_no_result(tmp_path: Path, dma: Program) -> None:
    result = dma.on_gem5(tmp_path, checkpoint={"at_ns": 200e3, "stop": False})
    assert result.exit["code"] == 0
    assert result.console == dma.on_embedded().console


def test_a_damaged_checkpoint_is_refused(tmp_path: Path, dma: Program) -> None:
    dma.on_gem5(tmp_path / "saved", checkpoint={"at_ns": 110e3, "stop": True})
    folder = tmp_path / "saved" / "checkpoint"
    tile = next(folder.glob("*.tile*.gz"))
    tile.write_bytes(tile.read_bytes()[:-40])
    result = dma.on_gem5(tmp_path / "restored", restore=str(folder))
    assert result.returncode != 0
    assert tile.name in result.log


def test_fast_forward_to_a_region(tmp_path: Path, dma: Program) -> None:
    result = dma.on_gem5(tmp_path, fast_forward_to=1)
    assert result.exit["code"] == 0
    assert result.console == dma.on_embedded().console
    assert [line["detailed"] for line in result.regions if line["region"] == 0] == [False]
    assert all(line["detailed"] for line in result.regions if line["region"] > 0)
    cycles = result.stats(1)["system.cluster.detailed.numCycles"]
    period_ps = 1e3 / dma.system.core.clock_ghz
    span_ps = result.regions[1]["end_ps"] - result.regions[1]["begin_ps"]
    assert cycles * period_ps == pytest.approx(span_ps, rel=0.01)


@pytest.mark.parametrize("cores", [2, 8])
def test_more_cores(tmp_path: Path, dma: Program, cores: int) -> None:
    more = Program(dma.elf, system("tile.io=dma", f"cores={cores}", *ANALOG), dma.regions)
    result = more.on_gem5(tmp_path)
    assert result.exit["code"] == 0
    assert len(result.exit["cores"]) == cores
    assert result.console == dma.on_embedded().console


def test_tiles_beside_the_l1_cost_digital_programs_nothing(tmp_path: Path) -> None:
    program = compiled(tmp_path / "program", "digital")
    ticks = []
    for name, override in (("core", "attach=core"), ("bus", "attach=bus"), ("none", "tiles=0")):
        other = Program(program.elf, system("tiles=4", override), program.regions)
        ticks.append(other.on_gem5(tmp_path / name).exit["tick_ps"])
    core, bus, none = ticks
    assert bus == none
    assert core == pytest.approx(none, rel=0.001)
