"""The selection of analog layers that get tiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.config.schema import TileConfig
from harness.errors import PlacementError
from harness.mapping.mapping import LayerMapping, matrix_layers
from harness.operators.integer_node import QNode
from harness.placement.cut import tiles_needed
from harness.placement.knapsack import Item, best_items
from harness.placement.saving import LayerSaving, Savings
from harness.quant.macs import node_macs
from harness.quant.program import QNetwork

ACCUMULATOR_LIMIT = 1 << 30  # of the summed codes in 1/256; the bias may be as large
BYTE_FIELD = 255  # window geometry in a tile's DMA descriptor
SHORT_FIELD = 65535
SHOWN_LAYERS = 4


@dataclass(frozen=True)
class Demand:
    """The tiles that one layer would take."""

    name: str
    rows: int  # K
    columns: int  # N
    tiles: int
    macs: int  # by which the accuracy search orders layers
    obstacle: str | None  # why no number of tiles would do


def demands(network: QNetwork, mapping: LayerMapping, tile: TileConfig) -> list[Demand]:
    """The demand of every layer that ``mapping`` makes analog, in the network's order."""
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
    wanted: Sequence[Demand],
    available: int,
    savings: Savings,
    *,
    insists: bool,
    where: str,
) -> tuple[list[Demand], dict[str, str]]:
    """The layers that get tiles, in order, and the others with the reason.

    If all fit, all get tiles.  Otherwise the set that saves most time within the ``available``
    tiles gets them (the optimum), and a layer that would save no time stays digital.

    Args:
        savings: Called only if there is a choice.
        insists: Refuse layers that no number of tiles can compute.

    Raises:
        PlacementError: The mapping insists on such a layer.
    """
    kept = {demand.name: demand.obstacle for demand in wanted if demand.obstacle is not None}
    if insists and kept:
        name, obstacle = next(iter(kept.items()))
        raise PlacementError(obstacle, where=f"{where}, layer {name}")
    possible = [demand for demand in wanted if demand.obstacle is None]
    if sum(demand.tiles for demand in possible) <= available:
        return possible, kept
    if all(demand.tiles > available for demand in possible):
        chosen = []
        kept |= {demand.name: _too_many(demand, available) for demand in possible}
    else:
        known = savings()
        chosen = _most_saving(possible, available, known)
        for demand in possible:
            if demand not in chosen:
                kept[demand.name] = _reason(demand, available, known.get(demand.name), chosen)
    return chosen, {demand.name: kept[demand.name] for demand in wanted if demand.name in kept}


def _most_saving(
    possible: Sequence[Demand], available: int, savings: Mapping[str, LayerSaving]
) -> list[Demand]:
    """The layers that save most time (exact); of equal selections the one with fewest tiles."""
    useful = [
        demand
        for demand in possible
        if demand.name in savings and savings[demand.name].saved_ps > 0
    ]
    items = [Item(demand.tiles, savings[demand.name].saved_ps) for demand in useful]
    return [useful[index] for index in best_items(items, available)]


def _too_many(demand: Demand, available: int) -> str:
    return f"needs {_tiles(demand.tiles)}, the system has {available or 'none'}"


def _reason(
    demand: Demand, available: int, saving: LayerSaving | None, chosen: Sequence[Demand]
) -> str:
    """Why a layer that was not selected by ``savings`` is digital."""
    if demand.tiles > available:
        reason = _too_many(demand, available)
        return reason if saving is None else f"{reason}; would {saving}"
    needs = f"needs {_tiles(demand.tiles)} and would"
    if saving is None:
        return f"{needs} not fit the memory on them"
    if saving.saved_ps <= 0:
        return f"on {_tiles(demand.tiles)} it would {saving}"
    return f"{needs} {saving}; the {_tiles(available)} save most with {_listing(chosen)}"


def _tiles(count: int) -> str:
    return f"{count} tile{'s' if count != 1 else ''}"


def _listing(chosen: Sequence[Demand]) -> str:
    shown = [demand.name for demand in chosen[:SHOWN_LAYERS]]
    if len(chosen) > SHOWN_LAYERS:
        shown.append(f"{len(chosen) - SHOWN_LAYERS} more")
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


def _obstacle(network: QNetwork, node: QNode, rows: int, tile: TileConfig) -> str | None:
    blocks = -(-rows // tile.rows)
    if blocks * (1 << (tile.adc_bits - 1)) * 256 > ACCUMULATOR_LIMIT:
        return (
            f"{rows} rows on tiles of {tile.rows} give {blocks} partial sums of {tile.adc_bits} "
            "bits, which do not fit a 32-bit accumulator"
        )
    form = node.matrix_form()
    if form is not None and form.window is not None:
        window = form.window
        small = (*window.kernel, *window.stride, *window.dilation, *window.pads[:2])
        if max(small) > BYTE_FIELD:
            return f"kernel, stride, dilation and padding of a tile's job are at most {BYTE_FIELD}"
        maps = (*network.tensors[node.inputs[0]].shape[:2], *network.tensors[node.output].shape[:2])
        if max(maps) > SHORT_FIELD:
            return f"height and width of a tile's feature map are at most {SHORT_FIELD}"
    return None
