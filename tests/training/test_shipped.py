"""The shipped checkpoints reach what their workload files say; training makes such files."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from harness.data.workloads import FOLDER_VARIABLE, Workload, workload_for
from harness.errors import DataError, ModelError
from harness.model.builtin import NAMES, build
from harness.model.checkpoint import checkpoint_metadata, load_checkpoint
from harness.resources import resource
from harness.training.loop import evaluate
from harness.training.run import LOG_COLUMNS, train_workload

SHIPPED = [name for name in NAMES if (w := workload_for(name)) is not None and w.checkpoint]
TOLERANCE = 0.003  # another machine sums in another order: a few images of the test split


def workload(name: str) -> Workload:
    found = workload_for(name)
    assert found is not None
    return found


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_digits_and_resnet20_are_shipped() -> None:
    assert {"lenet5", "mlp", "resnet20"} <= set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_declaration_header_and_log_tell_the_same(name: str) -> None:
    spec = workload(name)
    path = spec.checkpoint_path()
    assert path is not None and spec.log is not None and spec.results is not None
    header = checkpoint_metadata(path)
    assert header["model"] == name
    assert header["dataset"] == spec.dataset
    assert header["command"] == spec.command
    assert float(header["test_accuracy"]) == spec.results.test_accuracy
    assert float(header["validation_accuracy"]) == spec.results.validation_accuracy
    assert int(header["epoch"]) == spec.results.best_epoch
    log = rows(resource(f"workloads/{spec.log}"))
    assert tuple(log[0]) == LOG_COLUMNS
    assert [int(row["epoch"]) for row in log] == list(range(1, spec.recipe.epochs + 1))
    best = log[spec.results.best_epoch - 1]
    assert float(best["validation_accuracy"]) == spec.results.validation_accuracy
    assert spec.results.validation_accuracy == max(float(r["validation_accuracy"]) for r in log)
    assert max(float(row["learning_rate"]) for row in log) <= spec.recipe.learning_rate
    assert not load_checkpoint(build(name), path).random_weights


@pytest.mark.parametrize("name", [name for name in SHIPPED if workload(name).dataset == "digits"])
def test_digit_networks_reach_their_accuracy(name: str) -> None:
    spec = workload(name)
    path = spec.checkpoint_path()
    assert path is not None and spec.results is not None
    graph = load_checkpoint(build(name), path)
    splits = spec.load_splits()
    assert checkpoint_metadata(path)["dataset_sha256"] == splits.source_sha256
    test = evaluate(graph, splits.test, threads=1)
    validation = evaluate(graph, splits.validation, threads=1)
    assert test == pytest.approx(spec.results.test_accuracy, abs=TOLERANCE)
    assert validation == pytest.approx(spec.results.validation_accuracy, abs=0.006)
    assert test > 0.97


@pytest.mark.skipif(
    not (Path(os.environ.get(FOLDER_VARIABLE, "/nowhere")) / "cifar10-jpeg.npz").exists(),
    reason=f"{FOLDER_VARIABLE} names no folder with cifar10-jpeg.npz",
)
def test_resnet20_reaches_its_accuracy() -> None:
    spec = workload("resnet20")
    path = spec.checkpoint_path()
    assert path is not None and spec.results is not None
    splits = spec.load_splits()
    assert checkpoint_metadata(path)["dataset_sha256"] == splits.source_sha256
    accuracy = evaluate(load_checkpoint(build("resnet20"), path), splits.test, threads=2)
    assert accuracy == pytest.approx(spec.results.test_accuracy, abs=TOLERANCE)


def test_training_a_workload_writes_checkpoint_and_log(tmp_path: Path) -> None:
    recipe = workload("mlp").recipe.model_copy(update={"epochs": 3})
    result = train_workload("mlp", None, tmp_path, recipe=recipe, threads=1, command="make it")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mlp.csv", "mlp.safetensors"]
    header = checkpoint_metadata(result.checkpoint)
    assert header["command"] == "make it"
    assert header["dataset"] == "digits"
    assert len(rows(result.log)) == 3
    graph = load_checkpoint(build("mlp"), result.checkpoint)
    test = workload("mlp").load_splits().test
    assert evaluate(graph, test, threads=1) == result.test_accuracy
    # A second run from nothing gives the same file, so the command is how it was made.
    again = train_workload(
        "mlp", None, tmp_path / "again", recipe=recipe, threads=1, command="make it"
    )
    assert again.checkpoint.read_bytes() == result.checkpoint.read_bytes()


def test_what_cannot_be_trained_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    with pytest.raises(ModelError, match="nothing to train 'vgg19' on"):
        train_workload("vgg19", None, tmp_path)
    with pytest.raises(DataError, match="no dataset is named"):
        train_workload("resnet20", None, tmp_path)
    assert not list(tmp_path.iterdir())


def test_importing_the_package_leaves_torch_out() -> None:
    import subprocess
    import sys

    code = "import sys, harness.training, harness.data.workloads; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
