"""How many values of a map a sliding window covers."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from harness.operators.tensor import Int32Array
from harness.operators.window import Window


@lru_cache(maxsize=256)
def window_counts(height: int, width: int, window: Window, include_pad: bool) -> Int32Array:
    """How many elements divide the sum of each window, [oh, ow].

    Args:
        include_pad: Count all of a window; otherwise what lies inside the map.
    """
    sizes = window.output_size(height, width)
    if include_pad:
        counts = np.full(sizes, window.kernel[0] * window.kernel[1], np.int32)
    else:
        lengths = (
            _inside(size, outputs, window.kernel[axis], window.stride[axis], window.pads[axis])
            for axis, (size, outputs) in enumerate(zip((height, width), sizes, strict=True))
        )
        counts = np.outer(*lengths).astype(np.int32)
    counts.setflags(write=False)
    return counts


def _inside(size: int, outputs: int, kernel: int, stride: int, before: int) -> Int32Array:
    """Along one axis, for each output, the inputs of its window that lie inside ``size``."""
    first = np.arange(outputs) * stride - before
    return np.minimum(first + kernel, size) - np.maximum(first, 0)
