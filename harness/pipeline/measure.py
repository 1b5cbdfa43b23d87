"""The two programs of one network: simulated, checked and compared, without a report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from harness.artifacts import atomic_write_text
from harness.config.load import config_to_yaml
from harness.config.schema import Config
from harness.data.sizes import inputs_in_words
from harness.errors import HarnessError, StatsError
from harness.mapping.conductances import conductance_files
from harness.model.classes import class_count, final_softmax, left_out, score_graph
from harness.model.names import is_onnx_path
from harness.pipeline.fp32 import build_fp32
from harness.pipeline.prepare import Prepared, prepare
from harness.pipeline.programs import (
    SimulatedProgram,
    build,
    compile_generated,
    simulate,
)
from harness.placement.plan import Plan
from harness.placement.reference import infer_plan
from harness.placement.summary import plan_to_json
from harness.quant.float_reference import infer_float
from harness.quant.reference import Scores, count_ties, score_tensor, top1
from harness.quant.summary import network_to_json
from harness.report.comparison import (
    AccuracyEntry,
    AccuracyInfo,
    AnalogLayerInfo,
    Comparison,
    ModelInfo,
    OutputCheck,
    PlanInfo,
)
from harness.report.manifest import collect_manifest
from harness.stats.summary import FP32_MACS_PER_FMLA

DIGITAL: Final = "digital"
MAPPED: Final = "mapped"
FP32: Final = "fp32"


class Reporter(Protocol):
    """Hears what the job is doing."""

    def stage(self, text: str) -> None:
        """A stage begins."""

    def simulated(
        self, instructions: int, simulated_ns: float, layer: str | None = None, /
    ) -> None:
        """A simulation has come this far, to ``layer`` if the engine tells."""


class Silent:
    """A reporter for callers who do not want to hear."""

    def stage(self, text: str) -> None:
        """Nothing."""

    def simulated(
        self, instructions: int, simulated_ns: float, layer: str | None = None, /
    ) -> None:
        """Nothing."""


def measure(
    config: Config,
    folder: Path,
    *,
    command: Sequence[str],
    reporter: Reporter,
    gem5: Path | None = None,
) -> Comparison:
    """Simulate the programs of ``config`` in ``folder``, and compare them.

    Args:
        config: The whole configuration.
        folder: Gets ``config.yaml``, ``network.json``, ``plan.json`` and a folder per program.
        command: The command line, for the manifest.
        reporter: Hears of progress.
        gem5: The program of the engine gem5; None: the variable GEM5, then PATH.

    Raises:
        HarnessError: Any stage failed.
    """
    atomic_write_text(folder / "config.yaml", config_to_yaml(config))
    reporter.stage(
        f"reading, quantizing and mapping {inputs_in_words(config.run.model, config.run.dataset)}"
    )
    prepared = prepare(config)
    atomic_write_text(folder / "network.json", network_to_json(prepared.network))
    if prepared.mapped is not None:
        atomic_write_text(folder / "plan.json", plan_to_json(prepared.mapped, config.system))
    digital = _program(DIGITAL, prepared.digital, prepared, config, folder, reporter, gem5)
    mapped = (
        _program(MAPPED, prepared.mapped, prepared, config, folder, reporter, gem5)
        if prepared.mapped is not None
        else None
    )
    fp32 = _fp32(prepared, config, folder, reporter, gem5) if config.run.fp32_baseline else None
    reporter.stage("evaluating the reference")
    return _compare(config, prepared, digital, mapped, fp32, command)


def _program(
    name: str,
    plan: Plan,
    prepared: Prepared,
    config: Config,
    folder: Path,
    reporter: Reporter,
    gem5: Path | None,
) -> tuple[SimulatedProgram, int]:
    """Simulate one program; returns it and the number of output bytes it compared."""
    reporter.stage(f"generating and compiling the {name} program")
    images = prepared.images[: config.run.images]
    generated = build(plan, config, images, folder / name)
    elf = compile_generated(generated, folder / name, note=reporter.stage)
    reporter.stage(f"simulating the {name} program")
    simulated = simulate(name, plan, generated, elf, config, reporter.simulated, gem5=gem5)
    if simulated.programming is not None:
        text = json.dumps(asdict(simulated.programming), indent=2, sort_keys=True)
        atomic_write_text(folder / name / "programming.json", text + "\n")
    return simulated, generated.compared_bytes


def _fp32(
    prepared: Prepared, config: Config, folder: Path, reporter: Reporter, gem5: Path | None
) -> tuple[SimulatedProgram, int]:
    """Simulate the float network; returns as `_program`."""
    reporter.stage(f"generating and compiling the {FP32} program")
    generated = build_fp32(prepared, config, folder / FP32)
    elf = compile_generated(generated, folder / FP32, note=reporter.stage)
    reporter.stage(f"simulating the {FP32} program")
    simulated = simulate(
        FP32,
        prepared.digital,
        generated,
        elf,
        config,
        reporter.simulated,
        macs_per_operation=FP32_MACS_PER_FMLA,
        gem5=gem5,
    )
    return simulated, generated.compared_bytes


def _compare(
    config: Config,
    prepared: Prepared,
    digital: tuple[SimulatedProgram, int],
    mapped: tuple[SimulatedProgram, int] | None,
    fp32: tuple[SimulatedProgram, int] | None,
    command: Sequence[str],
) -> Comparison:
    model = prepared.model
    programs = [digital] if mapped is None else [digital, mapped]
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
        accuracy=_accuracy(config, prepared, [program for program, _ in programs]),
        no_accuracy=prepared.samples.no_labels,
        outputs=tuple(
            OutputCheck(
                program=program.summary.name,
                images=program.summary.images,
                compared_bytes=compared,
                mismatches=program.result.exit_code,
            )
            for program, compared in [*programs, *([fp32] if fp32 is not None else [])]
        ),
        fp32=fp32[0].summary if fp32 is not None else None,
        manifest=collect_manifest(
            config,
            programs[-1][0].result,
            command=command,
            seeds={"run": config.run.seed, "tile": config.system.tile.seed},
            inputs=inputs,
            samples={"images": prepared.samples.statement, **prepared.samples.provenance},
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


def _accuracy(
    config: Config, prepared: Prepared, programs: Sequence[SimulatedProgram]
) -> AccuracyInfo | None:
    """What the simulated cores computed, and what the references compute on more images."""
    labels, graph = prepared.samples.labels, prepared.model.graph
    classes = class_count(graph)
    if labels is None or classes is None:
        return None
    plans = {DIGITAL: prepared.digital, MAPPED: prepared.mapped}
    entries = []
    for program in programs:
        name = program.summary.name
        plan = plans[name]
        if plan is None:
            raise HarnessError(f"the program {name} has no plan", where=config.run.model)
        tensor = score_tensor(plan.network)
        scores = infer_plan(plan, config.system, prepared.images, tensor=tensor)
        simulated = len(program.predictions)
        outputs = scores[:simulated]
        if tensor != plan.network.output:
            outputs = infer_plan(plan, config.system, prepared.images[:simulated])
        _check_predictions(program, top1(outputs))
        # The outputs are the reference's, byte for byte, and so is what a final Softmax reads.
        entries.append(_entry(f"{name}, simulated", scores[:simulated], labels[:simulated]))
        entries.append(_entry(f"{name}, reference", scores, labels))
    return AccuracyInfo(
        dataset=prepared.samples.provenance["dataset"],
        split="test",
        classes=classes,
        first_label=int(labels.min()),
        last_label=int(labels.max()),
        softmax=final_softmax(graph),
        float_network=_entry(
            "float network", infer_float(score_graph(graph), prepared.samples.images), labels
        ),
        entries=tuple(entries),
    )


def _entry(what: str, scores: Scores, labels: npt.NDArray[np.int64]) -> AccuracyEntry:
    correct = int(np.sum(top1(scores) == labels))
    return AccuracyEntry(what, correct, len(labels), count_ties(scores))


def _check_predictions(program: SimulatedProgram, expected: npt.NDArray[np.intp]) -> None:
    """The simulated core names the class of each image by its own outputs."""
    for index, (found, wanted) in enumerate(zip(program.predictions, expected, strict=True)):
        if found != wanted:
            raise StatsError(
                f"the simulated core names class {found} for image {index}, "
                f"the reference names {wanted}",
                where=f"program {program.summary.name}",
                hint="this is a defect of the generated program or of the engine",
            )
