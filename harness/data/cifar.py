"""CIFAR-10 (Krizhevsky 2009) as its author distributes it: python and binary version.

Both have five training files of 10,000 images and one test file; an image is 3072 bytes,
[3, 32, 32].  Fewer images in a file are accepted, so that excerpts can be used.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from harness.budget import CIFAR_FILE_BYTES
from harness.data.cifar_pickle import parse_python_batch
from harness.data.images import ArrayStore, Dataset, LabelledImages, Pixels, checked_labels
from harness.digest import sha256_of
from harness.errors import DataError
from harness.reading import read_regular

CLASS_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)

_IMAGE_SHAPE = (3, 32, 32)
_IMAGE_BYTES = 3 * 32 * 32
_PYTHON_FILES = (*(f"data_batch_{index}" for index in range(1, 6)), "test_batch")
_BINARY_FILES = tuple(f"{name}.bin" for name in _PYTHON_FILES)


def is_python_folder(folder: Path) -> bool:
    """Whether any file of the python version is there."""
    return any((folder / name).is_file() for name in _PYTHON_FILES)


def is_binary_folder(folder: Path) -> bool:
    """Whether any file of the binary version is there."""
    return any((folder / name).is_file() for name in _BINARY_FILES)


def open_python(folder: Path) -> Dataset:
    """The python version (``data_batch_1`` to ``5`` and ``test_batch``).

    The files are pickles; they are parsed for exactly this content and never unpickled.

    Raises:
        DataError: A file is missing, truncated, or anything but such a batch.
    """
    files = [_read(folder / name) for name in _PYTHON_FILES]
    return _dataset(folder, files, [_python_images(data, path) for data, path in files])


def open_binary(folder: Path) -> Dataset:
    """The binary version (``data_batch_1.bin`` to ``5`` and ``test_batch.bin``).

    Raises:
        DataError: A file is missing, truncated, or has labels beyond 9.
    """
    files = [_read(folder / name) for name in _BINARY_FILES]
    return _dataset(folder, files, [_binary_images(data, path) for data, path in files])


def _read(path: Path) -> tuple[bytes, Path]:
    try:
        return read_regular(path, CIFAR_FILE_BYTES), path
    except OSError as error:
        raise DataError(
            f"cannot read the file: {error.strerror}",
            where=str(path),
            hint="CIFAR-10 has five training files and one test file; extract it again",
        ) from error


def _python_images(data: bytes, path: Path) -> LabelledImages:
    pixels, labels = parse_python_batch(data, str(path))
    if pixels.shape[1:] != (_IMAGE_BYTES,):
        raise DataError(f"data is {list(pixels.shape)}, not [n, {_IMAGE_BYTES}]", where=str(path))
    return _images(pixels, np.asarray(labels, np.int64), path)


def _binary_images(data: bytes, path: Path) -> LabelledImages:
    record = _IMAGE_BYTES + 1
    if not data or len(data) % record:
        raise DataError(
            f"the file has {len(data)} bytes, not a multiple of {record}",
            where=str(path),
            hint="it is truncated, or not CIFAR-10; extract it again",
        )
    records = np.frombuffer(data, np.uint8).reshape(-1, record)
    return _images(np.ascontiguousarray(records[:, 1:]), records[:, 0], path)


def _images(
    pixels: Pixels, labels: np.ndarray[tuple[int, ...], np.dtype[np.generic]], path: Path
) -> LabelledImages:
    checked = checked_labels(labels, len(pixels), len(CLASS_NAMES), str(path))
    return LabelledImages(ArrayStore(pixels.reshape(-1, *_IMAGE_SHAPE)), checked)


def _dataset(folder: Path, files: list[tuple[bytes, Path]], parts: list[LabelledImages]) -> Dataset:
    digest = sha256_of(*(data for data, _ in files))
    pixels = [part.store.read(np.arange(len(part), dtype=np.int64)) for part in parts[:-1]]
    labels = [part.labels for part in parts[:-1]]
    train = LabelledImages(ArrayStore(np.concatenate(pixels)), np.concatenate(labels))
    return Dataset("cifar10", str(folder), digest, CLASS_NAMES, train, parts[-1])
