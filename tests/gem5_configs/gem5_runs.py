"""Running gem5 for the tests: which one, settings, output."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.config.load import load_config
from harness.config.schema import SystemConfig
from harness.engines.gem5.engine import run_settings
from harness.toolchain import compile_program

ROOT = Path(__file__).resolve().parents[2]
RUN_SCRIPT = ROOT / "gem5_configs" / "run.py"
PROGRAM = Path(__file__).with_name("tile_program.c")
LIMIT_S = 300

# AIMC_ERROR_*, in the order of their bits
ERROR_KINDS = "address size geometry busy empty descriptor bus readOnly value".split()  # noqa: SIM905


@dataclass(frozen=True)
class Gem5Run:
    returncode: int
    log: str
    folder: Path

    @property
    def exit(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads((self.folder / "exit.json").read_text())
        return record

    @property
    def console(self) -> str:
        return (self.folder / "system.terminal").read_text()

    @property
    def regions(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "regions.jsonl").open()]

    def stats(self, dump: int) -> dict[str, float]:
        """The values of one dump by name."""
        dumps = (self.folder / "stats.txt").read_text().split("---------- Begin")[1:]
        found = re.findall(r"^(\S+) +([-+0-9.e]+)(?: |$)", dumps[dump], re.MULTILINE)
        return {name: float(value) for name, value in found}


def find_gem5() -> str:
    """The gem5 of this machine, or the test is skipped."""
    found = os.environ.get("GEM5") or shutil.which("gem5.opt")
    if not found:
        pytest.skip("no gem5: set GEM5 to a gem5.opt with aimc_tile among its EXTRAS")
    return found


def system(*overrides: str, name: str = "alpine-hp") -> SystemConfig:
    """A preset system with overrides below ``system.``."""
    return load_config(
        system=name,
        overrides=[f"system.{override}" for override in overrides],
        run={"model": "lenet5", "engine": "gem5"},
    ).system


def settings(elf: Path, system: SystemConfig, **changes: object) -> dict[str, Any]:
    return {**run_settings(elf, system), "attended": False, **changes}


def run_gem5(folder: Path, wanted: Mapping[str, object], *options: str) -> Gem5Run:
    """Runs gem5 with `wanted` as its settings; output goes to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "settings.json"
    file.write_text(json.dumps(wanted))
    finished = subprocess.run(
        [find_gem5(), *options, f"--outdir={folder}", str(RUN_SCRIPT), str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    return Gem5Run(finished.returncode, finished.stdout, folder)


def tile_program(folder: Path, system: SystemConfig, **extra: str) -> Path:
    """tile_program.c for the tiles of `system`."""
    find_gem5()  # before the work of compiling
    defines = {
        "TILES": f"{system.tiles}u",
        "ROWS": f"{system.tile.rows}u",
        "COLUMNS": f"{system.tile.columns}u",
        **extra,
    }
    return compile_program(
        [PROGRAM], [], folder / "tile.elf", defines=defines, cache_dir=folder / "cache"
    )
