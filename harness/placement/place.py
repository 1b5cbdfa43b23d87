"""From an integer network and a mapping to the plan: every block on a tile."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from math import prod

import numpy as np

from harness.config.schema import SystemConfig
from harness.mapping.mapping import Mapping
from harness.placement.analog import analog_layer
from harness.placement.footprint import check_memory
from harness.placement.plan import AnalogLayer, Plan
from harness.placement.policies import Policy, lay_out
from harness.placement.reload import fit_alone
from harness.placement.select import demands, select
from harness.quant.program import Int8Array, QConv, QDense, QNetwork
from harness.quant.reference import run_integer

CALIBRATION_BYTES = 256 << 20  # of layer inputs kept at once


def place(
    network: QNetwork, mapping: Mapping, system: SystemConfig, policy: Policy = "resident"
) -> Plan:
    """Put the layers that ``mapping`` wants analog on the tiles of ``system``.

    Tiles are given out in layer order, as ``policy`` says.  A mapping that insists gets all of its
    layers or an error; otherwise layers that do not fit stay digital, with the reason in
    ``kept_digital``.

    Raises:
        PlacementError: The tiles do not suffice (see `harness.placement.select.select`), or the
            program would not fit the memory.
    """
    choose = partial(fit_alone, tile=system.tile) if policy == "reload" else select
    chosen, kept = choose(
        demands(network, mapping, system.tile),
        system.tiles,
        insists=mapping.insists,
        where=f"{network.name} on {system.name}",
    )
    names = {demand.name for demand in chosen}
    inputs = layer_inputs(network, names)
    layers: dict[str, AnalogLayer] = {}
    used = 0
    for node in network.nodes:
        if node.name in names and isinstance(node, QConv | QDense):
            weights = None if mapping.conductances is None else mapping.conductances[node.name]
            layer = analog_layer(network, node, inputs[node.inputs[0]], system.tile, used, weights)
            layers[node.name] = layer
            used += len(layer.blocks)
    layers, used = lay_out(network, layers, used, system, policy)
    plan = Plan(network=network, analog=layers, tiles_used=used, kept_digital=kept)
    check_memory(plan, system)
    return plan


def calibration_images(network: QNetwork, names: Collection[str]) -> int:
    """How many calibration samples give the inputs of the named layers, in bounded memory."""
    read = {node.inputs[0] for node in network.nodes if node.name in names}
    size = sum(prod(network.tensors[name].shape) for name in read)
    return max(1, min(len(network.calibration_inputs), CALIBRATION_BYTES // max(1, size)))


def layer_inputs(network: QNetwork, names: Collection[str]) -> dict[str, Int8Array]:
    """What the named layers read when the digital network runs the calibration samples.

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
