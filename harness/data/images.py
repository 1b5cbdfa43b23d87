"""Images and labels as datasets hold them: uint8, NCHW, read on demand."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from harness.budget import DATASET_BYTES, IMAGE_SCANS, IMAGE_SIDE
from harness.errors import DataError

Pixels: TypeAlias = npt.NDArray[np.uint8]  # [n, channels, height, width]
Indices: TypeAlias = npt.NDArray[np.int64]
Labels: TypeAlias = npt.NDArray[np.int64]


class PixelStore(Protocol):
    """A sequence of images of one size."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""

    def __len__(self) -> int: ...

    def read(self, indices: Indices) -> Pixels:
        """The images at ``indices``, in that order; DataError where one is damaged."""


@dataclass(frozen=True, eq=False)
class ArrayStore:
    """Images in memory."""

    pixels: Pixels

    @property
    def image_shape(self) -> tuple[int, int, int]:
        _, channels, height, width = self.pixels.shape
        return channels, height, width

    def __len__(self) -> int:
        return int(self.pixels.shape[0])

    def read(self, indices: Indices) -> Pixels:
        return self.pixels[indices]


@dataclass(frozen=True, eq=False)
class JpegStore:
    """Concatenated JPEG files; file i is ``data[offsets[i]:offsets[i + 1]]``.

    ``offsets`` must be ascending and within ``data``.  Images are decoded as RGB.
    """

    data: Pixels  # [bytes]
    offsets: Indices  # [n + 1]
    height: int
    width: int
    source: Path

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return 3, self.height, self.width

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def read(self, indices: Indices) -> Pixels:
        size = len(indices) * math.prod(self.image_shape)
        if size > DATASET_BYTES:
            raise DataError(
                f"{len(indices)} images of {self.height}x{self.width} take {size} bytes decoded, "
                f"more than {DATASET_BYTES}",
                where=str(self.source),
                hint="use fewer or smaller images",
            )
        pixels = np.empty((len(indices), *self.image_shape), np.uint8)
        for row, index in enumerate(indices):
            encoded = self.data[self.offsets[index] : self.offsets[index + 1]].tobytes()
            image = decode_jpeg(encoded, f"{self.source}: image {index}")
            if image.shape != self.image_shape:
                raise DataError(
                    f"the image is {image.shape[1]}x{image.shape[2]}, "
                    f"the first one {self.height}x{self.width}",
                    where=f"{self.source}: image {index}",
                    hint="all images of a dataset must be of one size",
                )
            pixels[row] = image
        return pixels


_START_OF_SCAN = b"\xff\xda"


def decode_jpeg(encoded: bytes, where: str) -> Pixels:
    """One JPEG file as [3, height, width].

    Raises:
        DataError: It is not a JPEG, is truncated, or is unreasonably large.
    """
    scans = encoded.count(_START_OF_SCAN)
    if scans > IMAGE_SCANS:
        raise DataError(f"the JPEG file passes over its image {scans} times", where=where)
    try:
        with Image.open(io.BytesIO(encoded), formats=["JPEG"]) as image:
            if max(image.size) > IMAGE_SIDE:
                raise DataError(
                    f"the image is {image.height}x{image.width}",
                    where=where,
                    hint=f"at most {IMAGE_SIDE} pixels a side",
                )
            rgb = np.asarray(image.convert("RGB"), dtype=np.uint8)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(
            "not a readable JPEG file", where=where, hint="fetch the dataset again"
        ) from error
    return np.ascontiguousarray(rgb.transpose(2, 0, 1))


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Images and their labels (indices into the dataset's class names)."""

    store: PixelStore
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Dataset:
    """The content of a dataset's files.

    ``test`` is the dataset's own test split, or None if it has none.  ``sha256`` is over
    the files' bytes in the order in which they are read.
    """

    name: str
    source: str
    sha256: str
    class_names: tuple[str, ...]
    train: LabelledImages
    test: LabelledImages | None


def checked_labels(labels: npt.NDArray[np.generic], count: int, classes: int, where: str) -> Labels:
    """Labels as int64 [``count``]; a column [``count``, 1], as Keras has them, is taken too.

    Raises:
        DataError: Not ``count`` integers in [0, ``classes``); names the first that is not one.
    """
    flat = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if flat.dtype.kind not in "iu" or flat.shape != (count,):
        raise DataError(
            f"labels are {labels.dtype} {list(labels.shape)}",
            where=where,
            hint=f"they must be {count} integers, the class of each image",
        )
    # Of all labels only uint64 beyond int64 change here, to negative ones.
    values: Labels = flat.astype(np.int64)
    outside = np.flatnonzero((values < 0) | (values >= classes))
    if len(outside):
        first = int(outside[0])
        raise DataError(
            f"label {first} is {flat[first]}, the classes are 0 to {classes - 1} "
            f"({len(outside)} of {count} labels are no class)",
            where=where,
            hint="count the classes from 0, in the order of the network's outputs",
        )
    return values
