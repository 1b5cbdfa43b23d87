"""Simulated savings of each layer's conversion, from its digital and analog cost."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict

from harness.accuracy.state import Saving
from harness.config.schema import Config
from harness.engines.protocol import NO_OPTIONS, EngineOptions
from harness.errors import PlacementError
from harness.mapping.mapping import LayerMapping, Unit, matrix_layers
from harness.pipeline import savings
from harness.pipeline.prepare import all_digital
from harness.pipeline.simulator import Simulator
from harness.quant.program import QNetwork


def layer_savings(
    network: QNetwork,
    candidates: Collection[str],
    config: Config,
    on_program: Callable[[str], None] = lambda _: None,
    *,
    engine_options: EngineOptions = NO_OPTIONS,
) -> dict[str, Saving]:
    """Time and energy of one inference of each candidate, on the configured system and engine.

    Args:
        candidates: Layers that each fit the system's tiles if they are alone.
        on_program: Called with the name of each program before its simulation.
        engine_options: What the engine is told.

    Raises:
        HarnessError: A stage failed, or the memory is too small for a layer on tiles.
    """
    units: dict[str, Unit] = {
        layer: "analog" if layer in candidates else "digital" for layer in matrix_layers(network)
    }
    mapping = LayerMapping(network.name, "analog", units, insists=False)
    image = network.calibration_inputs[:1]
    found = savings.layer_savings(
        all_digital(network),
        mapping,
        config,
        image,
        Simulator(engine_options=engine_options),
        on_program,
    )
    missing = [layer for layer in candidates if layer not in found]
    if missing:
        raise PlacementError(
            f"the memory is too small for a program with {missing[0]} on tiles",
            where=f"{network.name} on {config.system.name}",
            hint="raise system.memory.size_mib",
        )
    return {layer: Saving(**asdict(saving)) for layer, saving in found.items()}
