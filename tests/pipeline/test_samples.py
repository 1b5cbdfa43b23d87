"""A user's images and labels: forms that are taken, and what is refused with its reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.config.load import load_config
from harness.data.workloads import workload_for
from harness.errors import DataError
from harness.model.graph import Graph
from harness.operators.reshape import Reshape
from harness.pipeline.samples import Samples, load_samples
from tests.quant.networks import conv, dense, graph_of

RNG = np.random.default_rng(5)
IMAGES = RNG.normal(size=(12, 3, 4, 5)).astype(np.float32)
LABELS = np.arange(12) % 4
CLASSIFIER = graph_of(
    [
        conv(RNG, "c", "x", (3, 2)),
        Reshape("flat", ("c",), "flat"),
        dense(RNG, "y", "flat", 40, 4),
    ],
    (1, 3, 4, 5),
    {"flat": (1, 40)},
)


def samples_of(path: Path, graph: Graph = CLASSIFIER, images: int = 1) -> Samples:
    run = load_config(
        system="alpine-hp", run={"model": "own.onnx", "dataset": str(path), "images": images}
    ).run
    return load_samples(graph, run, None, reference_images=100)


def write(folder: Path, **arrays: object) -> Path:
    path = folder / "own.npz"
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


PLAIN = {"images": IMAGES, "labels": LABELS}


@pytest.mark.parametrize(
    "arrays",
    [
        {"images": IMAGES.astype(np.float64)},
        {"images": IMAGES.astype(">f4")},
        {"images": IMAGES.astype(">f8")},
        {"images": np.asfortranarray(IMAGES)},
        {"images": IMAGES.transpose(0, 2, 3, 1)},
        {"labels": LABELS[:, None]},
        {"labels": LABELS.astype(np.uint8)},
        {"labels": LABELS.astype(">i4")},
        {"labels": LABELS.astype(np.uint64)[:, None]},
    ],
)
def test_forms_that_happen_are_the_plain_one(tmp_path: Path, arrays: dict[str, object]) -> None:
    plain = samples_of(write(tmp_path, **PLAIN))
    assert plain.labels is not None
    assert plain.labels.tolist() == LABELS[:6].tolist()  # the other half calibrates
    assert np.array_equal(plain.images, IMAGES[:6])
    found = samples_of(write(tmp_path, **{**PLAIN, **arrays}))
    assert found.labels is not None
    assert np.array_equal(found.labels, plain.labels)
    for name in ("images", "calibration"):
        assert getattr(found, name).dtype == np.float32
        assert np.array_equal(getattr(found, name), getattr(plain, name))


def test_what_was_converted_is_told(tmp_path: Path) -> None:
    told = samples_of(write(tmp_path, **PLAIN)).statement
    assert told == "images of own.npz; its last 6 served calibration only"
    moved = {"images": IMAGES.transpose(0, 2, 3, 1).astype(np.float64), "labels": LABELS}
    told = samples_of(write(tmp_path, **moved)).statement
    assert "(float64 rounded to float32, channels moved to the front)" in told


@pytest.mark.parametrize(
    ("images", "labels"), [("test_images", "test_labels"), ("x_test", "y_test")]
)
def test_keras_names(tmp_path: Path, images: str, labels: str) -> None:
    tested = {images: IMAGES, labels: LABELS}
    plain, found = samples_of(write(tmp_path, **PLAIN)), samples_of(write(tmp_path, **tested))
    assert np.array_equal(found.images, plain.images)
    assert np.array_equal(found.labels, plain.labels)  # type: ignore[arg-type]
    train = images.replace("test", "train")
    found = samples_of(write(tmp_path, **tested, **{train: IMAGES[:5] + 1}))
    assert np.array_equal(found.images, IMAGES)
    assert np.array_equal(found.labels, LABELS)  # type: ignore[arg-type]
    assert np.array_equal(found.calibration, IMAGES[:5] + 1)
    assert "5 of its training images" in found.statement


def test_axes_of_length_one_do_not_matter(tmp_path: Path) -> None:
    for shape in ((1, 1, 4, 15), (1, 60, 1, 1)):
        graph = graph_of([Reshape("y", ("x",), "y")], shape, {"y": (1, 60)})
        stored = IMAGES.reshape(12, *(size for size in shape[1:] if size > 1))
        found = samples_of(write(tmp_path, images=stored), graph)
        assert np.array_equal(found.images, IMAGES.reshape(12, *shape[1:])[:6])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS + 1, r"labels: label 3 is 4, the classes are 0 to 3 \(3 of 12"),
        (LABELS - 1, "label 0 is -1, the classes are 0 to 3"),
        (LABELS + 1000, "label 0 is 1000"),
        (np.where(np.arange(12) == 11, 2**64 - 1, 0).astype(np.uint64), "label 11 is 18446744"),
        (LABELS > 0, r"labels are bool \[12\]"),
        (LABELS.astype(object), "labels holds Python objects"),
        (LABELS.astype(np.float32), "labels are float32"),
        (LABELS.astype(str), "labels are <U"),
        (LABELS[:6], r"labels are int64 \[6\]"),
        (np.eye(4, dtype=np.int64)[LABELS], r"labels are int64 \[12, 4\]"),
        (np.int64(1), r"labels are int64 \[\]"),
    ],
)
def test_labels_that_are_no_classes_are_refused(
    tmp_path: Path, labels: np.ndarray, message: str
) -> None:
    with pytest.raises(DataError, match=message) as error:
        samples_of(write(tmp_path, images=IMAGES, labels=labels))
    assert error.value.hint is not None


WRONG = IMAGES.copy()
WRONG[7, 0, 0, 0] = np.nan


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ((IMAGES * 9).astype(np.uint8), "images are uint8: how the network takes"),
        (IMAGES.astype(np.int64), "images are int64"),
        (IMAGES > 0, "images are bool"),
        (IMAGES.astype(np.float64) * 1e300, "image 0 has values that are not finite in float32"),
        (WRONG, "image 7 has values that are not finite"),
        (IMAGES[:, :2], r"images are \[12, 2, 4, 5\], the network takes \[n, 3, 4, 5\]"),
        (IMAGES.reshape(12, 60), r"images are \[12, 60\]"),
        (np.float32(1), r"images are \[\]"),
        (IMAGES[:1], "at least 2 images"),
        (IMAGES[:0], "at least 2 images"),
    ],
)
def test_wrong_images_are_refused(tmp_path: Path, images: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        samples_of(write(tmp_path, images=images))


def test_an_archive_without_images_says_what_it_has(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="it has: x_train, y_train") as error:
        samples_of(write(tmp_path, x_train=IMAGES, y_train=LABELS))
    assert "x_test and y_test" in str(error.value.hint)
    with pytest.raises(DataError, match="no images for calibration"):
        samples_of(write(tmp_path, x_test=IMAGES, x_train=IMAGES[:0]))


def test_labels_of_other_networks_are_not_read(tmp_path: Path) -> None:
    segmenter = graph_of([conv(RNG, "y", "x", (3, 2))], (1, 3, 4, 5))
    for labels in (LABELS, np.zeros((12, 4, 5), np.int64)):
        found = samples_of(write(tmp_path, images=IMAGES, labels=labels), segmenter)
        assert found.labels is None
        assert "the output is a map of 2x4x5 values" in found.no_labels
    path = write(tmp_path, **PLAIN)
    assert samples_of(path, replace(CLASSIFIER, random_weights=True)).no_labels == (
        "the weights are random"
    )
    assert samples_of(write(tmp_path, images=IMAGES)).no_labels == "no labelled images"


def test_more_values_than_classes_are_a_classifier(tmp_path: Path) -> None:
    wide = graph_of(
        [Reshape("flat", ("x",), "flat"), dense(RNG, "y", "flat", 60, 640)],
        (1, 3, 4, 5),
        {"flat": (1, 60)},
    )
    found = samples_of(write(tmp_path, **PLAIN), wide)
    assert found.labels is not None
    with pytest.raises(DataError, match="label 0 is 1000, the classes are 0 to 639"):
        samples_of(write(tmp_path, images=IMAGES, labels=LABELS + 1000), wide)


def digits_graph(shape: tuple[int, ...], classes: int = 10) -> Graph:
    return graph_of(
        [Reshape("flat", ("x",), "flat"), dense(RNG, "y", "flat", 64, classes)],
        shape,
        {"flat": (1, 64)},
    )


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (1, 64)])
def test_a_known_dataset_is_preprocessed_as_for_its_workload(shape: tuple[int, ...]) -> None:
    found = samples_of(Path("digits"), digits_graph(shape))
    workload = workload_for("mlp")
    assert workload is not None
    splits = workload.load_splits()
    assert np.array_equal(found.images, splits.test.images(0, 100).reshape(-1, *shape[1:]))
    assert np.array_equal(found.labels, splits.test.labels[:100])  # type: ignore[arg-type]
    assert "as mlp takes them: 8 x 8, (pixel / 255 - 0.3053) / 0.376" in found.statement
    with pytest.raises(DataError, match=r"label \d+ is [789], the classes are 0 to 6"):
        samples_of(Path("digits"), digits_graph(shape, classes=7))


def test_a_cifar_folder_for_a_users_network(tmp_path: Path) -> None:
    graph = graph_of(
        [Reshape("flat", ("x",), "flat"), dense(RNG, "y", "flat", 3072, 10)],
        (1, 3, 32, 32),
        {"flat": (1, 3072)},
    )
    pixels = RNG.integers(0, 256, (1202, 3072), np.uint8)
    labels = (np.arange(1202) % 10).astype(np.uint8)
    records = np.concatenate([labels[:, None], pixels], axis=1).tobytes()
    for name in (*(f"data_batch_{index}" for index in range(1, 6)), "test_batch"):
        (tmp_path / f"{name}.bin").write_bytes(records)
    found = samples_of(tmp_path, graph)
    assert np.array_equal(found.labels, labels[:100])  # type: ignore[arg-type]
    mean = np.array([0.4914, 0.4822, 0.4465], np.float32)[:, None, None]
    deviation = np.array([0.2470, 0.2435, 0.2616], np.float32)[:, None, None]
    expected = (pixels[:100].reshape(-1, 3, 32, 32) / np.float32(255) - mean) / deviation
    np.testing.assert_allclose(found.images, expected, rtol=1e-6)
    assert "test images of cifar10, as alexnet takes them" in found.statement
    with pytest.raises(DataError, match="input 3x4x5 is not known"):
        samples_of(tmp_path)


def test_a_dataset_as_an_archive_is_preprocessed_too(tmp_path: Path) -> None:
    path = tmp_path / "DIGITS.NPZ"
    pixels = RNG.integers(0, 256, (700, 8, 8), np.uint8)
    with path.open("wb") as file:
        np.savez(file, images=pixels, labels=np.arange(700) % 10)
    found = samples_of(path, digits_graph((1, 1, 8, 8)))
    assert found.images.dtype == np.float32
    assert "as mlp takes them" in found.statement
    with pytest.raises(DataError, match="images are uint8"):
        samples_of(
            write(tmp_path, images=pixels, labels=np.arange(700) % 10), digits_graph((1, 64))
        )


def test_a_missing_dataset_is_missed(tmp_path: Path) -> None:
    for graph in (CLASSIFIER, digits_graph((1, 64))):
        with pytest.raises(DataError, match="no such file"):
            samples_of(tmp_path / "nowhere", graph)
    with pytest.raises(DataError, match="cannot read the dataset"):
        samples_of(tmp_path / "nowhere.npz")
