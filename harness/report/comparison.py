"""Everything that a report tells: one network, one system, two programs, and their provenance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.config.load import config_hash
from harness.config.schema import Config
from harness.data.chance import WRONG_INPUTS, at_chance
from harness.errors import MismatchError, StatsError
from harness.stats.summary import Gain, ProgramSummary, gain


@dataclass(frozen=True)
class ModelInfo:
    """The network.  ``source`` is "built-in" or the file that it was read from.

    ``left_out`` is the final operator that the programs do not compute, if there is one.
    """

    name: str
    source: str
    input_shape: tuple[int, ...]
    parameters: int
    macs: int  # of one inference
    random_weights: bool
    checkpoint: str | None = None
    left_out: str | None = None


@dataclass(frozen=True)
class AnalogLayerInfo:
    """An analog layer's matrix and the tiles that hold it.

    ``tiles`` are those of all ``copies``.  A ``reloaded`` matrix is programmed at each inference,
    in ``parts`` one after the other.
    """

    name: str
    rows: int
    columns: int
    tiles: int
    copies: int = 1
    reloaded: bool = False
    parts: int = 1


@dataclass(frozen=True)
class PlanInfo:
    """What the placement decided.  ``kept_digital`` says why a wanted layer is not analog."""

    mapping: str
    analog_layers: tuple[AnalogLayerInfo, ...]
    tiles_used: int
    tiles_available: int
    kept_digital: dict[str, str]


@dataclass(frozen=True)
class AccuracyEntry:
    """``correct`` of ``images`` labelled images, by ``what`` (a reference or a simulation).

    In ``ties`` of them several classes share the largest value; the first of these counts.
    """

    what: str
    correct: int
    images: int
    ties: int

    @property
    def percent(self) -> float:
        return 100.0 * self.correct / self.images


@dataclass(frozen=True)
class AccuracyInfo:
    """Accuracies on labelled images that nothing was trained or calibrated on.

    The class with the largest of ``classes`` values is compared with the label; labels are from
    ``first_label`` to ``last_label``.  Values are those before ``softmax``, the final Softmax or
    LogSoftmax, if there is one.  ``entries`` are of the programs.
    """

    dataset: str
    split: str
    classes: int
    first_label: int
    last_label: int
    softmax: str | None
    float_network: AccuracyEntry
    entries: tuple[AccuracyEntry, ...]

    @property
    def everything(self) -> tuple[AccuracyEntry, ...]:
        return (self.float_network, *self.entries)

    @property
    def is_no_better_than_chance(self) -> bool:
        """Whether the float network itself is: then labels or images may be wrong."""
        return at_chance(self.float_network.correct, self.float_network.images, self.classes)


@dataclass(frozen=True)
class OutputCheck:
    """The comparison of one program's outputs with the reference's, done in the target."""

    program: str
    images: int
    compared_bytes: int
    mismatches: int


@dataclass(frozen=True)
class InputFile:
    """A file that the run read."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """Where the numbers come from; enough to get them again."""

    created_utc: str
    command: tuple[str, ...]
    harness_version: str
    git_commit: str | None
    config_hash: str
    engine: str
    engine_version: str
    seeds: dict[str, int]
    packages: dict[str, str]
    host: dict[str, str]
    inputs: tuple[InputFile, ...]
    samples: dict[str, str]  # what the images are; checksums of dataset and splits
    earlier_simulations: dict[str, str]  # programs with a kept result, and when it was made (UTC)


@dataclass(frozen=True)
class Comparison:
    """One finished job.  ``mapped`` and ``plan`` are None where only the digital program ran.

    ``no_accuracy`` says why ``accuracy`` is None.
    ``fp32`` is the float network's program, if it was asked for; its outputs were compared with
    the float reference within a tolerance (kernels/include/aimc_fp32_ops.h).

    Raises:
        StatsError: The parts contradict each other, or give an accuracy for random weights.
        MismatchError: A program's outputs differ from the reference's.
    """

    config: Config
    model: ModelInfo
    digital: ProgramSummary
    mapped: ProgramSummary | None
    plan: PlanInfo | None
    accuracy: AccuracyInfo | None
    outputs: tuple[OutputCheck, ...]
    manifest: Manifest
    fp32: ProgramSummary | None = None
    no_accuracy: str = "no labelled images"

    def __post_init__(self) -> None:
        for check in self.outputs:
            if check.mismatches:
                raise MismatchError(
                    f"{check.mismatches} of {check.compared_bytes} output bytes differ",
                    where=f"program {check.program}",
                )
        for problem in self._problems():
            raise StatsError(problem, where=f"report of {self.model.name}")

    def _problems(self) -> Iterator[str]:
        if (self.mapped is None) != (self.plan is None):
            yield "a mapped program needs a plan, and a plan a mapped program"
        if self.model.random_weights and self.accuracy is not None:
            yield "random weights have no accuracy"
        if self.manifest.config_hash != config_hash(self.config):
            yield "the manifest belongs to another configuration"
        checked = {check.program: check for check in self.outputs}
        for program in self.programs:
            check = checked.get(program.name)
            if check is None or check.compared_bytes < 1 or check.images != program.images:
                yield f"the outputs of program {program.name} were not compared"
        if len({program.name for program in self.programs}) < len(self.programs):
            yield "two programs have one name"
        if self.accuracy is not None:
            yield from _accuracy_problems(self.accuracy)

    @property
    def programs(self) -> tuple[ProgramSummary, ...]:
        return tuple(p for p in (self.digital, self.mapped, self.fp32) if p is not None)

    @property
    def gain(self) -> Gain | None:
        """Digital over mapped; None where only the digital program ran."""
        return None if self.mapped is None else gain(self.digital, self.mapped)

    def fp32_gain(self, program: ProgramSummary) -> Gain | None:
        """The fp32 program over ``program``; None without one."""
        return None if self.fp32 is None else gain(self.fp32, program)


def _accuracy_problems(accuracy: AccuracyInfo) -> Iterator[str]:
    for entry in accuracy.everything:
        if not 0 <= entry.correct <= entry.images or entry.images < 1:
            yield f"accuracy of {entry.what}: {entry.correct} of {entry.images}"
        if not 0 <= entry.ties <= entry.images:
            yield f"ties of {entry.what}: {entry.ties} of {entry.images}"
    if not 0 <= accuracy.first_label <= accuracy.last_label < accuracy.classes:
        yield (
            f"labels from {accuracy.first_label} to {accuracy.last_label} "
            f"for {accuracy.classes} classes"
        )


def accuracy_statement(comparison: Comparison) -> str:
    """What every output says about accuracy, in words."""
    if comparison.model.random_weights:
        return (
            "Weights are random (no trained checkpoint): time and energy hold, "
            "no accuracy is given."
        )
    if comparison.accuracy is None:
        weights = "a checkpoint's" if comparison.model.checkpoint else "the network file's"
        return f"Weights are {weights}; accuracy was not evaluated ({comparison.no_accuracy})."
    accuracy = comparison.accuracy
    parts = [_said(entry) for entry in accuracy.everything]
    where = f"{accuracy.dataset}, {accuracy.split}"
    before = f" before the final {accuracy.softmax}" if accuracy.softmax else ""
    statement = (
        f"Accuracy on {where}, largest of {accuracy.classes} values{before} against labels "
        f"{accuracy.first_label} to {accuracy.last_label}: {'; '.join(parts)}."
    )
    if any(entry.ties for entry in accuracy.everything):
        statement += " In a tie the first of the classes that share the largest value counts."
    statement += _fewer_analog(comparison.plan)
    if accuracy.is_no_better_than_chance:
        statement += (
            f" WARNING: the float network is no better than guessing one of "
            f"{accuracy.classes} classes: {WRONG_INPUTS}."
        )
    return statement


def _fewer_analog(plan: PlanInfo | None) -> str:
    """That a mapping file's layers are not all analog, if that is so."""
    if plan is None or not plan.kept_digital or not plan.mapping.endswith(".json"):
        return ""
    analog = len(plan.analog_layers)
    return (
        f" Only {analog} of the {analog + len(plan.kept_digital)} layers that the mapping makes "
        "analog are: a bound that it was found for is one for all of them together."
    )


def _said(entry: AccuracyEntry) -> str:
    ties = "" if not entry.ties else f", {entry.ties} tie{'s' if entry.ties != 1 else ''}"
    return f"{entry.what} {entry.percent:.2f} % ({entry.correct} of {entry.images}{ties})"


def outputs_statement(comparison: Comparison) -> str:
    """What every output says about the comparison of outputs, in words."""

    def said(check: OutputCheck) -> str:
        images = f"{check.images} image{'s' if check.images != 1 else ''}"
        return f"{check.program} {check.compared_bytes} bytes of {images}"

    fp32 = None if comparison.fp32 is None else comparison.fp32.name
    exact = [said(check) for check in comparison.outputs if check.program != fp32]
    close = [said(check) for check in comparison.outputs if check.program == fp32]
    statement = f"Outputs equal the integer reference, byte for byte: {'; '.join(exact)}."
    if close:
        statement += f" Within tolerance of the float reference: {'; '.join(close)}."
    if comparison.model.left_out is not None:
        statement += (
            f" The final {comparison.model.left_out} is left out of the programs: "
            "their outputs are the values before it."
        )
    return statement
