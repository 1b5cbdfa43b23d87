"""Which scale each activation gets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from harness.model.graph import Concat, Graph, Softmax
from harness.quant.calibrate import Distribution
from harness.quant.lower import PASSING, Lowered, Step

SOFTMAX_SCALE = 1 / 128
UNSEEN_THRESHOLD = 1.0  # of a tensor that calibration only saw zeros in


def choose_scales(
    graph: Graph, lowered: Lowered, distributions: Mapping[str, Distribution]
) -> dict[str, float]:
    """The scale of every tensor that remains.

    Pools, clips and reshapes pass their input's scale on.  What a Concat alone reads takes the
    Concat's scale, so that it is copied, not rounded twice.
    """
    producer = {step.output: step for step in lowered.steps}
    uses = Counter(name for step in lowered.steps for name in step.inputs)
    uses[lowered.output] += 1
    unclipped = {graph.input, _origin(lowered.output, producer)}
    for step in lowered.steps:
        if isinstance(step.node, Softmax):  # its input decides the order of the classes
            unclipped.add(_origin(step.inputs[0], producer))

    def own_scale(name: str) -> float:
        step = producer.get(name)
        if step is not None and isinstance(step.node, Softmax):
            return SOFTMAX_SCALE
        observed = name if step is None else step.observed
        threshold = distributions[observed].threshold(clip=name not in unclipped)
        return (threshold or UNSEEN_THRESHOLD) / 127

    imposed: dict[str, float] = {}
    for step in reversed(lowered.steps):
        if isinstance(step.node, Concat):
            scale = imposed.setdefault(step.output, own_scale(step.output))
            for name in step.inputs:
                target = _only_for(name, producer, uses)
                if target is not None:
                    imposed[target] = scale
    scales = {graph.input: own_scale(graph.input)}
    for step in lowered.steps:
        if step.output in imposed:
            scales[step.output] = imposed[step.output]
        elif isinstance(step.node, PASSING):
            scales[step.output] = scales[step.inputs[0]]
        else:
            scales[step.output] = own_scale(step.output)
    return scales


def _origin(name: str, producer: Mapping[str, Step]) -> str:
    """The tensor whose scale ``name`` has: back through pools, clips and reshapes."""
    while name in producer and isinstance(producer[name].node, PASSING):
        name = producer[name].inputs[0]
    return name


def _only_for(name: str, producer: Mapping[str, Step], uses: Mapping[str, int]) -> str | None:
    """The tensor behind ``name`` whose scale may be chosen for the one reader of ``name``."""
    while uses[name] == 1 and name in producer:
        step = producer[name]
        if not isinstance(step.node, PASSING):
            return None if isinstance(step.node, Softmax) else name
        name = step.inputs[0]
    return None
