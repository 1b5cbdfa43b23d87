"""Accuracies of a run's programs, from the simulated cores and from the references."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from harness.config.schema import Config
from harness.errors import StatsError
from harness.model.classes import class_count, final_softmax
from harness.pipeline.evaluations import float_scores, plan_outputs
from harness.pipeline.prepare import Prepared
from harness.pipeline.programs import SimulatedProgram
from harness.placement.plan import Plan
from harness.quant.reference import Scores, count_ties, score_tensor, top1
from harness.report.comparison import AccuracyEntry, AccuracyInfo


def evaluate(
    config: Config,
    prepared: Prepared,
    programs: Sequence[tuple[Plan, SimulatedProgram]],
    note: Callable[[str], None],
) -> AccuracyInfo | None:
    """Accuracies of the simulated cores, and of the references on more images.

    Args:
        note: Gets messages about a defective cache.

    Returns:
        None where there are no labels or no classes.

    Raises:
        StatsError: A core names another class than its reference.
    """
    labels, graph = prepared.samples.labels, prepared.model.graph
    classes = class_count(graph)
    if labels is None or classes is None:
        return None
    entries = []
    for plan, program in programs:
        name = program.summary.name
        tensor = score_tensor(plan.network)
        scores = plan_outputs(plan, config.system, prepared.images, tensor=tensor, note=note)
        simulated = len(program.predictions)
        outputs = scores[:simulated]
        if tensor != plan.network.output:
            outputs = plan_outputs(plan, config.system, prepared.images[:simulated], note=note)
        _check_predictions(program, top1(outputs))
        # The outputs equal the reference's byte for byte, and so do the inputs of a final Softmax.
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
            "float network",
            float_scores(graph, prepared.samples.images, note=note),
            labels,
        ),
        entries=tuple(entries),
    )


def _entry(what: str, scores: Scores, labels: npt.NDArray[np.int64]) -> AccuracyEntry:
    correct = int(np.sum(top1(scores) == labels))
    return AccuracyEntry(what, correct, len(labels), count_ties(scores))


def _check_predictions(program: SimulatedProgram, expected: npt.NDArray[np.intp]) -> None:
    """Check the class of each image that the simulated core printed against its outputs."""
    for index, (found, wanted) in enumerate(zip(program.predictions, expected, strict=True)):
        if found != wanted:
            raise StatsError(
                f"the simulated core names class {found} for image {index}, "
                f"the reference names {wanted}",
                where=f"program {program.summary.name}",
                hint="this is a defect of the generated program or of the engine",
            )
