"""Layers that share tiles: their matrices are programmed one over the other at each inference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from harness.config.schema import SystemConfig
from harness.errors import PlacementError
from harness.placement.cut import Extent
from harness.placement.layer_time import programming_time_ns
from harness.placement.plan import AnalogLayer
from harness.placement.select import Demand
from harness.quant.program import Pair

PS_PER_NS = 1000


@dataclass(frozen=True)
class Reload:
    """What a layer takes: its tiles, and the time to program them."""

    tiles: int
    programming_ps: int


def fit_alone(
    wanted: Sequence[Demand], available: int, *, insists: bool, where: str
) -> tuple[list[Demand], dict[str, str]]:
    """The layers that can be on tiles by turns, in order, and the others with the reason.

    Args:
        insists: Refuse layers that no number of tiles can compute.

    Raises:
        PlacementError: The mapping insists on such a layer.
    """
    reasons = {}
    for demand in wanted:
        if demand.obstacle is not None:
            if insists:
                raise PlacementError(demand.obstacle, where=f"{where}, layer {demand.name}")
            reasons[demand.name] = demand.obstacle
        elif demand.tiles > available:
            reasons[demand.name] = (
                f"needs {demand.tiles} tiles at once; the system has {available or 'none'}"
            )
    return [demand for demand in wanted if demand.name not in reasons], reasons


def reload(
    layers: Mapping[str, AnalogLayer], out_sizes: Mapping[str, Pair], system: SystemConfig
) -> tuple[dict[str, AnalogLayer], int]:
    """Put ``layers`` on the system's tiles such that programming takes least at each inference.

    Layers that stay have the first tiles, in the network's order; the others share the next ones.

    Args:
        layers: By name, in the network's order; each fits the system alone.
        out_sizes: Height and width of each layer's output map.

    Returns:
        The layers on their tiles, and the number of tiles in use.
    """
    demands = [
        Reload(len(layer.blocks), round(_programming_ns(layer, system) * PS_PER_NS))
        for layer in layers.values()
    ]
    stay = choose_resident(demands, system.tiles)
    shared = sum(demands[i].tiles for i in stay)  # the first tile of those that are shared
    used, resident = shared, 0
    mvms: dict[int, int] = {}
    placed: dict[str, AnalogLayer] = {}
    for index, (name, layer) in enumerate(layers.items()):
        first = resident if index in stay else shared
        blocks = tuple(
            replace(block, tile=first + i, first_mvm=mvms.get(first + i, 0))
            for i, block in enumerate(layer.blocks)
        )
        placed[name] = replace(layer, blocks=blocks, reloaded=index not in stay)
        if index in stay:
            resident += len(blocks)
            continue
        used = max(used, shared + len(blocks))
        for block in blocks:
            mvms[block.tile] = block.first_mvm + prod(out_sizes[name])
    return placed, used


def _programming_ns(layer: AnalogLayer, system: SystemConfig) -> float:
    extents = [Extent(block.k0, block.rows, block.n0, block.columns) for block in layer.blocks]
    return programming_time_ns(extents, system)


def choose_resident(demands: Sequence[Reload], available: int) -> frozenset[int]:
    """Which of the layers keep tiles of their own, so that programming the others takes least.

    The others share as many tiles as the largest of them takes.  For each number of shared tiles,
    those that are larger have to stay, and a knapsack says which of the rest do.  Of equally good
    choices the first found counts: more shared tiles, then later layers in turns.
    """
    everyone = frozenset(range(len(demands)))
    if sum(demand.tiles for demand in demands) <= available:
        return everyone
    best_ps, best = -1, frozenset[int]()
    for shared in sorted({demand.tiles for demand in demands}, reverse=True):
        larger = [i for i in everyone if demands[i].tiles > shared]
        room = available - shared - sum(demands[i].tiles for i in larger)
        if room < 0:
            continue
        rest = [i for i in sorted(everyone) if demands[i].tiles <= shared]
        stay = frozenset(larger) | _knapsack(rest, demands, room)
        spared_ps = sum(demands[i].programming_ps for i in stay)
        if spared_ps > best_ps:
            best_ps, best = spared_ps, stay
    return best


def _knapsack(items: Sequence[int], demands: Sequence[Reload], room: int) -> frozenset[int]:
    """The items that spare the most programming on ``room`` tiles."""
    best: list[tuple[int, frozenset[int]]] = [(0, frozenset())] * (room + 1)
    for item in items:
        tiles = demands[item].tiles
        for left in range(room, tiles - 1, -1):
            spared, chosen = best[left - tiles]
            if spared + demands[item].programming_ps > best[left][0]:
                best[left] = (spared + demands[item].programming_ps, chosen | {item})
    return best[room][1]
