"""The plan and its network as readable JSON, without the weights."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from harness.config.schema import SystemConfig
from harness.placement.footprint import utilisation
from harness.placement.plan import AnalogLayer, Block, Plan
from harness.quant.macs import node_macs
from harness.quant.summary import describe_array, readable_json


def plan_to_json(plan: Plan, system: SystemConfig) -> str:
    """Every layer with its unit, every block with its tile, and the use of the tiles.

    Copies, reloaded layers and the number of a tile's first MVM are present where they apply.
    """
    network = plan.network
    document = {
        "format": "aimc-plan",
        "version": 1,
        "network": network.name,
        "system": system.name,
        "random_weights": network.random_weights,
        "tiles_wanted": plan.tiles_wanted,
        "utilisation": asdict(utilisation(plan, system)),
        "layers": [
            {
                "name": node.name,
                "operator": node.kind,
                "unit": "analog" if node.name in plan.analog else "digital",
                "macs": node_macs(network, node),
            }
            for node in network.nodes
        ],
        "kept_digital": dict(plan.kept_digital),
        "analog": [_layer(layer) for layer in plan.analog.values()],
    }
    return readable_json(document)


def _layer(layer: AnalogLayer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "rows": layer.rows,
        "columns": layer.columns,
        **({"copies": [asdict(copy) for copy in layer.copies]} if layer.copies else {}),
        **({"reloaded": True} if layer.reloaded else {}),
        **({"parts": layer.parts} if layer.parts else {}),
        "bias": describe_array(layer.bias),
        "requant": {
            "multiplier": describe_array(layer.requant.multiplier),
            "shift": describe_array(layer.requant.shift),
            "low": layer.requant.low,
            "high": layer.requant.high,
        },
        "blocks": [_block(block) for block in layer.blocks],
    }


def _block(block: Block) -> dict[str, Any]:
    return {
        "tile": block.tile,
        **({"first_mvm": block.first_mvm} if block.first_mvm else {}),
        "k0": block.k0,
        "rows": block.rows,
        "n0": block.n0,
        "columns": block.columns,
        "conductance": describe_array(block.conductance),
        "adc_multiplier": describe_array(block.adc_multiplier),
        "adc_shift": describe_array(block.adc_shift),
    }
