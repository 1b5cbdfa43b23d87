"""The optical digits that come with scikit-learn: 1797 images of 8x8 in 17 grey levels.

Alpaydin and Kaynak 1998 (UCI machine learning repository), the test part of that dataset.
"""

from __future__ import annotations

import numpy as np

from harness.data.images import ArrayStore, Dataset, LabelledImages
from harness.digest import sha256_of

BUNDLED = "digits"  # the word that names them in place of a path
_LEVELS = 16  # grey levels run from 0 to 16


def open_digits() -> Dataset:
    """The digits as uint8 [1797, 1, 8, 8]; grey level g becomes round(255 g / 16)."""
    from sklearn.datasets import load_digits  # takes a second to import

    bundle = load_digits()
    levels = np.asarray(bundle.images).astype(np.int64)
    pixels = ((levels * 255 * 2 + _LEVELS) // (2 * _LEVELS)).astype(np.uint8)[:, None]
    labels = np.asarray(bundle.target).astype(np.int64)
    digest = sha256_of(pixels.tobytes(), labels.astype("<i8").tobytes())
    return Dataset(
        name=BUNDLED,
        source="scikit-learn",
        sha256=digest,
        class_names=tuple(str(digit) for digit in range(10)),
        train=LabelledImages(ArrayStore(np.ascontiguousarray(pixels)), labels),
        test=None,
    )
