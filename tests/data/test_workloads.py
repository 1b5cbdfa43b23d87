"""The declared workloads, and how a user's dataset is found."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from harness.data.detect import open_dataset
from harness.data.workloads import FOLDER_VARIABLE, Workload, workload_for
from harness.errors import DataError
from harness.model.builtin import NAMES, build
from harness.resources import resource


def workload(name: str) -> Workload:
    found = workload_for(name)
    assert found is not None
    return found


def write_binary(folder: Path, count: int = 2, label: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*(f"data_batch_{index}" for index in range(1, 6)), "test_batch"):
        (folder / f"{name}.bin").write_bytes((bytes([label]) + bytes(3072)) * count)


def write_npz(path: Path, train: int = 30, test: int = 10, size: int = 32) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path,
        train_images=np.zeros((train, size, size, 3), np.uint8),
        train_labels=np.arange(train) % 10,
        test_images=np.zeros((test, size, size, 3), np.uint8),
        test_labels=np.arange(test) % 10,
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_network_has_a_workload_that_fits_it(name: str) -> None:
    spec = workload(name)
    graph = build(name)
    images = spec.images
    assert graph.shapes[graph.input] == (1, images.channels, images.height, images.width)
    assert graph.shapes[graph.output] == (1, spec.classes)
    assert (spec.checkpoint is None) == (spec.results is None) == (spec.log is None)
    assert f"aimc train {name}" in spec.command


def test_there_is_no_workload_without_a_network() -> None:
    assert {path.stem for path in resource("workloads").glob("*.yaml")} == set(NAMES)
    assert workload_for("vgg19") is None
    assert workload_for("../pyproject") is None
    assert workload_for("") is None


def test_digits_need_no_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    for path in (None, Path("digits")):
        splits = workload("lenet5").load_splits(path)
        assert splits.dataset == "digits"
        sizes = [len(s) for s in (splits.train, splits.calibration, splits.validation, splits.test)]
        assert sizes == [1137, 120, 180, 360]
        parts = (splits.train, splits.calibration, splits.validation, splits.test)
        everyone = np.bincount(np.concatenate([part.labels for part in parts]))
        for part in parts:
            share = everyone * len(part) / 1797
            assert np.abs(np.bincount(part.labels, minlength=10) - share).max() <= 3


def test_digit_normalisation_is_that_of_the_training_images() -> None:
    images = workload("mlp").load_splits().train.images()
    assert images.mean() == pytest.approx(0.0, abs=0.01)
    assert images.std() == pytest.approx(1.0, abs=0.01)


def test_a_dataset_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    with pytest.raises(DataError, match="resnet20 takes cifar10-jpeg or cifar10") as error:
        workload("resnet20").load_splits()
    assert FOLDER_VARIABLE in str(error.value)


def test_the_default_folder_is_searched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_binary(tmp_path / "cifar-10-batches-bin")
    write_npz(tmp_path / "other.npz")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    assert workload("resnet20").open_dataset().name == "cifar10"
    write_npz(tmp_path / "cifar10-jpeg.npz")
    assert workload("resnet20").open_dataset().name == "cifar10-jpeg"


def test_misfitting_datasets_are_refused(tmp_path: Path) -> None:
    write_npz(tmp_path / "cifar10-jpeg.npz")
    with pytest.raises(DataError, match="30 images to divide, 6000 are set aside"):
        workload("resnet20").load_splits(tmp_path)
    grey = tmp_path / "grey.npz"
    np.savez(grey, images=np.zeros((40, 32, 32), np.uint8), labels=np.zeros(40, np.int64))
    with pytest.raises(DataError, match="1 channels, resnet20 takes 3"):
        workload("resnet20").load_splits(grey)
    many = tmp_path / "many.npz"
    np.savez(many, images=np.zeros((40, 32, 32, 3), np.uint8), labels=np.arange(40))
    with pytest.raises(DataError, match="label 10 is 10, the classes are 0 to 9"):
        workload("resnet20").load_splits(many)


def test_detection(tmp_path: Path) -> None:
    accepted = ("cifar10-jpeg", "cifar10")
    with pytest.raises(DataError, match="found none"):
        open_dataset(tmp_path, accepted)
    with pytest.raises(DataError, match="no such file or folder"):
        open_dataset(tmp_path / "nowhere", accepted)
    write_npz(tmp_path / "pets.npz")
    with pytest.raises(DataError, match="found pets"):
        open_dataset(tmp_path, accepted)
    # Named itself, an archive is taken whatever it is called.
    assert open_dataset(tmp_path / "pets.npz", accepted).name == "pets"
    write_binary(tmp_path / "one")
    assert open_dataset(tmp_path, accepted).name == "cifar10"
    assert open_dataset(tmp_path / "one", accepted).name == "cifar10"
    write_binary(tmp_path / "two")
    with pytest.raises(DataError, match="more than one dataset here"):
        open_dataset(tmp_path, accepted)
    text = tmp_path / "readme.txt"
    text.write_text("x")
    with pytest.raises(DataError, match="formats that are read"):
        open_dataset(text, accepted)


@pytest.mark.skipif(
    not (Path(os.environ.get(FOLDER_VARIABLE, "/nowhere")) / "cifar10-jpeg.npz").exists(),
    reason=f"{FOLDER_VARIABLE} names no folder with cifar10-jpeg.npz",
)
def test_the_jpeg_archive_itself() -> None:
    splits = workload("resnet20").load_splits()
    assert splits.dataset == "cifar10-jpeg"
    sizes = [len(s) for s in (splits.train, splits.calibration, splits.validation, splits.test)]
    assert sizes == [44_000, 1_000, 5_000, 10_000]
    assert np.bincount(splits.validation.labels).tolist() == [500] * 10
    assert np.bincount(splits.test.labels).tolist() == [1000] * 10
    images = splits.calibration.images(0, 500)
    assert images.shape == (500, 3, 32, 32)
    assert images.mean(axis=(0, 2, 3)) == pytest.approx(0.0, abs=0.1)
    assert images.std(axis=(0, 2, 3)) == pytest.approx(1.0, abs=0.15)
