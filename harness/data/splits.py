"""Disjoint train, calibration, validation and test parts of a dataset, fixed by a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from harness.data.images import Dataset, Indices, LabelledImages, Labels, Pixels, PixelStore
from harness.digest import sha256_of
from harness.errors import DataError


@dataclass(frozen=True)
class Normalisation:
    """``(pixel / 255 - mean) / deviation``, one value for each channel."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def apply(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """uint8 [n, c, h, w] to float32 of the same shape."""
        mean = np.array(self.mean, np.float32)[:, None, None]
        deviation = np.array(self.deviation, np.float32)[:, None, None]
        return (pixels.astype(np.float32) / np.float32(255.0) - mean) / deviation


@dataclass(frozen=True, eq=False)
class Split:
    """One part of a dataset; images are read, resized and normalised on demand.

    ``indices`` point into the store; ``labels`` belong to them, in the same order.
    ``size`` is the height and width that images are given (bilinear) if they differ.
    """

    name: str
    store: PixelStore
    indices: Indices
    labels: Labels
    normalisation: Normalisation
    size: tuple[int, int]

    def __len__(self) -> int:
        return len(self.indices)

    def pixels(self, start: int = 0, stop: int | None = None) -> Pixels:
        """Images ``start`` to ``stop`` as uint8 [n, c, h, w]."""
        return _resize(self.store.read(self.indices[start:stop]), self.size)

    def images(self, start: int = 0, stop: int | None = None) -> npt.NDArray[np.float32]:
        """Images ``start`` to ``stop`` as the network takes them: float32 [n, c, h, w]."""
        return self.normalisation.apply(self.pixels(start, stop))

    def batches(self, size: int) -> Iterator[tuple[npt.NDArray[np.float32], Labels]]:
        """All images with labels, ``size`` at a time, in order."""
        for start in range(0, len(self), size):
            yield self.images(start, start + size), self.labels[start : start + size]

    def sha256(self) -> str:
        """Identifies the images: a hash over indices and labels."""
        return sha256_of(self.indices.astype("<i8").tobytes(), self.labels.astype("<i8").tobytes())


@dataclass(frozen=True, eq=False)
class DatasetSplits:
    """The four splits; no image is in two of them."""

    dataset: str
    source: str
    source_sha256: str
    class_names: tuple[str, ...]
    train: Split
    calibration: Split
    validation: Split
    test: Split


def _resize(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    if pixels.shape[2:] == size:
        return pixels
    height, width = size
    count, channels = pixels.shape[:2]
    resized = np.empty((count, channels, height, width), np.uint8)
    for index in range(count):
        for channel in range(channels):
            # uint8 in and out: Pillow interpolates in fixed point, alike on every machine.
            image = Image.fromarray(pixels[index, channel])
            scaled = image.resize((width, height), Image.Resampling.BILINEAR)
            resized[index, channel] = np.asarray(scaled, np.uint8)
    return resized


def stratified_order(labels: Labels, seed: int, salt: str) -> Indices:
    """A permutation of all images whose every prefix has the classes in proportion.

    Within a class the order is random, drawn from Philox keyed by seed and ``salt``.
    """
    key = np.frombuffer(hashlib.sha256(f"{seed}:{salt}".encode()).digest()[:16], dtype="<u8")
    # Raw draws and stable sorts only: their results never change between numpy versions.
    draws = np.random.Philox(key=key).random_raw(len(labels))
    position = np.empty(len(labels), np.float64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        shuffled = members[np.argsort(draws[members], kind="stable")]
        position[shuffled] = (np.arange(len(members)) + 0.5) / len(members)
    return np.lexsort((draws, position)).astype(np.int64)


def split_dataset(
    dataset: Dataset,
    *,
    seed: int,
    validation: int,
    calibration: int,
    test: int | None,
    normalisation: Normalisation,
    size: tuple[int, int],
) -> DatasetSplits:
    """Cut ``dataset`` into four disjoint parts, stratified by class.

    Args:
        seed: The seed of the division; with the dataset's name it determines every image's split.
        validation: Number of images for choosing epochs and mappings.
        calibration: Number of images for quantization ranges; never trained on.
        test: Number of test images where the dataset has no test split of its own; None
            says that it has one.
        size: Height and width that the network takes.

    Raises:
        DataError: The dataset has too few images, or lacks (or has) a test split.
    """
    if (dataset.test is None) != (test is not None):
        has = "no" if dataset.test is None else "its own"
        raise DataError(
            f"the dataset has {has} test split, which is not what was expected",
            where=dataset.source,
            hint="give the dataset in its usual layout, training and test images together",
        )
    order = stratified_order(dataset.train.labels, seed, dataset.name)
    counts = (0 if test is None else test, validation, calibration)
    if sum(counts) >= len(order):
        raise DataError(
            f"the dataset has {len(order)} images to divide, {sum(counts)} are set aside",
            where=dataset.source,
            hint="give the whole dataset",
        )
    tested, validated, calibrated, trained = np.split(order, np.cumsum(counts))

    def part(name: str, images: LabelledImages, indices: Indices) -> Split:
        ordered = np.sort(indices) if name == "train" else indices
        return Split(name, images.store, ordered, images.labels[ordered], normalisation, size)

    if dataset.test is None:
        test_split = part("test", dataset.train, tested)
    else:
        test_split = part("test", dataset.test, np.arange(len(dataset.test), dtype=np.int64))
    return DatasetSplits(
        dataset=dataset.name,
        source=dataset.source,
        source_sha256=dataset.sha256,
        class_names=dataset.class_names,
        train=part("train", dataset.train, trained),
        calibration=part("calibration", dataset.train, calibrated),
        validation=part("validation", dataset.train, validated),
        test=test_split,
    )
