"""`aimc map` as a user meets it: what it says to options that do not go together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.accuracy.result import broken_bound

ROOT = Path(__file__).parents[2]


def aimc_map(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aimc.cli.main", "map", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "AIMC_DATA": ""},
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("lenet5", "--t-eval", "1", "--set", "search.seed=2"),
            "--t-eval, --set: only with --drop",
        ),
        (("lenet5", "--drop", "1", "--mapping", "digital"), "--drop finds out"),
        (("lenet5", "--drop", "1", "--strategy", "best"), "valid: macs, sensitivity, benefit"),
        (("lenet5", "--drop", "1", "--noise", "loud"), "no noise preset 'loud'"),
        (("lenet5", "--drop", "1", "--set", "search.speed=2"), "unknown key 'speed'"),
        (("lenet5", "--drop", "1", "--drop", "101"), "search.drop_points"),
        (("lenet5", "--drop", "1", "--confidence", "1"), "search.confidence"),
        (
            ("lenet5", "--drop", "1", "--confidence", "0.9", "--repetitions", "1"),
            "two repetitions",
        ),
        (("resnet20", "--drop", "1"), "no dataset is named"),
    ],
)
def test_mistakes_get_one_message(arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    result = aimc_map(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert says in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("percent", "analog", "broken"),
    [(97.99, [], True), (98.0, [], False), (97.0, ["conv1"], False)],
)
def test_a_bound_that_int8_breaks_is_told(percent: float, analog: list[str], broken: bool) -> None:
    row = {"phase": "time", "split": "validation", "time_s": 86400.0, "mean_percent": percent}
    others = [row | {"time_s": 1.0, "mean_percent": 0.0}, row | {"phase": "digital"}]
    told = broken_bound(
        {
            "accuracy": [*others, row],
            "analog_layers": analog,
            "bound_percent": 98.0,
            "drop_points": 2.0,
            "time_of_evaluation_s": 86400.0,
        }
    )
    assert (told is not None) == broken
    assert told is None or told.endswith(
        "int8 reaches 97.99 % of the validation images, the bound of 2 points is 98.00 %"
    )


def test_a_found_mapping_is_simulated(tmp_path: Path) -> None:
    settings = ("validation_images=60", "warmup_epochs=0.1", "retrain_epochs=0.1", "repetitions=2")
    options = [part for text in settings for part in ("--set", f"search.{text}")]
    found = aimc_map("mlp", "--drop", "3", "--threads", "1", *options, cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    mapping = tmp_path / "mappings" / "mlp-macs-3" / "mapping.json"
    assert f"Simulate it: aimc run mlp --mapping {mapping.relative_to(tmp_path)}" in found.stdout
    assert "bound" in found.stderr
    run = subprocess.run(
        [sys.executable, "-m", "aimc.cli.main", "run", "mlp", "--mapping", str(mapping)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert run.returncode == 0, run.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    manifest = json.loads((folder / "manifest.json").read_text())
    inputs = {Path(entry["path"]).name for entry in manifest["inputs"]}
    assert inputs == {"mapping.json", "mapping.safetensors", "mlp.safetensors"}
    assert "byte for byte" in run.stdout


def test_several_bounds_give_a_folder_each(tmp_path: Path) -> None:
    settings = ("validation_images=60", "retrain_epochs=0", "repetitions=2")
    options = [part for text in settings for part in ("--set", f"search.{text}")]
    bounds = ("--drop", "1", "--drop", "30", "--confidence", "0.8")
    found = aimc_map("mlp", *bounds, "--threads", "1", *options, cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    names = ["mlp-macs-1", "mlp-macs-30"]
    assert sorted(path.name for path in (tmp_path / "mappings").iterdir()) == names
    for name in names:
        assert f"Wrote mappings/{name}" in found.stdout
        assert (tmp_path / "mappings" / name / "mapping.json").is_file()
    assert "held with confidence 0.8" in found.stdout
    assert "(measured before)" in found.stderr
    assert "lost" in found.stdout
