"""From an integer network and a mapping to the plan: every block on a tile."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import cache, partial
from math import prod
from typing import TypeAlias

import numpy as np

from harness.config.schema import SystemConfig
from harness.content import content_digest
from harness.errors import PlacementError
from harness.mapping.mapping import LayerMapping
from harness.operators.matrix import WeightedNode
from harness.operators.tensor import FloatArray, Int8Array
from harness.placement.analog import analog_layer
from harness.placement.arithmetic import arithmetic_tile
from harness.placement.footprint import check_memory
from harness.placement.plan import AnalogLayer, Plan
from harness.placement.policies import Policy, lay_out
from harness.placement.reload import fit_alone
from harness.placement.saving import LayerSaving, Savings
from harness.placement.select import demands, select
from harness.quant.program import QNetwork
from harness.quant.reference import run_integer

CALIBRATION_BYTES = 256 << 20  # of layer inputs kept at once

Remember: TypeAlias = Callable[[str, Callable[[], AnalogLayer]], AnalogLayer]


def no_savings() -> Mapping[str, LayerSaving]:
    """The ``savings`` of callers that know that all layers fit.

    Raises:
        PlacementError: There are too few tiles.
    """
    raise PlacementError("the layers need more tiles than the system has")


def made_now(_: str, make: Callable[[], AnalogLayer]) -> AnalogLayer:
    """The ``remember`` of callers that keep no layers."""
    return make()


def place(
    network: QNetwork,
    mapping: LayerMapping,
    system: SystemConfig,
    savings: Savings = no_savings,
    remember: Remember = made_now,
    *,
    policy: Policy = "resident",
) -> Plan:
    """Put the layers that ``mapping`` wants analog on the tiles of ``system``.

    Tiles are assigned in layer order, by ``policy``.  If they do not suffice, the set of layers
    that saves most time gets them, or layers share them by reloading.  The other layers stay
    digital, with the reason in ``kept_digital``.

    Args:
        savings: Simulates each layer's saving; called only if there is a choice.
        remember: Returns an analog layer of this network by its key, made now or earlier.

    Raises:
        PlacementError: The mapping insists on a layer that no tile can compute (see
            `harness.placement.select.select`), or the program would not fit the memory.
    """
    wanted = demands(network, mapping, system.tile)
    where = f"{network.name} on {system.name}"
    if policy == "reload":
        chosen, kept = fit_alone(
            wanted, system.tiles, tile=system.tile, insists=mapping.insists, where=where
        )
    else:
        chosen, kept = select(wanted, system.tiles, savings, insists=mapping.insists, where=where)
    names = {demand.name for demand in chosen}
    tile = arithmetic_tile(system.tile)
    images = calibration_images(network, names)
    inputs = cache(partial(layer_inputs, network, names))

    def on_first_tiles(node: WeightedNode, weights: FloatArray | None) -> AnalogLayer:
        return analog_layer(network, node, inputs()[node.inputs[0]], tile, 0, weights)

    layers: dict[str, AnalogLayer] = {}
    used = 0
    for node in network.nodes:
        if node.name in names and isinstance(node, WeightedNode):
            weights = None if mapping.conductances is None else mapping.conductances[node.name]
            key = content_digest(node.name, images, tile.model_dump(), weights)
            layer = remember(key, partial(on_first_tiles, node, weights))
            layers[node.name] = replace(layer, blocks=layer.blocks_from(used))
            used += len(layer.blocks)
    layers, used = lay_out(network, layers, used, system, policy)
    plan = Plan(
        network=network,
        analog=layers,
        tiles_used=used,
        kept_digital=kept,
        tiles_wanted=sum(demand.tiles for demand in wanted if demand.obstacle is None),
    )
    check_memory(plan, system)
    return plan


def calibration_images(network: QNetwork, names: Collection[str]) -> int:
    """Number of calibration samples for the inputs of the named layers, within bounded memory."""
    read = {node.inputs[0] for node in network.nodes if node.name in names}
    size = sum(prod(network.tensors[name].shape) for name in read)
    return max(1, min(len(network.calibration_inputs), CALIBRATION_BYTES // max(1, size)))


def layer_inputs(network: QNetwork, names: Collection[str]) -> dict[str, Int8Array]:
    """The named layers' inputs when the digital network runs the calibration samples.

    Returns:
        Tensor name to int8 [n, h, w, c] or [n, ...].
    """
    wanted = {node.inputs[0] for node in network.nodes if node.name in names}
    if not wanted:
        return {}
    images = calibration_images(network, names)
    batches = [
        run_integer(
            network, network.calibration_inputs[start : min(start + 16, images)], keep=wanted
        )
        for start in range(0, images, 16)
    ]
    return {name: np.concatenate([batch[name] for batch in batches]) for name in wanted}
