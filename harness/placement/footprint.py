"""A plan's use of resources: bytes of memory, tiles, cells, and the share of the work on tiles."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from harness.config.schema import SystemConfig
from harness.errors import PlacementError
from harness.operators.matrix import WeightedNode
from harness.placement.memory import plan_buffers
from harness.placement.plan import Plan
from harness.quant.macs import node_macs


@dataclass(frozen=True)
class LayerUse:
    """One analog layer on its tiles."""

    name: str
    rows: int
    columns: int
    tiles: int
    cells: int  # programmed
    macs: int  # of one image


@dataclass(frozen=True)
class Utilisation:
    """A plan on a system; cells are crossbar cells of the tiles in use.

    ``cells_used`` counts the largest block that each tile holds.
    """

    tiles_used: int
    tiles: int
    cells_used: int
    cells: int
    macs_analog: int
    macs: int
    memory_bytes: int
    layers: tuple[LayerUse, ...]


def utilisation(plan: Plan, system: SystemConfig) -> Utilisation:
    """The use of the tiles of ``system`` by ``plan``."""
    network = plan.network
    macs = {node.name: node_macs(network, node) for node in network.nodes}
    layers = tuple(
        LayerUse(
            name=layer.name,
            rows=layer.rows,
            columns=layer.columns,
            tiles=layer.tiles,
            cells=layer.copy_count * sum(block.rows * block.columns for block in layer.blocks),
            macs=macs[layer.name],
        )
        for layer in plan.analog.values()
    )
    return Utilisation(
        tiles_used=plan.tiles_used,
        tiles=system.tiles,
        cells_used=sum(_cells_used(plan).values()),
        cells=plan.tiles_used * system.tile.rows * system.tile.columns,
        macs_analog=sum(layer.macs for layer in layers),
        macs=sum(macs.values()),
        memory_bytes=memory_bytes(plan),
        layers=layers,
    )


def _cells_used(plan: Plan) -> dict[int, int]:
    """Cells of each tile, by number."""
    cells: dict[int, int] = {}
    for layer in plan.analog.values():
        for _, blocks in layer.placed():
            for block in blocks:
                held = block.rows * block.columns
                cells[block.tile] = max(cells.get(block.tile, 0), held)
    return cells


def memory_bytes(plan: Plan) -> int:
    """Bytes that any program of ``plan`` needs: weights, tile images and activations.

    Code, stacks, images and expected outputs come on top.
    """
    network = plan.network
    total = plan_buffers(network).arena_bytes + prod(network.tensors[network.input].shape)
    for node in network.nodes:
        if isinstance(node, WeightedNode):
            layer = plan.analog.get(node.name)
            if layer is None:
                total += node.weight.nbytes
            else:  # conductances, and four bytes of converter scale per column
                total += sum(b.conductance.nbytes + 4 * b.columns for b in layer.blocks)
            total += 12 * node.weight.shape[0]  # bias, multiplier and shift
    return total


def check_memory(plan: Plan, system: SystemConfig) -> None:
    """
    Raises:
        PlacementError: The system's memory is too small for any program of ``plan``.
    """
    needed, available = memory_bytes(plan), system.memory.size_mib << 20
    if needed > available:
        raise PlacementError(
            f"weights and activations take {needed / 2**20:.0f} MiB, the memory has "
            f"{system.memory.size_mib} MiB",
            where=f"{plan.network.name} on {system.name}",
            hint="raise system.memory.size_mib",
        )
