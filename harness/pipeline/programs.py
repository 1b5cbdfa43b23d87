"""One program of a run: generated, compiled, simulated, checked and condensed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.atomic import atomic_write_text
from harness.cache.folder import cache_dir
from harness.codegen.program import (
    PROGRAMMING_REGION,
    GeneratedProgram,
    generate,
    reload_regions,
)
from harness.config.schema import Config
from harness.engines.protocol import RegionStats, RunResult
from harness.errors import StatsError
from harness.operators.integer_node import QNode
from harness.operators.tensor import Int8Array
from harness.pipeline.evaluations import plan_outputs
from harness.pipeline.simulations import Order, simulate_once
from harness.pipeline.simulator import Simulator
from harness.placement.plan import Plan
from harness.quant.macs import node_macs
from harness.stats.summary import (
    INT8_MACS_PER_DOT,
    PROGRAMMING,
    LayerInfo,
    ProgramSummary,
    Unit,
    summarize,
)
from harness.toolchain.build import compile_program

_PREDICTION: Final = re.compile(r"prediction (\d+) (\d+)")


@dataclass(frozen=True)
class SimulatedProgram:
    """The results of one program's simulation.

    ``predictions`` is the class of each simulated image, as the simulated core printed it;
    ``programming`` are the events of writing the weights into the tiles, before the first
    inference and in no layer's figures; reloaded layers have theirs in a row of their own.
    ``made_s`` is when it was simulated, now or for an earlier run, in seconds since 1970.
    """

    summary: ProgramSummary
    result: RunResult
    predictions: npt.NDArray[np.int64]
    programming: RegionStats | None
    made_s: float


def build(
    plan: Plan,
    config: Config,
    images: Int8Array,
    folder: Path,
    *,
    note: Callable[[str], None] = lambda _: None,
) -> GeneratedProgram:
    """Write the sources of ``plan`` with ``images`` and their expected outputs.

    Args:
        note: Hears of what is wrong with kept outputs.
    """
    expected = plan_outputs(plan, config.system, images, note=note)
    return generate(
        plan,
        config.system.tile,
        images=images,
        expected=expected,
        warmup=config.run.warmup,
        kernels=config.run.kernels,
        out_dir=folder / "src",
    )


def compile_generated(
    program: GeneratedProgram, folder: Path, *, note: Callable[[str], None] = lambda _: None
) -> Path:
    """Compile and link; the ELF is ``folder/program.elf``.  ``note`` hears of damaged caches."""
    return compile_program(
        program.sources,
        program.include_dirs,
        folder / "program.elf",
        defines=program.defines,
        cache_dir=cache_dir(),
        note=note,
    )


def simulate(
    name: str,
    plan: Plan,
    program: GeneratedProgram,
    elf: Path,
    config: Config,
    simulator: Simulator | None = None,
    macs_per_operation: int = INT8_MACS_PER_DOT,
) -> SimulatedProgram:
    """Run ``elf`` on the configured engine and check what comes back.

    A result that is kept from an earlier simulation of the same program serves as well; see
    `harness.pipeline.simulations`.

    Raises:
        EngineError: The simulation gave no result.
        MismatchError: Its outputs differ from the reference.
        StatsError: Its statistics or its console are incomplete.
    """
    simulator = simulator or Simulator()

    def read(result: RunResult) -> SimulatedProgram:
        layers, programming = _split_programming(result)
        summary = summarize(
            name,
            layers,
            config.system,
            layer_infos(plan),
            images=program.images,
            tiles_used=plan.tiles_used,
            macs_per_operation=macs_per_operation,
        )
        predictions = read_predictions(result.console, program.images)
        return SimulatedProgram(summary, result, predictions, programming, made_s=math.nan)

    order = Order(
        elf=elf,
        regions=program.regions,
        system=config.system,
        tiles_used=plan.tiles_used,
        engine=config.run.engine,
        timeout_s=config.run.timeout_s,
        engine_options=simulator.engine_options,
        fast_forward=config.run.fast_forward,
    )
    simulated, made_s = simulate_once(
        order,
        read,
        progress=simulator.progress,
        note=simulator.progress.stage,
        not_before_s=simulator.not_before_s,
    )
    atomic_write_text(elf.parent / "console.txt", simulated.result.console)
    return replace(simulated, made_s=made_s)


def _split_programming(result: RunResult) -> tuple[RunResult, RegionStats | None]:
    programming = [r for r in result.regions if r.region == PROGRAMMING_REGION]
    layers = tuple(r for r in result.regions if r.region != PROGRAMMING_REGION)
    return replace(result, regions=layers), programming[0] if programming else None


def layer_infos(plan: Plan) -> list[LayerInfo]:
    """Every region of the plan's program that an inference goes through, in execution order."""
    reloads = reload_regions(plan)
    infos: list[LayerInfo] = []
    for index, node in enumerate(plan.network.nodes):
        layer = plan.analog.get(node.name)
        tiles, visits = (0, 1) if layer is None else (layer.tiles, layer.part_count)
        if node.name in reloads:
            region, name = reloads[node.name]
            infos.append(LayerInfo(region, name, PROGRAMMING, "analog", 0, tiles, visits))
        unit: Unit = "digital" if layer is None else "analog"
        macs = node_macs(plan.network, node)
        infos.append(LayerInfo(index + 1, node.name, _kind(node), unit, macs, tiles, visits))
    return infos


def _kind(node: QNode) -> str:
    return node.kind.lower()


def read_predictions(console: str, images: int) -> npt.NDArray[np.int64]:
    """The classes that the program printed, one per simulated image, in order.

    Raises:
        StatsError: A line is missing, repeated or out of order.
    """
    found = [(int(i), int(c)) for i, c in _PREDICTION.findall(console)]
    if [index for index, _ in found] != list(range(images)):
        raise StatsError(
            f"the console has predictions of images {[i for i, _ in found][:8]}, "
            f"not of each of {images}",
            where="console",
            hint="this is a defect of the generated program or of the engine",
        )
    return np.array([label for _, label in found], dtype=np.int64)
