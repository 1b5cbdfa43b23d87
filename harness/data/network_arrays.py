"""A user's own arrays for a network (.npz): images as it takes them, and labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from harness.data.npz import Arrays
from harness.errors import DataError

FloatArray: TypeAlias = npt.NDArray[np.float32]

_LAYOUTS: Final = (  # images, labels, images for calibration
    ("images", "labels", ""),
    ("test_images", "test_labels", "train_images"),
    ("x_test", "y_test", "x_train"),
)
_NAMES: Final = "; or ".join(" and ".join(layout[:2]) for layout in _LAYOUTS)


@dataclass(frozen=True, eq=False)
class NetworkArrays:
    """What the archive holds: images [n, *input shape], labels as they are stored or None.

    ``calibration`` are images beside the tested ones, or None.  ``labels_name`` is what the
    archive calls the labels; ``remark`` says what was converted, for people.
    """

    images: FloatArray
    labels: npt.NDArray[np.generic] | None
    calibration: FloatArray | None
    labels_name: str
    remark: str


def holds_pixels(arrays: Arrays, *, known: bool) -> bool:
    """Whether the archive has a dataset's pixels, which must be preprocessed first.

    Args:
        known: The archive has the name of a dataset whose preprocessing is known.
    """
    names = [name for layout in _LAYOUTS for name in (layout[0], layout[2]) if name in arrays]
    return "train_jpeg" in arrays or (
        known and bool(names) and all(arrays[name].dtype == np.uint8 for name in names)
    )


def network_arrays(arrays: Arrays, shape: tuple[int, ...], path: Path) -> NetworkArrays:
    """``images`` and ``labels`` of the archive ``path``, or what Keras calls them.

    Args:
        arrays: Its content.
        shape: Of one image as the network takes it: (c, h, w) or (features,).

    Raises:
        DataError: There are no images of this shape, or values that are not finite.
    """
    layout = next((layout for layout in _LAYOUTS if layout[0] in arrays), None)
    if layout is None:
        raise DataError(
            f"no images in the archive; it has: {', '.join(sorted(arrays)) or 'nothing'}",
            where=str(path),
            hint=f"name the arrays {_NAMES}",
        )
    images_name, labels_name, calibration_name = layout
    stored = arrays[images_name]
    calibration = None
    if calibration_name in arrays:
        calibration = _images(arrays, calibration_name, shape, path)
    return NetworkArrays(
        images=_images(arrays, images_name, shape, path),
        labels=arrays.get(labels_name),
        calibration=calibration,
        labels_name=labels_name,
        remark=_remark(stored, shape),
    )


def _images(arrays: Arrays, name: str, shape: tuple[int, ...], path: Path) -> FloatArray:
    stored, where = arrays[name], f"{path}: {name}"
    if stored.dtype.kind != "f":
        raise DataError(
            f"images are {stored.dtype}: how the network takes such values is not known",
            where=where,
            hint="store them preprocessed as in training, as float32, e.g. "
            "images.astype(numpy.float32) / 255",
        )
    arranged = _arranged(stored, shape)
    if arranged is None:
        raise DataError(
            f"images are {list(stored.shape)}, the network takes [n, {', '.join(map(str, shape))}]",
            where=where,
            hint="store them preprocessed, as the network takes them",
        )
    with np.errstate(over="ignore"):
        images = np.ascontiguousarray(arranged, np.float32)
    finite = np.isfinite(images).all(axis=tuple(range(1, images.ndim)))
    if not finite.all():
        raise DataError(
            f"image {int(np.argmin(finite))} has values that are not finite in float32",
            where=where,
        )
    return images


def _arranged(
    stored: npt.NDArray[np.generic], shape: tuple[int, ...]
) -> npt.NDArray[np.generic] | None:
    """``stored`` as [n, *shape]; None where its order of values cannot be told."""
    found = stored.shape[1:]
    if found == shape:
        return stored
    if len(shape) == 3 and found == (shape[1], shape[2], shape[0]):
        return stored.transpose(0, 3, 1, 2)
    if stored.ndim > 0 and _long(found) == _long(shape):
        return stored.reshape(len(stored), *shape)
    return None


def _long(shape: tuple[int, ...]) -> list[int]:
    """Axes of length 1 do not change the order of values."""
    return [size for size in shape if size != 1]


def _remark(stored: npt.NDArray[np.generic], shape: tuple[int, ...]) -> str:
    parts = []
    if stored.dtype.newbyteorder("=") != np.float32:
        parts.append(f"{stored.dtype.name} rounded to float32")
    if stored.shape[1:] != shape and _long(stored.shape[1:]) != _long(shape):
        parts.append("channels moved to the front")
    return f" ({', '.join(parts)})" if parts else ""
