"""Splits are disjoint, complete, stratified and the same everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data.digits import open_digits
from harness.data.images import ArrayStore, Dataset, LabelledImages
from harness.data.splits import Normalisation, split_dataset, stratified_order
from harness.errors import DataError

IDENTITY = Normalisation((0.0,), (1.0,))


def dataset(count: int, test: int | None = None, classes: int = 4, seed: int = 0) -> Dataset:
    """Every image holds its own number in its first two pixels."""

    def images(number: int) -> LabelledImages:
        pixels = np.zeros((number, 1, 4, 4), np.uint8)
        pixels[:, 0, 0, 0] = np.arange(number) % 256
        pixels[:, 0, 0, 1] = np.arange(number) // 256
        labels = np.random.default_rng(seed).integers(0, classes, number)
        return LabelledImages(ArrayStore(pixels), labels)

    names = tuple(map(str, range(classes)))
    own_test = None if test is None else images(test)
    return Dataset("numbers", "memory", "0" * 64, names, images(count), own_test)


@settings(deadline=None, max_examples=60)
@given(
    count=st.integers(40, 700),
    seed=st.integers(0, 1 << 40),
    sizes=st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12)),
    classes=st.integers(1, 6),
)
def test_parts_are_disjoint_and_complete(
    count: int, seed: int, sizes: tuple[int, int, int], classes: int
) -> None:
    validation, calibration, test = sizes
    splits = split_dataset(
        dataset(count, classes=classes),
        seed=seed,
        validation=validation,
        calibration=calibration,
        test=test,
        normalisation=IDENTITY,
        size=(4, 4),
    )
    parts = (splits.train, splits.calibration, splits.validation, splits.test)
    assert [len(part) for part in parts[1:]] == [calibration, validation, test]
    everything = np.concatenate([part.indices for part in parts])
    assert np.array_equal(np.sort(everything), np.arange(count))
    for part in parts:
        pixels = part.pixels().astype(int)
        assert np.array_equal(pixels[:, 0, 0, 0] + 256 * pixels[:, 0, 0, 1], part.indices)
        labels = dataset(count, classes=classes).train.labels
        assert np.array_equal(part.labels, labels[part.indices])


@settings(deadline=None, max_examples=60)
@given(
    labels=st.lists(st.integers(0, 3), min_size=1, max_size=200),
    seed=st.integers(0, 99),
    prefix=st.floats(0.0, 1.0),
)
def test_every_prefix_is_stratified(labels: list[int], seed: int, prefix: float) -> None:
    array = np.array(labels, np.int64)
    order = stratified_order(array, seed, "x")
    assert np.array_equal(np.sort(order), np.arange(len(array)))
    taken = order[: round(prefix * len(array))]
    for label in set(labels):
        share = labels.count(label) * len(taken) / len(labels)
        assert abs(int((array[taken] == label).sum()) - share) <= len(set(labels)) / 2 + 1


def test_seed_and_dataset_decide() -> None:
    labels = dataset(300).train.labels
    order = stratified_order(labels, 0, "a")
    assert np.array_equal(order, stratified_order(labels, 0, "a"))
    assert not np.array_equal(order, stratified_order(labels, 1, "a"))
    assert not np.array_equal(order, stratified_order(labels, 0, "b"))


def test_the_order_is_pinned() -> None:
    """Shipped checkpoints were trained on these splits: they must never move."""
    labels = np.arange(20) % 3
    assert stratified_order(labels, 0, "pinned").tolist() == PINNED


PINNED = [9, 7, 14, 3, 4, 11, 18, 19, 8, 15, 16, 2, 6, 10, 5, 1, 12, 17, 13, 0]


def test_a_dataset_keeps_its_own_test_split() -> None:
    splits = split_dataset(
        dataset(60, test=25),
        seed=0,
        validation=10,
        calibration=5,
        test=None,
        normalisation=IDENTITY,
        size=(4, 4),
    )
    assert [len(s) for s in (splits.train, splits.calibration, splits.validation, splits.test)] == [
        45,
        5,
        10,
        25,
    ]
    assert splits.test.indices.tolist() == list(range(25))
    assert splits.test.store is not splits.train.store
    assert splits.test.sha256() != splits.validation.sha256()


@pytest.mark.parametrize(
    ("own_test", "asked", "count", "message"),
    [
        (None, None, 100, "has no test split"),
        (10, 10, 100, "has its own test split"),
        (None, 10, 30, "30 images to divide, 30 are set aside"),
    ],
)
def test_misfitting_datasets_are_refused(
    own_test: int | None, asked: int | None, count: int, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        split_dataset(
            dataset(count, test=own_test),
            seed=0,
            validation=10,
            calibration=10,
            test=asked,
            normalisation=IDENTITY,
            size=(4, 4),
        )


def test_images_are_normalised_resized_and_batched() -> None:
    splits = split_dataset(
        open_digits(),
        seed=0,
        validation=10,
        calibration=10,
        test=10,
        normalisation=Normalisation((0.25,), (0.5,)),
        size=(32, 32),
    )
    split = splits.test
    pixels, images = split.pixels(), split.images()
    assert pixels.shape == (10, 1, 32, 32)
    assert images.dtype == np.float32
    assert np.allclose(images, (pixels / 255 - 0.25) / 0.5, atol=1e-6)
    assert np.array_equal(split.images(3, 5), images[3:5])
    batches = list(split.batches(4))
    assert [len(labels) for _, labels in batches] == [4, 4, 2]
    assert np.array_equal(np.concatenate([part for part, _ in batches]), images)
    # Bilinear interpolation between pixel centres, the border repeated.
    original = split.store.read(split.indices).astype(float)
    centres = np.clip((np.arange(32) + 0.5) / 4 - 0.5, 0, 7)
    weights = np.maximum(0, 1 - np.abs(centres[:, None] - np.arange(8)))
    expected = weights @ original @ weights.T
    assert np.abs(pixels - expected).max() <= 1


def test_digits_are_the_seventeen_grey_levels() -> None:
    digits = open_digits()
    pixels = digits.train.store.read(np.arange(len(digits.train)))
    assert pixels.shape == (1797, 1, 8, 8)
    assert np.unique(pixels).tolist() == [round(level * 255 / 16) for level in range(17)]
    assert digits.class_names == tuple("0123456789")
    assert np.bincount(digits.train.labels).min() > 170
