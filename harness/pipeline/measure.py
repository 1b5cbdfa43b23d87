"""The two programs of one network: simulated, checked and compared, without a report."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from harness.atomic import atomic_write_text
from harness.codegen.program import GeneratedProgram
from harness.config.load import config_to_yaml
from harness.config.schema import Config
from harness.data.sizes import inputs_in_words
from harness.engines.protocol import NO_OPTIONS, EngineOptions
from harness.mapping.conductance_file import conductance_files
from harness.model.classes import left_out
from harness.model.onnx_path import is_onnx_path
from harness.pipeline.accuracy import evaluate
from harness.pipeline.fp32 import build_fp32
from harness.pipeline.prepare import Prepared, prepare
from harness.pipeline.programs import (
    SimulatedProgram,
    build,
    compile_generated,
    simulate,
)
from harness.pipeline.simulator import Simulator
from harness.placement.plan import Plan
from harness.placement.summary import plan_to_json
from harness.progress import Progress
from harness.quant.summary import network_to_json
from harness.report.comparison import (
    AnalogLayerInfo,
    Comparison,
    ModelInfo,
    OutputCheck,
    PlanInfo,
)
from harness.report.manifest import collect_manifest
from harness.stats.summary import FP32_MACS_PER_FMLA, INT8_MACS_PER_DOT

DIGITAL: Final = "digital"
MAPPED: Final = "mapped"
FP32: Final = "fp32"


def measure(
    config: Config,
    folder: Path,
    *,
    command: Sequence[str],
    progress: Progress,
    engine_options: EngineOptions = NO_OPTIONS,
    not_before_s: float = 0.0,
) -> Comparison:
    """Simulate the programs of ``config`` in ``folder``, and compare them.

    A program that was simulated before is not simulated again (`harness.pipeline.simulations`).

    Args:
        config: The whole configuration.
        folder: Gets ``config.yaml``, ``network.json``, ``plan.json`` and a folder per program.
        command: The command line, for the manifest.
        progress: Gets the progress.
        engine_options: What the engine is told.
        not_before_s: Simulations of earlier than this do not count; seconds since 1970.

    Raises:
        HarnessError: Any stage failed.
    """
    began_s = time.time()
    simulator = Simulator(progress, engine_options, not_before_s)
    atomic_write_text(folder / "config.yaml", config_to_yaml(config))
    progress.stage(
        f"reading, quantizing and mapping {inputs_in_words(config.run.model, config.run.dataset)}"
    )
    prepared = prepare(config, simulator)
    atomic_write_text(folder / "network.json", network_to_json(prepared.network))
    if prepared.mapped is not None:
        atomic_write_text(folder / "plan.json", plan_to_json(prepared.mapped, config.system))
    bench = _Bench(config, prepared, folder, simulator)
    digital = bench.integer(DIGITAL, prepared.digital)
    mapped = None if prepared.mapped is None else bench.integer(MAPPED, prepared.mapped)
    fp32 = bench.fp32() if config.run.fp32_baseline else None
    progress.stage("evaluating the reference")
    return _compare(config, prepared, digital, mapped, fp32, command, began_s, progress.stage)


@dataclass(frozen=True)
class _Bench:
    """Where programs are simulated.  Its methods also give how many output bytes were compared."""

    config: Config
    prepared: Prepared
    folder: Path
    simulator: Simulator

    def integer(self, name: str, plan: Plan) -> tuple[SimulatedProgram, int]:
        """The program of ``plan``."""
        self.simulator.progress.stage(f"generating and compiling the {name} program")
        images = self.prepared.images[: self.config.run.images]
        generated = build(
            plan, self.config, images, self.folder / name, note=self.simulator.progress.stage
        )
        simulated = self._simulated(name, plan, generated)
        if simulated.programming is not None:
            text = json.dumps(asdict(simulated.programming), indent=2, sort_keys=True)
            atomic_write_text(self.folder / name / "programming.json", text + "\n")
        return simulated, generated.compared_bytes

    def fp32(self) -> tuple[SimulatedProgram, int]:
        """The program of the float network."""
        self.simulator.progress.stage(f"generating and compiling the {FP32} program")
        generated = build_fp32(self.prepared, self.config, self.folder / FP32)
        simulated = self._simulated(FP32, self.prepared.digital, generated, FP32_MACS_PER_FMLA)
        return simulated, generated.compared_bytes

    def _simulated(
        self,
        name: str,
        plan: Plan,
        generated: GeneratedProgram,
        macs_per_operation: int = INT8_MACS_PER_DOT,
    ) -> SimulatedProgram:
        note = self.simulator.progress.stage
        elf = compile_generated(generated, self.folder / name, note=note)
        note(f"simulating the {name} program")
        return simulate(name, plan, generated, elf, self.config, self.simulator, macs_per_operation)


def _compare(
    config: Config,
    prepared: Prepared,
    digital: tuple[SimulatedProgram, int],
    mapped: tuple[SimulatedProgram, int] | None,
    fp32: tuple[SimulatedProgram, int] | None,
    command: Sequence[str],
    began_s: float,
    note: Callable[[str], None],
) -> Comparison:
    model = prepared.model
    evaluated = [(prepared.digital, digital[0])]
    if mapped is not None and prepared.mapped is not None:
        evaluated.append((prepared.mapped, mapped[0]))
    programs = [digital] if mapped is None else [digital, mapped]
    simulated = [*programs, *([fp32] if fp32 is not None else [])]
    paths = [config.run.mapping] if config.run.mapping.endswith(".json") else []
    paths += [config.run.model] if is_onnx_path(config.run.model) else []
    inputs = [Path(path) for path in paths]
    if config.run.mapping.endswith(".json"):
        inputs += conductance_files(Path(config.run.mapping))
    inputs += [model.checkpoint] if model.checkpoint is not None else []
    if config.run.dataset is not None and Path(config.run.dataset).is_file():
        inputs.append(Path(config.run.dataset))
    return Comparison(
        config=config,
        model=ModelInfo(
            name=model.graph.name,
            source=model.source,
            input_shape=model.graph.shapes[model.graph.input],
            parameters=model.summary.parameters,
            macs=model.summary.macs,
            random_weights=model.graph.random_weights,
            checkpoint=model.checkpoint.name if model.checkpoint is not None else None,
            left_out=left_out(model.graph),
        ),
        digital=digital[0].summary,
        mapped=mapped[0].summary if mapped is not None else None,
        plan=_plan_info(config, prepared.mapped),
        accuracy=evaluate(config, prepared, evaluated, note),
        no_accuracy=prepared.samples.no_labels,
        outputs=tuple(
            OutputCheck(
                program=program.summary.name,
                images=program.summary.images,
                compared_bytes=compared,
                mismatches=program.result.exit_code,
            )
            for program, compared in simulated
        ),
        fp32=fp32[0].summary if fp32 is not None else None,
        manifest=collect_manifest(
            config,
            programs[-1][0].result,
            command=command,
            seeds={"run": config.run.seed, "tile": config.system.tile.seed},
            inputs=inputs,
            samples={"images": prepared.samples.statement, **prepared.samples.provenance},
            earlier_simulations={
                p.summary.name: p.made_s for p, _ in simulated if p.made_s < began_s
            },
        ),
    )


def _plan_info(config: Config, plan: Plan | None) -> PlanInfo | None:
    if plan is None:
        return None
    return PlanInfo(
        mapping=config.run.mapping,
        analog_layers=tuple(
            AnalogLayerInfo(
                layer.name,
                layer.rows,
                layer.columns,
                layer.tiles,
                layer.copy_count,
                layer.reloaded,
                layer.part_count,
            )
            for layer in plan.analog.values()
        ),
        tiles_used=plan.tiles_used,
        tiles_available=config.system.tiles,
        kept_digital=dict(plan.kept_digital),
    )
