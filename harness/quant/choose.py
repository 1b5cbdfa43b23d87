"""Which scale each activation gets."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from harness.model.graph import Graph
from harness.operators.quantization.step import Step
from harness.quant.calibrate import Distribution, common_threshold
from harness.quant.lower import Lowered

UNSEEN_THRESHOLD = 1.0  # of a tensor that calibration only saw zeros in
DECIDING_REDUCTION = 16


def choose_scales(
    graph: Graph, lowered: Lowered, distributions: Mapping[str, Distribution]
) -> dict[str, float]:
    """The scale of every tensor that remains.

    Some nodes pass their input's scale on, which is chosen where arithmetic reads the values
    (`read_from`).  What only a node reads that imposes its scale takes that scale, so that it is
    copied, not rounded twice.
    """
    producer = {step.output: step for step in lowered.steps}
    readers = readers_of(lowered)
    uses = Counter(name for step in lowered.steps for name in step.inputs)
    uses[lowered.output] += 1
    unclipped = {graph.input, _origin(lowered.output, producer)}
    for step in lowered.steps:
        if step.node.unclipped_input:
            unclipped.add(_origin(step.inputs[0], producer))

    def observed(name: str) -> Distribution:
        step = producer.get(name)
        return distributions[name if step is None else step.observed]

    def own_scale(name: str) -> float:
        step = producer.get(name)
        if step is not None and step.node.fixed_scale is not None:
            return step.node.fixed_scale
        if name in unclipped:
            threshold = observed(name).threshold(clip=False)
        else:
            ends = read_from(name, lowered, readers)
            threshold = common_threshold([observed(end) for end in ends])
        return (threshold or UNSEEN_THRESHOLD) / 127

    imposed: dict[str, float] = {}
    for step in reversed(lowered.steps):
        if step.node.imposes_scale:
            scale = imposed.setdefault(step.output, own_scale(step.output))
            for name in step.inputs:
                target = _only_for(name, producer, uses)
                if target is not None:
                    imposed[target] = scale
    scales = {graph.input: own_scale(graph.input)}
    for step in lowered.steps:
        if step.output in imposed:
            scales[step.output] = imposed[step.output]
        elif step.node.passes_scale:
            scales[step.output] = scales[step.inputs[0]]
        else:
            scales[step.output] = own_scale(step.output)
    return scales


def read_from(name: str, lowered: Lowered, readers: Mapping[str, Sequence[Step]]) -> list[str]:
    """The tensors on whose distributions the threshold of ``name`` is to be chosen.

    Arithmetic may read ``name`` only behind max-pools, which pass on the largest value of each
    window.  The larger the windows, the more of what it reads are values that the threshold
    of ``name`` itself would clip as outliers.  Chosen behind the pool instead, normal values keep
    0.1 dB more there for windows of 2 x 2, 1.5 dB for 4 x 4, 5 dB for 8 x 8 and 16 dB for
    32 x 32.  So it is chosen there if `DECIDING_REDUCTION` values or more become one, with
    the relative errors of all readers, and on ``name`` itself otherwise.
    """
    ends = _ends(name, lowered.output, readers)
    size = math.prod(lowered.shapes[name])
    reduced = [size >= DECIDING_REDUCTION * math.prod(lowered.shapes[end]) for end in ends]
    return ends if any(reduced) else [name]


def readers_of(lowered: Lowered) -> dict[str, list[Step]]:
    """By tensor, the steps that read it."""
    readers: dict[str, list[Step]] = {}
    for step in lowered.steps:
        for name in dict.fromkeys(step.inputs):
            readers.setdefault(name, []).append(step)
    return readers


def _ends(name: str, output: str, readers: Mapping[str, Sequence[Step]]) -> list[str]:
    """Of ``name`` and the tensors with its scale those that arithmetic or the user reads."""
    ends: dict[str, None] = {}
    open_tensors = [name]
    while open_tensors:
        tensor = open_tensors.pop()
        steps = readers.get(tensor, ())
        passing = [step.output for step in steps if step.node.passes_scale]
        open_tensors += passing
        if tensor == output or len(passing) < len(steps):
            ends[tensor] = None
    return list(ends)


def _origin(name: str, producer: Mapping[str, Step]) -> str:
    """The tensor whose scale ``name`` has: back through pools, clips and reshapes."""
    while name in producer and producer[name].node.passes_scale:
        name = producer[name].inputs[0]
    return name


def _only_for(name: str, producer: Mapping[str, Step], uses: Mapping[str, int]) -> str | None:
    """The tensor behind ``name`` whose scale may be chosen for the one reader of ``name``."""
    while uses[name] == 1 and name in producer:
        step = producer[name]
        if not step.node.passes_scale:
            return name if step.node.fixed_scale is None else None
        name = step.inputs[0]
    return None
