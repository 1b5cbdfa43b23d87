"""Sliding windows over NHWC feature maps, a bounded piece at a time (im2col)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.quant.program import Pads, Pair

PIECE_BYTES = 8 << 20


@dataclass(frozen=True)
class Window:
    """Geometry of a sliding window; ``pads`` is (top, left, bottom, right)."""

    kernel: Pair
    stride: Pair
    pads: Pads
    dilation: Pair = (1, 1)

    def output_size(self, height: int, width: int) -> Pair:
        """Rows and columns of output pixels over a (height, width) map.

        Raises:
            ValueError: The window is larger than the padded map.
        """
        sizes = []
        for axis, size in enumerate((height, width)):
            extent = (self.kernel[axis] - 1) * self.dilation[axis] + 1
            padded = size + self.pads[axis] + self.pads[axis + 2]
            if padded < extent:
                raise ValueError(f"window of {extent} over {padded} padded pixels")
            sizes.append((padded - extent) // self.stride[axis] + 1)
        return sizes[0], sizes[1]

    def strides(
        self, image: int, line: int, pixel: int, channel: int
    ) -> tuple[int, int, int, int, int, int]:
        """Of a view [n, oh, ow, kh, kw, c], from those of padded maps [n, h, w, c]."""
        return (
            image,
            line * self.stride[0],
            pixel * self.stride[1],
            line * self.dilation[0],
            pixel * self.dilation[1],
            channel,
        )


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
