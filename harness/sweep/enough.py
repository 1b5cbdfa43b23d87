"""The number of tiles with which no layer stays digital for lack of tiles."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from harness.config.schema import Config, TileConfig
from harness.mapping.file_format import read_mapping_file
from harness.model.load import load_model
from harness.model.summary import summarize_model
from harness.placement.cut import tiles_needed

Matrix: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class NetworkSize:
    """A network's multiply-accumulates, and by layer the matrices that tiles can hold."""

    macs: int
    matrices: Mapping[str, Matrix]


@functools.lru_cache(maxsize=64)
def network_size(model: str, input_size: int | None) -> NetworkSize:
    """The size of the network ``model``.

    Raises:
        HarnessError: It cannot be read.
    """
    summary = summarize_model(load_model(model, input_size=input_size))
    matrices = {
        layer.name: layer.matrix
        for layer in summary.layers
        if layer.matrix is not None and layer.groups == 1
    }
    return NetworkSize(summary.macs, matrices)


def enough_tiles(config: Config, *, most: int) -> int:
    """Tiles that all analog layers of the mapping of ``config`` need; at most ``most``.

    Raises:
        HarnessError: The network or the mapping cannot be read.
    """
    run = config.run
    if run.mapping == "digital":
        return 0
    matrices = network_size(run.model, run.input_size).matrices
    if run.mapping.endswith(".json"):
        units = read_mapping_file(Path(run.mapping)).layers
        matrices = {name: m for name, m in matrices.items() if units.get(name) == "analog"}
    return min(most, _tiles(matrices, config.system.tile))


def _tiles(matrices: Mapping[str, Matrix], tile: TileConfig) -> int:
    return sum(tiles_needed(rows, columns, tile) for rows, columns in matrices.values())
