"""Layers that share tiles: their matrices are programmed one over the other at each inference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from harness.config.schema import SystemConfig, TileConfig
from harness.errors import PlacementError
from harness.operators.tensor import Pair
from harness.placement.cut import Extent
from harness.placement.knapsack import Item, best_items
from harness.placement.layer_time import programming_time_ns
from harness.placement.plan import AnalogLayer
from harness.placement.select import Demand

PS_PER_NS = 1000


@dataclass(frozen=True)
class Turn:
    """A way to reload a layer: its tiles at a time, and the programming per inference."""

    tiles: int
    programming_ps: int
    parts: tuple[tuple[int, int], ...] = ()  # blocks; empty: all at once


@dataclass(frozen=True)
class Reload:
    """A layer's demand: the tiles of all its blocks, and the ways to reload it on fewer."""

    tiles: int
    turns: tuple[Turn, ...]

    def turn(self, shared: int) -> Turn | None:
        """The fastest way on ``shared`` tiles, if there is one."""
        fitting = [turn for turn in self.turns if turn.tiles <= shared]
        return min(fitting, key=lambda turn: (turn.programming_ps, turn.tiles), default=None)


def fit_alone(
    wanted: Sequence[Demand],
    available: int,
    *,
    insists: bool,
    where: str,
    tile: TileConfig,
) -> tuple[list[Demand], dict[str, str]]:
    """The layers that can be reloaded, in order, and the others with the reason.

    All row blocks of a column range must be on tiles at once, since their codes are added.

    Args:
        insists: Refuse layers that no number of tiles can compute.

    Raises:
        PlacementError: The mapping insists on such a layer.
    """
    reasons: dict[str, str] = {}
    for demand in wanted:
        at_once = -(-demand.rows // tile.rows)
        if demand.obstacle is not None:
            if insists:
                raise PlacementError(demand.obstacle, where=f"{where}, layer {demand.name}")
            reasons[demand.name] = demand.obstacle
        elif at_once > available:
            reasons[demand.name] = (
                f"needs {at_once} tiles at once; the system has {available or 'none'}"
            )
    return [demand for demand in wanted if demand.name not in reasons], reasons


def reload(
    layers: Mapping[str, AnalogLayer], out_sizes: Mapping[str, Pair], system: SystemConfig
) -> tuple[dict[str, AnalogLayer], int]:
    """Put ``layers`` on the system's tiles such that programming per inference takes least time.

    Resident layers have the first tiles, in the network's order; reloaded layers share the next
    ones.

    Args:
        layers: By name, in the network's order; a column range of each fits the system alone.
        out_sizes: Height and width of each layer's output map.

    Returns:
        The layers on their tiles, and the number of tiles in use.
    """
    demands = [reload_of(layer, system) for layer in layers.values()]
    turns = choose_turns(demands, system.tiles)
    shared = sum(  # the first tile of those that are shared
        demand.tiles for demand, turn in zip(demands, turns, strict=True) if turn is None
    )
    used, resident = shared, 0
    mvms: dict[int, int] = {}
    placed: dict[str, AnalogLayer] = {}
    for (name, layer), turn in zip(layers.items(), turns, strict=True):
        if turn is None:
            placed[name] = replace(layer, blocks=layer.blocks_from(resident))
            resident += len(layer.blocks)
            continue
        placed[name] = _by_turns(layer, turn, shared, prod(out_sizes[name]), mvms)
        used = max(used, shared + turn.tiles)
    return placed, used


def _by_turns(
    layer: AnalogLayer, turn: Turn, first_tile: int, pixels: int, mvms: dict[int, int]
) -> AnalogLayer:
    """``layer`` on tiles from ``first_tile`` on; continues the tiles' MVM counts ``mvms``."""
    blocks = []
    for first, end in turn.parts or ((0, len(layer.blocks)),):
        for i, block in enumerate(layer.blocks[first:end]):
            tile = first_tile + i
            blocks.append(replace(block, tile=tile, first_mvm=mvms.get(tile, 0)))
            mvms[tile] = mvms.get(tile, 0) + pixels
    return replace(layer, blocks=tuple(blocks), reloaded=True, parts=turn.parts)


def reload_of(layer: AnalogLayer, system: SystemConfig) -> Reload:
    """The demand of ``layer``; only a layer that is too large for the system has parts."""
    count = len(layer.blocks)
    if count <= system.tiles:
        return Reload(count, (Turn(count, _programming_ps(layer, ((0, count),), system)),))
    rows = sum(block.n0 == 0 for block in layer.blocks)  # blocks of a column range
    turns = []
    for tiles in range(rows, system.tiles + 1, rows):
        parts = tuple((first, min(first + tiles, count)) for first in range(0, count, tiles))
        turns.append(Turn(tiles, _programming_ps(layer, parts, system), parts))
    return Reload(count, tuple(turns))


def _programming_ps(
    layer: AnalogLayer, parts: Sequence[tuple[int, int]], system: SystemConfig
) -> int:
    extents = [Extent(block.k0, block.rows, block.n0, block.columns) for block in layer.blocks]
    times = [programming_time_ns(extents[first:end], system) for first, end in parts]
    return round(sum(times) * PS_PER_NS)


def choose_turns(demands: Sequence[Reload], available: int) -> list[Turn | None]:
    """How each layer is reloaded, or None if it is resident, with the least programming time.

    The layers by turns share as many tiles as one of them takes at most.  For each such number,
    layers that cannot do with it have to stay, and a knapsack says which of the rest do.  Of
    equally good choices the one with more shared tiles is taken, then the one in which the layers
    that stay need fewer tiles, then the one in which earlier layers stay.
    """
    if sum(demand.tiles for demand in demands) <= available:
        return [None] * len(demands)
    best_ps: int | None = None
    best: list[Turn | None] = []
    sizes = {turn.tiles for demand in demands for turn in demand.turns}
    for shared in sorted(sizes, reverse=True):
        turns = [demand.turn(shared) for demand in demands]
        room = (
            available
            - shared
            - sum(demand.tiles for demand, turn in zip(demands, turns, strict=True) if turn is None)
        )
        if room < 0:
            continue
        spared = [0 if turn is None else turn.programming_ps for turn in turns]
        rest = [i for i, turn in enumerate(turns) if turn is not None]
        items = [Item(demands[i].tiles, spared[i]) for i in rest]
        stay = {rest[index] for index in best_items(items, room)}
        chosen = [None if i in stay else turn for i, turn in enumerate(turns)]
        total_ps = sum(turn.programming_ps for turn in chosen if turn is not None)
        if best_ps is None or total_ps < best_ps:
            best_ps, best = total_ps, chosen
    return best
