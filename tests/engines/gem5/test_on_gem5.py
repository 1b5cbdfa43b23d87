"""Whole programs on a real gem5, beside the embedded engine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.config.load import load_config
from harness.config.schema import Config
from harness.engines.embedded.engine import EmbeddedEngine
from harness.engines.events import TILE_EVENTS
from harness.engines.gem5.engine import Gem5Engine
from harness.engines.gem5.statistics import read_dumps
from harness.engines.protocol import RunResult
from harness.errors import EngineError, MismatchError
from harness.pipeline.job import run_job
from harness.pipeline.prepare import prepare
from harness.pipeline.programs import build, compile_generated
from harness.placement.plan import Plan
from harness.stats.check import ExpectedRegion, check_outputs, check_result
from harness.toolchain import compile_program
from tests.heard import Heard

FEW_TILES = "system.tiles=12"
LIMIT_S = 300.0
MARK_SLACK = 2
TIMED = {"tile_device_reads", "tile_device_writes"}  # polls; and wide stores go as two


def both(gem5: Path, plan: Plan, config: Config, folder: Path) -> tuple[RunResult, RunResult]:
    """The program of ``plan``, one image, on gem5 and on the embedded engine."""
    images = prepare(config).images[:1]
    program = build(plan, config, images, folder)
    elf = compile_generated(program, folder)
    reference = EmbeddedEngine().run(elf, config.system, program.regions, timeout_s=LIMIT_S)
    result = Gem5Engine(gem5).run(elf, config.system, program.regions, timeout_s=LIMIT_S)
    assert result.exit_code == reference.exit_code == 0
    assert result.console == reference.console
    expected = [ExpectedRegion(r.region, r.name, r.visits) for r in reference.regions]
    check_result(result, expected, clock_ghz=config.system.core.clock_ghz)
    check_outputs(result)
    return result, reference


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("alpine-hp", ["system.tile.noise=true"]),
        ("alpine-hp", ["system.tile.io=dma", "system.tile.noise=true"]),
        ("alpine-hp-bus", ["system.tile.io=dma"]),
        ("a55-hermes", []),
    ],
)
def test_lenet5_gives_the_same_bytes_and_the_same_work(
    gem5: Path, tmp_path: Path, name: str, overrides: list[str]
) -> None:
    config = load_config(
        system=name,
        overrides=[FEW_TILES, *overrides],
        run={"model": "lenet5", "mapping": "analog", "images": 1, "warmup": 0},
    )
    plan = prepare(config).mapped
    assert plan is not None
    result, reference = both(gem5, plan, config, tmp_path)
    for ours, theirs in zip(result.regions, reference.regions, strict=True):
        for event in set(TILE_EVENTS) - TIMED:
            assert ours.events[event] == theirs.events[event], (ours.name, event)
        assert ours.events["dot_ops"] == theirs.events["dot_ops"]
    assert any(region.events["cycles_tile_transfer"] for region in result.regions)


def test_a_digital_program_executes_the_same_instructions(gem5: Path, tmp_path: Path) -> None:
    config = load_config(
        system="alpine-hp",
        overrides=[FEW_TILES],
        run={"model": "lenet5", "mapping": "digital", "images": 1, "warmup": 0},
    )
    result, reference = both(gem5, prepare(config).digital, config, tmp_path)
    for ours, theirs in zip(result.regions, reference.regions, strict=True):
        # What commits together with a region's mark counts on either side of it.
        difference = ours.events["instructions"] - theirs.events["instructions"]
        assert abs(difference) <= MARK_SLACK, ours.name
        assert ours.events["cycles"] > 0
    stats = tmp_path / "gem5" / "stats.txt.gz"
    assert len(list(read_dumps(stats))) == len(result.regions) + 1


def test_the_whole_job_out_of_order(
    gem5: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEM5", str(gem5))
    config = load_config(
        system="alpine-hp",
        overrides=[FEW_TILES, "system.core.kind=out_of_order"],
        run={"model": "mlp", "images": 1, "warmup": 0, "engine": "gem5"},
    )
    finished = run_job(config, tmp_path, command=("test",), progress=Heard())
    assert not finished.cached
    for program in finished.comparison.programs:
        assert program.cycles > 0
        # Its waiting for memory is not told apart from its work, its waiting for tiles is.
        assert program.causes.memory == 0
        assert (program.causes.tile_transfer > 0) == (program.tiles_used > 0)
    assert finished.comparison.manifest.engine_version.startswith("gem5 2")
    for name in ("settings.json", "stats.txt.gz", "regions.jsonl", "exit.json", "gem5.log"):
        assert (finished.folder / "digital" / "gem5" / name).is_file()
    assert run_job(config, tmp_path, command=("test",), progress=Heard()).cached


def program(folder: Path, body: str) -> Path:
    source = folder / "main.c"
    source.write_text(f'#include "aimc_runtime.h"\nint main(void) {{ {body} }}\n')
    return compile_program([source], [], folder / "p.elf", defines={}, cache_dir=folder / "cache")


def run(
    gem5: Path, elf: Path, regions: Mapping[int, str] | None = None, *overrides: str
) -> RunResult:
    system = load_config(system="alpine-hp", overrides=[FEW_TILES, *overrides]).system
    return Gem5Engine(gem5).run(elf, system, regions or {}, timeout_s=LIMIT_S)


def test_exit_codes_and_regions_that_never_ran(gem5: Path, tmp_path: Path) -> None:
    elf = program(tmp_path, 'aimc_print("hello\\n"); return 3;')
    result = run(gem5, elf, {1: "never"})
    assert result.exit_code == 3
    assert result.console == "hello\n"
    assert result.regions[0].visits == 0
    assert not any(result.regions[0].events.values())
    with pytest.raises(MismatchError):
        check_outputs(result)
    fault = program(tmp_path, "__builtin_trap();")
    given_up = run(gem5, fault, {1: "never"})
    assert given_up.exit_code == 255
    assert given_up.regions == ()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("aimc_region_begin(1); return 0;", "inside region 1"),
        ("aimc_region_begin(1); aimc_region_end(2); return 0;", "region 2 ends"),
        ("aimc_region_begin(9); aimc_region_end(9); return 0;", "does not have: 9"),
    ],
)
def test_marks_that_contradict_each_other(
    gem5: Path, tmp_path: Path, body: str, message: str
) -> None:
    with pytest.raises(EngineError, match=message):
        run(gem5, program(tmp_path, body), {1: "one", 2: "two"})
    assert not (tmp_path / "gem5").exists()


def test_a_system_that_gem5_cannot_be(gem5: Path, tmp_path: Path) -> None:
    elf = program(tmp_path, "return 0;")
    with pytest.raises(EngineError, match=r"system\.core\.load_to_use_latency"):
        run(gem5, elf, {}, "system.core.load_to_use_latency=2")


def test_an_endless_program_runs_out_of_time(gem5: Path, tmp_path: Path) -> None:
    elf = program(tmp_path, 'aimc_print("begin\\n"); for (;;) __asm__ volatile("");')
    system = load_config(system="alpine-hp", overrides=[FEW_TILES]).system
    with pytest.raises(EngineError, match=r"did not end within 4 s(.|\n)*    begin"):
        Gem5Engine(gem5).run(elf, system, {}, timeout_s=4.0)


def children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]


def wait_for_simulation(pid: int) -> int:
    """The gem5 that simulates below the process ``pid``."""
    for _ in range(1200):
        for child in children(pid):
            command = Path(f"/proc/{child}/cmdline").read_bytes()
            if command.rstrip(b"\0").endswith(b"settings.json"):
                return child
        time.sleep(0.05)
    raise AssertionError("gem5 did not start")


def test_a_killed_gem5_is_an_error(gem5: Path, tmp_path: Path) -> None:
    elf = program(tmp_path, 'for (;;) __asm__ volatile("");')

    def kill() -> None:
        os.kill(wait_for_simulation(os.getpid()), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(EngineError, match="killed by SIGKILL"):
        run(gem5, elf)
    killer.join()


def start_job(gem5: Path, out: Path) -> subprocess.Popen[str]:
    """A job that would take minutes."""
    command = ["run", "lenet5", "--engine", "gem5", "--gem5", str(gem5), "--images", "100"]
    return subprocess.Popen(
        [sys.executable, "-m", "aimc.cli.main", *command, "--out", str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def ends(pid: int) -> bool:
    """Whether the process ``pid`` ends soon; it is killed if not."""
    for _ in range(1200):
        if not Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    return False


def test_a_killed_job_takes_gem5_with_it(gem5: Path, tmp_path: Path) -> None:
    job = start_job(gem5, tmp_path / "runs")
    simulation = wait_for_simulation(job.pid)
    job.kill()
    job.communicate(timeout=60)
    assert ends(simulation)


def test_an_interrupted_job_leaves_no_process_and_no_folder(gem5: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    job = start_job(gem5, out)
    simulation = wait_for_simulation(job.pid)
    job.send_signal(signal.SIGINT)
    _, errors = job.communicate(timeout=60)
    assert job.returncode == 130
    assert "interrupted" in errors
    assert ends(simulation)  # if the interrupt came while gem5 started, a moment later
    assert list(out.iterdir()) == []
