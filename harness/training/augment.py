"""Random shifts and mirroring of a whole batch at once."""

from __future__ import annotations

import torch
from torch import Tensor


def shift_and_flip(
    images: Tensor, shift_pixels: int, flip: bool, generator: torch.Generator
) -> Tensor:
    """Each image of [n, c, h, w] shifted by up to ``shift_pixels`` and perhaps mirrored.

    Shifting is cropping at a random place after padding with zeros.
    """
    count, _, height, width = images.shape
    span = 2 * shift_pixels + 1
    top = torch.randint(span, (count, 1), generator=generator)
    left = torch.randint(span, (count, 1), generator=generator)
    rows = top + torch.arange(height)
    columns = left + torch.arange(width)
    if flip:
        mirrored = torch.rand(count, 1, generator=generator) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    padded = torch.nn.functional.pad(images, (shift_pixels,) * 4)
    # Channels last while indexing, so that one lookup moves a whole pixel.
    pixels = padded.permute(0, 2, 3, 1)
    batch = torch.arange(count)[:, None, None]
    return pixels[batch, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
