"""A layer's inputs as the rows of its matrix count them (im2col), in torch, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from torch import Tensor

from harness.accuracy.evaluate_digital import flatten, pad_map
from harness.placement.analog import conv_window
from harness.quant.program import QConv, QDense

PIECE_PIXELS: Final = 512  # of one piece: a CPU's cache holds them with a row block's weights


def patch_pieces(node: QConv | QDense, maps: Tensor) -> Iterator[Tensor]:
    """The inputs of ``node``'s output pixels, [pixels, K] each, in raster order.

    Rows of a convolution's matrix are counted (ky, kx, channel), so that a row block is a range of
    columns here, wherever it starts and ends.  On a GPU one piece has all.
    """
    if isinstance(node, QDense):
        yield flatten(maps)
        return
    windows = _windows(node, maps)
    images, oh, ow = windows.shape[:3]
    lines = max(1, PIECE_PIXELS // ow) if maps.device.type == "cpu" else images * oh
    together = max(1, lines // oh)
    for image in range(0, images, together):
        for line in range(0, oh, lines):
            piece = windows[image : image + together, line : line + lines]
            yield piece.reshape(-1, windows[0, 0, 0].numel())


def as_map(node: QConv | QDense, pixels: Tensor, maps: Tensor) -> Tensor:
    """What ``node`` makes of ``maps``: its outputs ``pixels`` [n * oh * ow, columns] as a map."""
    if isinstance(node, QDense):
        return pixels
    oh, ow = conv_window(node).output_size(*maps.shape[2:])
    return pixels.view(-1, oh, ow, pixels.shape[1]).permute(0, 3, 1, 2)


def as_pixels(maps: Tensor) -> Tensor:
    """``maps`` [n, columns, oh, ow] as [n * oh * ow, columns]."""
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])


def _windows(node: QConv, maps: Tensor) -> Tensor:
    """A view [n, oh, ow, kh, kw, c] of all windows over ``maps`` [n, c, h, w]."""
    window = conv_window(node)
    padded = pad_map(maps, node.pads).permute(0, 2, 3, 1)
    sizes = window.output_size(*maps.shape[2:])
    return padded.as_strided(
        (len(padded), *sizes, *window.kernel, padded.shape[3]), window.strides(*padded.stride())
    )
