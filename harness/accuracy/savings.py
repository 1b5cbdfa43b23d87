"""What each layer's conversion saves: simulated, layer by layer, digital and analog."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.accuracy.state import Saving
from harness.config.schema import Config
from harness.mapping.mapping import Mapping, matrix_layers
from harness.pipeline.prepare import all_digital
from harness.pipeline.programs import build, compile_generated, simulate
from harness.placement.place import place
from harness.placement.plan import Plan
from harness.quant.program import QNetwork
from harness.stats.summary import LayerSummary, ProgramSummary


def layer_savings(
    network: QNetwork,
    candidates: Sequence[str],
    config: Config,
    on_program: Callable[[str], None] = lambda _: None,
    *,
    gem5: Path | None = None,
) -> dict[str, Saving]:
    """Time and energy of one inference of each layer, on the configured system and engine.

    One program has no layer on tiles.  Another has all of ``candidates``; those that find no
    tile go into a further one, until each has been simulated.

    Args:
        candidates: Layers that each fit the system's tiles if they are alone.
        on_program: Hears what is simulated.
        gem5: The program of the engine gem5; None: the variable GEM5, then PATH.

    Raises:
        HarnessError: A stage failed.
    """
    config = config.model_copy(update={"run": config.run.model_copy(update={"images": 1})})
    on_program("the digital program")
    digital = _simulated("digital", all_digital(network), config, gem5)
    savings: dict[str, Saving] = {}
    left = list(candidates)
    while left:
        on_program(f"a program with {len(left)} layers on tiles")
        units = {
            layer: "analog" if layer in left else "digital" for layer in matrix_layers(network)
        }
        mapping = Mapping(network.name, "analog", units, insists=False)  # type: ignore[arg-type]
        plan = place(network, mapping, config.system)
        mapped = _simulated("mapped", plan, config, gem5)
        for layer in plan.analog:
            before, after = _layer(digital, layer), _layer(mapped, layer)
            savings[layer] = Saving(
                digital_ns=before.time_ns,
                analog_ns=after.time_ns,
                digital_pj=before.energy.total_pj,
                analog_pj=after.energy.total_pj,
            )
        left = [layer for layer in left if layer not in savings]
    return savings


def _simulated(name: str, plan: Plan, config: Config, gem5: Path | None) -> ProgramSummary:
    images = plan.network.calibration_inputs[:1]
    with tempfile.TemporaryDirectory() as folder:
        program = build(plan, config, images, Path(folder))
        elf = compile_generated(program, Path(folder))
        return simulate(name, plan, program, elf, config, gem5=gem5).summary


def _layer(program: ProgramSummary, name: str) -> LayerSummary:
    found = program.layer(name)
    assert found is not None, name
    return found
