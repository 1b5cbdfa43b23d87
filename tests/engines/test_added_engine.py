"""The engine of docs/engines.md, installed as another package would install it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.resources import resource

PAGE = resource("docs/engines.md").read_text(encoding="utf-8")
RUN = ("run", "mlp", "--mapping", "digital", "--images", "1", "--engine", "one-cycle")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages with the engine of the page, as pip leaves it."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "one_cycle.py").write_text(block("python"))
    information = folder / "one_cycle-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: one-cycle\nVersion: 1.0\n")
    point = re.search(r'entry-points\."(.*)"\]\n(.*)\n', block("toml"))
    assert point is not None
    target = point[2].replace('"', "")
    (information / "entry_points.txt").write_text(f"[{point[1]}]\n{target}\n")
    return folder


def aimc(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(site), "COLUMNS": "200"}
    command = [sys.executable, "-m", "aimc.cli.main", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )


def ran(site: Path, folder: Path, *arguments: str) -> dict[str, object]:
    """The result of `RUN` with ``arguments``."""
    done = aimc(site, folder, *RUN, *arguments)
    assert done.returncode == 0, done.stderr
    run = Path(re.findall(r"Run folder: (\S+)", done.stdout)[-1])
    content: dict[str, object] = json.loads((folder / run / "result.json").read_text())
    return content


def test_it_runs_with_its_option_and_its_results_are_its_own(site: Path, tmp_path: Path) -> None:
    one, two = ran(site, tmp_path), ran(site, tmp_path, "--cpi", "2")
    for result, cycles in ((one, 1), (two, 2)):
        comparison = result["comparison"]
        assert comparison["manifest"]["engine_version"] == "one-cycle 1.0"
        for layer in comparison["digital"]["layers"]:
            assert layer["cycles"] == cycles * layer["events"]["instructions"] > 0
    assert two["summary"]["programs"]["digital"]["time_ns"] == pytest.approx(
        2 * one["summary"]["programs"]["digital"]["time_ns"]
    )


def test_what_it_refuses_is_refused_at_once(site: Path, tmp_path: Path) -> None:
    done = aimc(site, tmp_path, *RUN, "--cpi", "none")
    assert done.returncode == 2
    assert done.stderr.startswith("error: cpi: 'none' is no number of cycles")
    other = aimc(site, tmp_path, "run", "mlp", "--cpi", "2")
    assert other.returncode == 2
    assert "--cpi: the engine is embedded, which uses no cpi" in other.stderr
    assert "add --engine one-cycle" in other.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_commands_know_it(site: Path, tmp_path: Path) -> None:
    assert "needs nothing but the embedded engine" in aimc(site, tmp_path, "doctor").stdout
    text = re.sub(r"[\s│]+", " ", aimc(site, tmp_path, "run", "--help").stdout)
    assert "embedded, gem5 or one-cycle" in text
    assert "The cycles per instruction of --engine one-cycle; default: 1." in text


def test_one_that_cannot_be_loaded_stops_only_its_own_runs(tmp_path: Path) -> None:
    broken = tmp_path / "site"
    (broken / "broken-1.0.dist-info").mkdir(parents=True)
    (broken / "broken-1.0.dist-info" / "METADATA").write_text("Name: broken\nVersion: 1.0\n")
    (broken / "broken-1.0.dist-info" / "entry_points.txt").write_text(
        "[aimc_harness.engines]\nbroken = no_such_module:Engine\ngem5 = no_such_module:Engine\n"
    )
    assert aimc(broken, tmp_path, "presets", "tile").returncode == 0
    done = aimc(broken, tmp_path, "run", "mlp", "--engine", "broken")
    assert done.returncode == 3
    assert "the engine broken cannot be loaded: No module named 'no_such_module'" in done.stderr
