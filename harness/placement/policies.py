"""How layers share the tiles of a system: the values of ``run.placement``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from harness.config.schema import SystemConfig
from harness.operators.tensor import Pair
from harness.placement.plan import AnalogLayer
from harness.placement.reload import reload
from harness.placement.replicate import replicate
from harness.quant.program import QNetwork

Policy: TypeAlias = Literal["resident", "replicate", "reload"]


def lay_out(
    network: QNetwork,
    layers: Mapping[str, AnalogLayer],
    used: int,
    system: SystemConfig,
    policy: Policy,
) -> tuple[dict[str, AnalogLayer], int]:
    """Assign tiles to the chosen ``layers`` by ``policy``.

    Args:
        layers: By name, in the network's order, on tiles of their own from 0 on, whose number
            ``used`` may exceed the system's if they are reloaded.

    Returns:
        The layers on their tiles, and the number of tiles in use.
    """
    if policy == "replicate":
        return replicate(layers, output_sizes(network, layers), used, system)
    if policy == "reload":
        return reload(layers, output_sizes(network, layers), system)
    return dict(layers), used


def output_sizes(network: QNetwork, names: Mapping[str, object]) -> dict[str, Pair]:
    """Height and width of the named layers' outputs; a vector is one pixel."""
    shapes = {
        node.name: network.tensors[node.output].shape
        for node in network.nodes
        if node.name in names
    }
    return {
        name: (shape[0], shape[1]) if len(shape) == 3 else (1, 1) for name, shape in shapes.items()
    }
