"""Inputs for networks without a dataset: reproducible noise, the same on every machine."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import numpy.typing as npt

_SUMMANDS = 4  # uniforms summed for a nearly normal value


def synthetic_images(
    shape: tuple[int, ...], count: int, seed: int, salt: str = "input"
) -> npt.NDArray[np.float32]:
    """``count`` arrays of ``shape``: independent values of mean 0 and deviation 1.

    A value is a scaled sum of four 16-bit uniforms (Irwin-Hall), so that neither libm nor
    numpy's version has a say.  Different ``salt`` (for instance calibration and
    evaluation) gives independent arrays.  They say nothing about accuracy.
    """
    key = np.frombuffer(hashlib.sha256(f"{seed}:{salt}".encode()).digest()[:16], dtype="<u8")
    draws = np.random.Philox(key=key).random_raw(count * math.prod(shape))
    total = np.zeros(draws.shape, np.int64)
    for summand in range(_SUMMANDS):
        total += ((draws >> np.uint64(16 * summand)) & np.uint64(0xFFFF)).astype(np.int64)
    centred = (2 * total - _SUMMANDS * 0xFFFF).astype(np.float32)
    deviation = np.float32(2 * 65536 * math.sqrt(_SUMMANDS / 12))
    return (centred / deviation).reshape(count, *shape)
