"""Which of the layers that the mapping wants analog get tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.config.schema import TileConfig
from harness.errors import PlacementError
from harness.mapping.mapping import Mapping, matrix_layers
from harness.placement.cut import tiles_needed
from harness.quant.macs import node_macs
from harness.quant.program import QConv, QNetwork, QNode

ACCUMULATOR_LIMIT = 1 << 30  # of the summed codes in 1/256; as much is left for the bias
BYTE_FIELD = 255  # window geometry in a tile's DMA descriptor
SHORT_FIELD = 65535
SHOWN_LAYERS = 24


@dataclass(frozen=True)
class Demand:
    """What one layer would take."""

    name: str
    rows: int  # K
    columns: int  # N
    tiles: int
    macs: int
    obstacle: str | None  # why no number of tiles would do


def demands(network: QNetwork, mapping: Mapping, tile: TileConfig) -> list[Demand]:
    """The demand of every layer that ``mapping`` wants analog, in the network's order."""
    matrices = matrix_layers(network)
    wanted = set(mapping.analog)
    return [
        Demand(
            node.name,
            *matrices[node.name],
            tiles_needed(*matrices[node.name], tile),
            node_macs(network, node),
            _obstacle(network, node, matrices[node.name][0], tile),
        )
        for node in network.nodes
        if node.name in wanted
    ]


def select(
    wanted: Sequence[Demand], available: int, *, insists: bool, where: str
) -> tuple[list[Demand], dict[str, str]]:
    """The layers that get tiles, in order, and the others with the reason.

    If there are too few tiles, the layers with the most multiply-accumulates a tile come first,
    and smaller ones fill what is left.

    Raises:
        PlacementError: The mapping insists on a layer that does not fit, or none fits.
    """
    if not wanted:
        return [], {}
    if available == 0:
        raise PlacementError(
            "the system has no tiles",
            where=where,
            hint="use the mapping digital, or a system with system.tiles of 1 or more",
        )
    needed = sum(demand.tiles for demand in wanted)
    if insists:
        _insist(wanted, needed, available, where)
    kept: dict[str, str] = {}
    chosen: set[str] = set()
    left = available
    for demand in sorted(wanted, key=lambda demand: -demand.macs / demand.tiles):
        if demand.obstacle is not None:
            kept[demand.name] = demand.obstacle
        elif demand.tiles > left:
            kept[demand.name] = (
                f"needs {demand.tiles} tiles; {left} of {available} are left after the layers with "
                "more multiply-accumulates a tile"
            )
        else:
            chosen.add(demand.name)
            left -= demand.tiles
    if not chosen:
        raise PlacementError(
            f"no layer fits on {available} tiles: {_listing(wanted)}",
            where=where,
            hint="use more or larger tiles, or the mapping digital",
        )
    order = [demand.name for demand in wanted]
    return (
        [demand for demand in wanted if demand.name in chosen],
        {name: kept[name] for name in order if name in kept},
    )


def _insist(wanted: Sequence[Demand], needed: int, available: int, where: str) -> None:
    for demand in wanted:
        if demand.obstacle is not None:
            raise PlacementError(demand.obstacle, where=f"{where}, layer {demand.name}")
    if needed > available:
        raise PlacementError(
            f"the mapping needs {needed} tiles, the system has {available}: {_listing(wanted)}",
            where=where,
            hint="map fewer layers, or use more (system.tiles) or larger tiles",
        )


def _listing(wanted: Sequence[Demand]) -> str:
    shown = [
        f"{demand.name} ({demand.rows} x {demand.columns}) {demand.tiles}"
        for demand in wanted[:SHOWN_LAYERS]
    ]
    if len(wanted) > SHOWN_LAYERS:
        shown.append(f"and {len(wanted) - SHOWN_LAYERS} more layers")
    return ", ".join(shown)


def _obstacle(network: QNetwork, node: QNode, rows: int, tile: TileConfig) -> str | None:
    blocks = -(-rows // tile.rows)
    if blocks * (1 << (tile.adc_bits - 1)) * 256 > ACCUMULATOR_LIMIT:
        return (
            f"{rows} rows on tiles of {tile.rows} give {blocks} partial sums of {tile.adc_bits} "
            "bits, which do not fit a 32-bit accumulator"
        )
    if isinstance(node, QConv):
        small = (*node.weight.shape[1:3], *node.stride, *node.dilation, *node.pads[:2])
        if max(small) > BYTE_FIELD:
            return f"kernel, stride, dilation and padding of a tile's job are at most {BYTE_FIELD}"
        maps = (*network.tensors[node.inputs[0]].shape[:2], *network.tensors[node.output].shape[:2])
        if max(maps) > SHORT_FIELD:
            return f"height and width of a tile's feature map are at most {SHORT_FIELD}"
    return None
