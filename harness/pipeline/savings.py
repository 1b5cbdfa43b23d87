"""Each layer's saving on tiles, simulated without tiles and on them.

The system's number of tiles does not matter: a program uses as many as it needs.  So all systems
with equal tiles share these simulations (`harness.pipeline.simulations`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from harness.config.schema import MOST_TILES, Config, SystemConfig
from harness.content import content_digest
from harness.errors import PlacementError
from harness.mapping.mapping import LayerMapping, Unit
from harness.operators.tensor import Int8Array
from harness.pipeline.identity import simulator_identity
from harness.pipeline.programs import build, compile_generated, simulate
from harness.pipeline.simulator import Simulator
from harness.placement.place import Remember, made_now, place
from harness.placement.plan import Plan
from harness.placement.saving import LayerSaving
from harness.placement.select import Demand, demands
from harness.quant.program import QNetwork
from harness.stats.summary import LayerSummary, ProgramSummary


def layer_savings(
    digital: Plan,
    mapping: LayerMapping,
    config: Config,
    image: Int8Array,
    simulator: Simulator,
    on_program: Callable[[str], None] = lambda _: None,
    remember: Remember = made_now,
) -> dict[str, LayerSaving]:
    """Time and energy of one inference of each layer that ``mapping`` wants analog.

    One program has no layer on tiles.  Another has all the wanted ones; if `MOST_TILES` or the
    memory do not suffice for that, there are several, in each of which the rest is digital.

    Args:
        digital: The plan without tiles.
        config: The system, of which the number of tiles does not matter, the engine and kernels.
        image: What is inferred, int8 [1, ...].
        on_program: Hears what is simulated.
        remember: As of `harness.placement.place.place`.

    Returns:
        By layer, without those that no tile can compute and those too large for the memory.

    Raises:
        HarnessError: A stage failed.
    """
    network = digital.network
    system = config.system.model_copy(update={"tiles": MOST_TILES})
    config = config.model_copy(update={"system": system})
    possible = [
        demand
        for demand in demands(network, mapping, system.tile)
        if demand.obstacle is None and demand.tiles <= MOST_TILES
    ]
    if not possible:
        return {}

    note = simulator.progress.stage

    def simulated(name: str, plan: Plan) -> ProgramSummary:
        with tempfile.TemporaryDirectory() as folder:
            program = build(plan, config, image, Path(folder), note=note)
            elf = compile_generated(program, Path(folder), note=note)
            return simulate(name, plan, program, elf, config, simulator).summary

    on_program("the digital program")
    without = simulated("digital", digital)
    savings: dict[str, LayerSaving] = {}
    for plan in _plans(network, mapping, system, _groups(possible), remember):
        on_program(f"a program with {len(plan.analog)} layers on tiles")
        mapped = simulated("mapped", plan)
        for layer in plan.analog:
            savings[layer] = _saving(_layer(without, layer), _layer(mapped, layer))
    return savings


def savings_key(mapping: LayerMapping, config: Config, simulator: Simulator) -> str:
    """A digest of all inputs of `layer_savings` for one network and image."""
    return content_digest(
        mapping.layers,
        mapping.conductances,
        config.system.model_dump(mode="json", exclude={"name", "tiles"}),
        config.run.model_dump(mode="json", include={"kernels", "warmup", "engine"}),
        simulator_identity(config.run.engine, engine_options=simulator.engine_options),
        simulator.not_before_s,
    )


def _groups(possible: Sequence[Demand]) -> list[list[str]]:
    """Layers in order, in as few groups as come of filling each to at most `MOST_TILES`."""
    groups: list[list[str]] = []
    left = 0
    for demand in possible:
        if demand.tiles > left:
            groups.append([])
            left = MOST_TILES
        groups[-1].append(demand.name)
        left -= demand.tiles
    return groups


def _plans(
    network: QNetwork,
    mapping: LayerMapping,
    system: SystemConfig,
    groups: list[list[str]],
    remember: Remember,
) -> list[Plan]:
    """A plan for each group, or for its halves where the memory is too small for the whole."""
    plans = []
    pending = groups[::-1]
    while pending:
        group = pending.pop()
        layers: dict[str, Unit] = {
            name: "analog" if name in group else "digital" for name in mapping.layers
        }
        try:
            wanted = replace(mapping, layers=layers)
            plans.append(place(network, wanted, system, remember=remember))
        except PlacementError:
            half = len(group) // 2
            pending += [part for part in (group[half:], group[:half]) if 0 < len(part) < len(group)]
    return plans


def _layer(program: ProgramSummary, name: str) -> LayerSummary:
    found = program.layer(name)
    assert found is not None, name
    return found


def _saving(digital: LayerSummary, analog: LayerSummary) -> LayerSaving:
    return LayerSaving(
        digital_ns=digital.time_ns,
        analog_ns=analog.time_ns,
        digital_pj=digital.energy.total_pj,
        analog_pj=analog.energy.total_pj,
    )
