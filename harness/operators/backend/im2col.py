"""Sliding windows over NHWC feature maps, a bounded piece at a time (im2col)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.operators.tensor import Pads
from harness.operators.window import Window

PIECE_BYTES = 8 << 20


def pad_map(maps: npt.NDArray[Any], pads: Pads, value: int | float) -> npt.NDArray[Any]:
    """``maps`` [n, h, w, c] with a constant border."""
    if not any(pads):
        return maps
    top, left, bottom, right = pads
    n, h, w, c = maps.shape
    padded = np.full((n, h + top + bottom, w + left + right, c), value, maps.dtype)
    padded[:, top : top + h, left : left + w] = maps
    return padded


def window_view(
    maps: npt.NDArray[Any], window: Window, pad_value: int | float = 0
) -> npt.NDArray[Any]:
    """A read-only view [n, oh, ow, kh, kw, c] of all windows over ``maps`` [n, h, w, c]."""
    n, h, w, c = maps.shape
    oh, ow = window.output_size(h, w)
    padded = np.ascontiguousarray(pad_map(maps, window.pads, pad_value))
    return np.lib.stride_tricks.as_strided(
        padded,
        (n, oh, ow, *window.kernel, c),
        window.strides(*padded.strides),
        writeable=False,
    )


def patch_pieces(
    maps: npt.NDArray[Any], window: Window
) -> Iterator[tuple[slice, npt.NDArray[Any]]]:
    """Patches of all output pixels, zero-padded, in raster order and bounded pieces.

    Yields:
        The slice of flattened output pixels (image, row, column) and their patches
        [pixels, kh * kw * c], elements in (ky, kx, channel) order.
    """
    view = window_view(maps, window)
    n, oh, ow, kh, kw, c = view.shape
    length = kh * kw * c
    row_bytes = max(1, ow * length * maps.itemsize)
    rows = max(1, PIECE_BYTES // row_bytes)
    images = max(1, rows // oh)
    if rows >= oh:
        rows = oh
    for i in range(0, n, images):
        for y in range(0, oh, rows):
            piece = view[i : i + images, y : y + rows].reshape(-1, length)
            start = (i * oh + y) * ow
            yield slice(start, start + piece.shape[0]), piece
