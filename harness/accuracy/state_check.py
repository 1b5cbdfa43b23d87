"""Checks that a state's content can be from this search: its layers, images and counts.

`state.py` checks the form of a state and that no other program changed it. The checks here are
against the search that continues, so that no measurement is mistaken for another.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from harness.accuracy.accuracy_drop import Measured
from harness.accuracy.state import Measurement, Route, SearchState, analog_of
from harness.config.loop_schema import SearchConfig

CONFIRMATION: Final = "confirmation"
DIGITAL: Final = "digital"
INT8: Final = "test int8"


def alone(layer: str) -> str:
    """The name of the measurement with ``layer`` as the only analog one."""
    return f"alone {layer}"


@dataclass(frozen=True)
class Scope:
    """The measurements that a search can make.

    Attributes:
        candidates: Layers that tiles can compute.
        images: Number of images, by split.
        segments: Number of segments of the retraining for one layer.
        warmup_segments: The same with all layers noisy.
        final: Names of the measurements of the result.
        search: Its repetitions and images.
    """

    candidates: Collection[str]
    images: Mapping[str, int]
    segments: int
    warmup_segments: int
    final: Collection[str]
    search: SearchConfig


def misfit(state: SearchState, scope: Scope) -> str | None:
    """The first content of ``state`` that no search of ``scope`` writes; None: there is none."""
    return next(_misfits(state, scope), None)


def _misfits(state: SearchState, scope: Scope) -> Iterator[str]:
    made = {(trial.route, trial.layer) for trial in state.trials}
    for split, correct in state.float_correct.items():
        if correct.images != scope.images.get(split):
            yield f"the float network on {correct.images} images of the split {split!r}"
    for trial in state.trials:
        tried = (*trial.route, trial.layer)
        segments = _segments(trial.layer, scope)
        if not _is_route(tried, made, scope) or (trial.weights is None) != (segments == 0):
            yield f"a trial of {trial.layer!r} after {trial.route}"
        elif not _counts(trial.measured, "validation", _sets(tried, scope), scope):
            yield f"the accuracies of the trial of {trial.layer!r} after {trial.route}"
    if state.attempt is not None:
        attempt = state.attempt
        tried = (*attempt.route, attempt.layer)
        known = _is_route(tried, {*made, (attempt.route, attempt.layer)}, scope)
        if not known or attempt.passages > _segments(attempt.layer, scope):
            yield f"an attempt with {attempt.layer!r} after {attempt.route}"
    for measurement in state.measurements:
        if not _is_measurement(measurement, made, scope):
            yield f"the measurement {measurement.name!r} after {measurement.route}"
    if state.savings is not None and state.savings.keys() != set(scope.candidates):
        yield "the savings"


def _is_route(route: Route, made: Collection[tuple[Route, str | None]], scope: Scope) -> bool:
    """Whether a search can have accepted the layers of ``route`` one after another."""
    layers = analog_of(route)
    return (
        None not in route[1:]
        and len(set(layers)) == len(layers)
        and set(layers) <= set(scope.candidates)
        and all((route[:index], layer) in made for index, layer in enumerate(route))
    )


def _is_measurement(
    measurement: Measurement, made: Collection[tuple[Route, str | None]], scope: Scope
) -> bool:
    name, route, measured = measurement.name, measurement.route, measurement.measured
    surveyed = {alone(layer) for layer in scope.candidates}
    if not _is_route(route, made, scope):
        return False
    if (measurement.divergence_nats is not None) != (name in surveyed):
        return False
    if name in surveyed:
        return _counts(measured, "survey", scope.search.survey_repetitions, scope)
    if name == DIGITAL:
        return _counts(measured, "survey", 1, scope)
    if name == CONFIRMATION:
        return _counts(measured, "validation", scope.search.confirm_repetitions, scope)
    if name == INT8:
        return route == () and _counts(measured, "test", 1, scope)
    split = name.partition(" ")[0]
    return name in scope.final and _counts(measured, split, _sets(route, scope), scope)


def _counts(measured: Measured, split: str, sets: int, scope: Scope) -> bool:
    return (measured.images, len(measured.values)) == (scope.images[split], sets)


def _sets(route: Route, scope: Scope) -> int:
    """Sets of devices on which the end of ``route`` is measured; without tiles all are equal."""
    return scope.search.repetitions if analog_of(route) else 1


def _segments(layer: str | None, scope: Scope) -> int:
    return scope.warmup_segments if layer is None else scope.segments
