"""A layer's inputs in the order of its matrix's rows (im2col), in torch, in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from torch import Tensor

from harness.operators.backend.torch_backend import pad_map
from harness.operators.matrix import MatrixForm
from harness.operators.window import Window

PIECE_PIXELS: Final = 512  # of one piece: a CPU's cache holds them with a row block's weights


def patch_pieces(form: MatrixForm, maps: Tensor) -> Iterator[Tensor]:
    """The inputs of a layer's output pixels, [pixels, K] each, in raster order.

    Rows of a convolution's matrix are in the order (ky, kx, channel), so any row block is a range
    of columns here.  On a GPU there is one piece.
    """
    if form.window is None:
        yield maps.reshape(maps.shape[0], -1)
        return
    windows = _windows(form.window, maps)
    images, oh, ow = windows.shape[:3]
    lines = max(1, PIECE_PIXELS // ow) if maps.device.type == "cpu" else images * oh
    together = max(1, lines // oh)
    for image in range(0, images, together):
        for line in range(0, oh, lines):
            piece = windows[image : image + together, line : line + lines]
            yield piece.reshape(-1, windows[0, 0, 0].numel())


def as_map(form: MatrixForm, pixels: Tensor, maps: Tensor) -> Tensor:
    """What a layer makes of ``maps``: its outputs ``pixels`` [n * oh * ow, columns] as a map."""
    if form.window is None:
        return pixels
    oh, ow = form.window.output_size(*maps.shape[1:3])
    return pixels.view(-1, oh, ow, pixels.shape[1])


def as_pixels(maps: Tensor) -> Tensor:
    """``maps`` [n, oh, ow, columns] as [n * oh * ow, columns]."""
    return maps.reshape(-1, maps.shape[-1])


def _windows(window: Window, maps: Tensor) -> Tensor:
    """A view [n, oh, ow, kh, kw, c] of all windows over ``maps`` [n, h, w, c]."""
    padded = pad_map(maps, window.pads)
    sizes = window.output_size(*maps.shape[1:3])
    return padded.as_strided(
        (len(padded), *sizes, *window.kernel, padded.shape[3]), window.strides(*padded.stride())
    )
