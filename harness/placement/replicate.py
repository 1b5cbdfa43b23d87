"""Copies of slow layers on spare tiles, which share the layers' output pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from math import prod

import numpy as np

from harness.config.schema import SystemConfig, TileConfig
from harness.operators.tensor import Pair
from harness.placement.layer_time import layer_time_ns
from harness.placement.plan import AnalogLayer, Copy

PS_PER_NS = 1000


@dataclass(frozen=True)
class Option:
    """A number of copies, and the layer's time with it."""

    copies: int
    time_ps: int


def replicate(
    layers: Mapping[str, AnalogLayer],
    out_sizes: Mapping[str, Pair],
    used: int,
    system: SystemConfig,
) -> tuple[dict[str, AnalogLayer], int]:
    """Put copies on tiles from ``used`` on such that the sum of the layers' times is least.

    Args:
        layers: By name, in the network's order, on tiles below ``used``.
        out_sizes: Height and width of each layer's output map.

    Returns:
        The layers with their copies, and the number of tiles in use.
    """
    spare = system.tiles - used
    options = [options_of(layer, out_sizes[name], spare, system) for name, layer in layers.items()]
    chosen = choose_copies(options, [len(layer.blocks) for layer in layers.values()], spare)
    placed: dict[str, AnalogLayer] = {}
    for (name, layer), copies in zip(layers.items(), chosen, strict=True):
        if copies > 1:
            extra = range(used, used + (copies - 1) * len(layer.blocks), len(layer.blocks))
            tiles = (layer.blocks[0].tile, *extra)
            used += (copies - 1) * len(layer.blocks)
            layer = replace(layer, copies=share_pixels(out_sizes[name], tiles, system.tile))
        placed[name] = layer
    return placed, used


def share_pixels(out_size: Pair, first_tiles: Sequence[int], tile: TileConfig) -> tuple[Copy, ...]:
    """The pixels of an ``out_size`` map that the copy on each of ``first_tiles`` computes.

    By programmed I/O the copies take the pixels in turn.  By DMA a copy computes consecutive rows,
    as one descriptor can (consecutive pixels of a single row), and no copy computes more than the
    one before.
    """
    copies, pixels = len(first_tiles), prod(out_size)
    if tile.io == "pio":
        return tuple(
            Copy(number, first, copies, -(-(pixels - first) // copies))
            for first, number in enumerate(first_tiles)
        )
    width = pixels // shares(out_size, tile)
    units, more = divmod(pixels // width, copies)
    sizes = [width * (units + (i < more)) for i in range(copies)]
    return tuple(
        Copy(number, end - size, 1, size)
        for number, size, end in zip(first_tiles, sizes, accumulate(sizes), strict=True)
    )


def shares(out_size: Pair, tile: TileConfig) -> int:
    """The largest number of copies that can share the pixels."""
    height, _ = out_size
    return height if tile.io == "dma" and height > 1 else prod(out_size)


def options_of(
    layer: AnalogLayer, out_size: Pair, spare: int, system: SystemConfig
) -> list[Option]:
    """Numbers of copies that fit, from 1 on, each faster than those before."""
    pieces, pixels = shares(out_size, system.tile), prod(out_size)
    most_copies = min(pieces, spare // len(layer.blocks) + 1)
    options: list[Option] = []
    for copies in range(1, most_copies + 1):
        own = -(-pieces // copies) * (pixels // pieces)
        time_ns = layer_time_ns(layer.rows, layer.columns, pixels, own, copies, system)
        option = Option(copies, round(time_ns * PS_PER_NS))
        if not options or option.time_ps < options[-1].time_ps:
            options.append(option)
    return options


def choose_copies(
    options: Sequence[Sequence[Option]], blocks: Sequence[int], spare: int
) -> list[int]:
    """Each layer's number of copies: the least sum of times, then the fewest tiles.

    Args:
        options: Of each layer, one copy first.
        blocks: Tiles of one copy of each layer.
        spare: Tiles for further copies.
    """
    saved = np.zeros(spare + 1, np.int64)  # with so many tiles at most
    picks: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    for layer_options, tiles in zip(options, blocks, strict=True):
        best, pick = saved.copy(), np.ones(spare + 1, np.int64)
        for option in layer_options[1:]:
            cost = (option.copies - 1) * tiles
            if cost > spare:
                continue
            candidate = saved[: spare + 1 - cost] + (layer_options[0].time_ps - option.time_ps)
            better = candidate > best[cost:]
            best[cost:][better] = candidate[better]
            pick[cost:][better] = option.copies
        saved = best
        picks.append(pick)
    left = int(np.argmax(saved == saved[-1]))
    chosen = []
    for pick, tiles in zip(reversed(picks), reversed(blocks), strict=True):
        copies = int(pick[left])
        chosen.append(copies)
        left -= (copies - 1) * tiles
    return chosen[::-1]
