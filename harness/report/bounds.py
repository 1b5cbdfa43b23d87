"""Times of a run's analog layers over their bounds (`harness/placement/bounds.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from statistics import fmean

from harness.config.schema import SystemConfig
from harness.errors import StatsError
from harness.placement.bounds import AnalogBound, matrix_bound
from harness.report.comparison import AnalogLayerInfo, Comparison
from harness.stats.summary import LayerSummary


def analog_bound(layer: AnalogLayerInfo, pixels: int, system: SystemConfig) -> AnalogBound:
    """The bound of a layer of ``pixels`` output pixels, which its copies share.

    Raises:
        StatsError: The number of tiles does not fit the matrix.
    """
    tile = system.tile
    blocks = _blocks(layer, system)
    fits = layer.tiles < blocks <= layer.tiles * layer.parts
    if not (fits if layer.parts > 1 else blocks * layer.copies == layer.tiles):
        copies = f" {layer.copies} times" if layer.copies != 1 else ""
        raise StatsError(
            f"{layer.tiles} tiles for {layer.rows} x {layer.columns}{copies} on tiles of "
            f"{tile.rows} x {tile.columns}",
            where=layer.name,
        )
    return matrix_bound(
        layer.rows, layer.columns, pixels, system, copies=layer.copies, parts=layer.parts
    )


def _blocks(layer: AnalogLayerInfo, system: SystemConfig) -> int:
    """Blocks of one copy of the matrix."""
    return ceil(layer.rows / system.tile.rows) * ceil(layer.columns / system.tile.columns)


def layer_bound(comparison: Comparison, layer: LayerSummary) -> AnalogBound | None:
    """The bound of a layer of the mapped program; None for a layer without MVMs."""
    if comparison.plan is None or layer.unit != "analog":
        return None
    infos = {info.name: info for info in comparison.plan.analog_layers}
    info = infos.get(layer.name)
    if info is None:
        return None  # the programming of a layer's tiles
    system = comparison.config.system
    multiplied = layer.visits // info.parts * _blocks(info, system)
    return analog_bound(info, layer.events["tile_mvms"] // multiplied, system)


@dataclass(frozen=True)
class BoundRatios:
    """Ratios of the analog layers' times to their bounds."""

    mean: float  # of each layer's time over its bound
    overall: float  # their times together over their bounds together
    serial_mean: float  # of each layer's time over its serial bound


def bound_ratios(comparison: Comparison) -> BoundRatios | None:
    """Time over bound of the mapped program's analog layers; None without any."""
    if comparison.mapped is None:
        return None
    pairs = [
        (layer.time_ns, bound)
        for layer in comparison.mapped.layers
        if (bound := layer_bound(comparison, layer)) is not None and bound.time_ns > 0
    ]
    if not pairs:
        return None
    together_ns = sum(time_ns for time_ns, _ in pairs)
    return BoundRatios(
        mean=fmean(time_ns / bound.time_ns for time_ns, bound in pairs),
        overall=together_ns / sum(bound.time_ns for _, bound in pairs),
        serial_mean=fmean(time_ns / bound.serial_ns for time_ns, bound in pairs),
    )
