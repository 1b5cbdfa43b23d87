"""`aimc sweep` and its Python interface, from the file to the pictures."""

from __future__ import annotations

import csv
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from aimc.sweeps import SweepResult, load_sweep, sweep
from harness.errors import HarnessError, SweepError
from harness.file_digests import sources_digest
from harness.sweep.estimate import estimate
from harness.sweep.sweep_file import read_sweep
from tests.gem5_configs.gem5_runs import find_gem5

ROOT = Path(__file__).parents[2]
READY = sorted((ROOT / "workloads" / "sweeps").glob("*.yaml"))
CLUSTER = ("dask", "distributed")

# The second point has no time to finish; no earlier run has simulated its program with this seed.
FILE = f"""\
base: {{model: mlp, set: {{system.tile.io: dma, system.tile.seed: {secrets.randbits(32)}}}}}
zip:
  system.tiles: [3, 2, 1, 0]
  run.timeout_s: [600, 0.001, 600, 600]
"""


def aimc(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aimc.cli.main", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
    )


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    for name in CLUSTER:
        pytest.importorskip(name)
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "few.yaml").write_text(FILE)
    return folder, aimc("sweep", "run", "few.yaml", "--workers", "1", cwd=folder)


def test_run_lists_points_and_failures(
    ran: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    _, result = ran
    assert result.returncode == SweepError.exit_code == 5
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0][:3] == ["tiles", "timeout_s", "status"]
    assert lines[2] == ["2", "0.001", "FAILED"]
    assert lines[4][:2] == ["0", "600"]
    assert "1.00x" in lines[4]
    assert "few: 3 of 4 points done, 1 failed" in result.stdout
    assert "tiles 2, timeout_s 0.001: " in result.stderr
    assert "error: sweeps/few: 1 of 4 points failed" in result.stderr
    assert "Traceback" not in result.stderr


def test_files_of_a_run(ran: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder = ran[0] / "sweeps" / "few"
    rows = list(csv.DictReader((folder / "points.csv").open()))
    assert [row["status"] for row in rows] == ["done", "failed", "done", "done"]
    assert float(rows[0]["speed_up"]) > float(rows[2]["speed_up"]) > 1
    assert rows[3]["speed_up"] == "1.0"
    assert (folder / "sweep.yaml").read_text() == FILE
    assert {path.suffix for path in (folder / "pictures").iterdir()} == {".png", ".svg", ".csv"}


def test_dry_run_counts_what_is_there(
    ran: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder = ran[0]
    result = aimc("sweep", "run", "few.yaml", "--dry-run", cwd=folder)
    assert result.returncode == 0, result.stderr
    assert "sweeps/few: 3 done, 1 failed, 0 to measure" in result.stdout
    planned = read_sweep(folder / "few.yaml")
    again = estimate(planned, folder / "sweeps" / "few", retry_failed=True)
    assert (again.missing, again.rough, again.done, again.failed) == (1, 0, 3, 1)
    assert again.seconds > 0
    new = estimate(planned, folder / "sweeps" / "none", retry_failed=False)
    assert (new.missing, new.rough, new.done) == (4, 4, 0)


def test_show(ran: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder = ran[0]
    arguments = ("--sort", "speed-up", "--descending", "--csv", "by.csv")
    result = aimc("sweep", "show", "sweeps/few", *arguments, cwd=folder)
    assert result.returncode == 0, result.stderr
    order = [row["system.tiles"] for row in csv.DictReader((folder / "by.csv").open())]
    assert order == ["3", "1", "0", "2"]  # the failed one has no speed-up
    wrong = aimc("sweep", "show", "sweeps/few", "--sort", "speed", cwd=folder)
    assert wrong.returncode == 2
    assert "there is no column 'speed'" in wrong.stderr


def test_from_python(ran: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder = ran[0]
    found = sweep(folder / "few.yaml", folder / "sweeps")  # all points are there
    assert isinstance(found, SweepResult)
    assert list(found.points.columns[:2]) == ["system.tiles", "run.timeout_s"]
    assert found.failed["system.tiles"].tolist() == [2]
    assert "0.001" in found.failed["error"].iloc[0]
    layers = found.layers
    done = found.points[found.points["status"] == "done"]
    assert set(layers["identity"]) == set(done["identity"])
    times = layers[layers["program"] == "mapped"].groupby("identity")["time_ns"].sum()
    for _, row in done.iterrows():
        assert times[row["identity"]] <= row["mapped_time_ns"] * 1.001
    assert set(found.pictures) == {"pareto", "tiles"}
    html = load_sweep(folder / "sweeps" / "few")._repr_html_()
    assert html.count("<tr") == 5
    assert "FAILED" in html
    assert repr(found).startswith("SweepResult(few: 3 of 4 points done, 1 failed; axes ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "none.yaml"), "error: none.yaml: there is no such file"),
        (("run", "wrong.yaml"), "error: wrong.yaml, line 2, grid.system.tile.row: unknown key"),
        (("run", "s.yaml", "--cluster", "k8s"), "there is no cluster 'k8s'"),
        (("run", "s.yaml", "--workers", "0"), "0 workers"),
        (("run", "s.yaml", "--gem5", "gem5"), "--gem5: no point's engine is gem5"),
        (("show", "."), "error: .: this is no sweep's folder"),
    ],
    ids=str,
)
def test_refusals(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("base: {model: mlp}\ngrid: {system.tiles: [1]}\n")
    (tmp_path / "wrong.yaml").write_text("base: {model: mlp}\ngrid: {system.tile.row: [1]}\n")
    result = aimc("sweep", *arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("path", READY, ids=lambda path: path.stem)
def test_ready_sweeps_can_run(path: Path, tmp_path: Path) -> None:
    if "gem5" in path.read_text(encoding="utf-8"):
        find_gem5()
    planned = read_sweep(path)
    assert planned.name == path.stem
    assert 10 <= len(planned.points) <= 500
    found = estimate(planned, tmp_path, retry_failed=False)
    assert found.missing == found.distinct <= len(planned.points)


def test_a_ready_sweep_dry(tmp_path: Path) -> None:
    result = aimc("sweep", "run", str(READY[0]), "--dry-run", "--workers", "4", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert f"{READY[0].stem}: " in result.stdout
    assert "rough for" in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_editing_a_ready_sweep_keeps_results(tmp_path: Path) -> None:
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "a.yaml").write_text("a")
    before = sources_digest(tmp_path)
    (tmp_path / "sweeps" / "tiles.yaml").write_text("x")
    assert sources_digest(tmp_path) == before
    (tmp_path / "a.yaml").write_text("b")
    assert sources_digest(tmp_path) != before


def test_an_unknown_cluster_from_python() -> None:
    with pytest.raises(HarnessError, match="there is no cluster 'x'"):
        sweep({"base": {"model": "mlp"}, "grid": {"system.tiles": [1]}}, cluster="x")
