"""The search: convert a layer, retrain, keep it if the accuracy holds, else roll back.

A search under one bound is a walk over trials.  The strategy, the bound and the trials made so far
determine the next layer and whether the last one was kept.  The walk chooses its result among many
on one group of device sets.  The result is therefore measured on other device sets, and the layers
accepted last are rolled back until the bound holds there too.  `search_all` walks under several
bounds; a trial that two of them need is made once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from harness.accuracy.accuracy_drop import Measured, holds
from harness.accuracy.evaluate import Accuracies
from harness.accuracy.session import TRAINING_WORK, SearchSession
from harness.accuracy.state import Measurement, Route, Saving, analog_of
from harness.accuracy.state_check import CONFIRMATION, DIGITAL, alone
from harness.accuracy.strategies import Step, strategy_named
from harness.errors import MappingError


class Search:
    """The walk under one bound; the `strategies.LayerStatistics` of its strategy.

    Args:
        session: Makes the trials.
        drop_points: The bound, in percentage points below the float network.

    Attributes:
        route: The layers accepted so far, with the warm-up.
        complete: Whether every decision is made.
    """

    def __init__(self, session: SearchSession, drop_points: float) -> None:
        self.session, self.drop_points = session, drop_points
        self._strategy = strategy_named(session.loop.search.strategy)
        self._steps: list[Step] = []
        self._reported = 0
        self._wanted: str | None = None
        self._confirming = False
        self.route: Route = ()
        self.complete = False

    # What a strategy may ask

    @property
    def candidates(self) -> tuple[str, ...]:
        return tuple(self.session.demands)

    @property
    def macs(self) -> Mapping[str, int]:
        return {name: demand.macs for name, demand in self.session.demands.items()}

    @property
    def costly_layers(self) -> bool:
        return self.session.loop.search.costly_layers

    def divergences_nats(self) -> Mapping[str, float]:
        self.session.measure_alone(self._start)
        known = {name: alone.divergence_nats for name, alone in self.alone().items()}
        return {name: nats for name, nats in known.items() if nats is not None}

    def savings(self) -> Mapping[str, Saving]:
        return self.session.savings()

    def alone(self) -> dict[str, Measurement]:
        """Each candidate as the only analog one, after the warm-up; empty if no strategy asked."""
        state, start = self.session.state, self._start
        found = {name: state.made(start, alone(name)) for name in self.candidates}
        return {name: made for name, made in found.items() if made is not None}

    @property
    def digital(self) -> Measured | None:
        """No layer analog, after the warm-up; measured with `alone`."""
        return self.session.state.measurement(self._start, DIGITAL)

    # The walk

    @property
    def steps(self) -> tuple[Step, ...]:
        """The decisions made so far."""
        return tuple(self._steps)

    @property
    def needed(self) -> set[Route]:
        """Routes whose weights must be kept.

        They are the current network, every network that it can be rolled back to, and the start,
        which `alone` measures.
        """
        back = range(len(self.route)) if self._confirms and not self.complete else ()
        return {self.route, self._start, *(self.route[:length] for length in back)}

    def advance(self) -> None:
        """Make every decision for which the trial exists."""
        while not self.complete:
            if self._confirming:
                if not self._confirmed():
                    return
                continue
            layer = self._next_layer()
            if layer is None and (self._steps or not self.session.warms_up):
                self._confirming = True
            elif layer is not None and not self._has_tiles(layer):
                self._steps.append(Step(layer, accepted=False, analog=(), measured=None))
            elif (trial := self.session.state.trial(self.route, layer)) is not None:
                self._decide(layer, trial.measured)
            else:
                self._wanted = layer
                return

    def try_next(self) -> None:
        """Make the trial or the measurement at which `advance` stopped."""
        if self._confirming:
            self.session.confirm(self.route)
        else:
            self.session.try_layer(self.route, self._wanted)

    def report(self, known: str = "") -> None:
        """Report the decisions not yet reported; ``known`` says why they exist already."""
        for step in self._steps[self._reported :]:
            self.session.progress.note(_told(step) + (known if step.measured else ""))
        self._reported = len(self._steps)

    def work_left(self) -> float:
        """Images still to be evaluated, roughly: as if every candidate were tried."""
        session, search = self.session, self.session.loop.search
        images, repetitions = len(session.validation), search.repetitions
        tried = sum(1 for step in self._steps if step.layer is not None)
        trials = 0 if self.complete else max(0, len(self.candidates) - tried)
        training = 0 if session.task.training is None else len(session.task.training)
        warmup = 0.0 if self._steps else TRAINING_WORK * search.warmup_epochs * training
        retraining = TRAINING_WORK * search.retrain_epochs * training
        final = sum(
            repetitions * (len(session.task.test_split) if name.startswith("test") else images)
            for name in session.final_times
            if not self.complete or session.state.measurement(self.route, name) is None
        )
        confirmation = 0 if self.complete else images * search.confirm_repetitions
        return warmup + trials * (retraining + images * repetitions) + confirmation + final

    @property
    def _confirms(self) -> bool:
        return self.session.loop.search.confirm_repetitions > 0

    @property
    def _start(self) -> Route:
        """The route after the warm-up."""
        return (None,) if self.route[:1] == (None,) else ()

    def _next_layer(self) -> str | None:
        """None: the warm-up if it has not been done, else the end."""
        if self.session.warms_up and not self._steps:
            return None
        tried = [step for step in self._steps if step.layer is not None]
        return self._strategy.next_layer(self, tried)

    def _has_tiles(self, layer: str) -> bool:
        demands = self.session.demands
        used = sum(demands[name].tiles for name in analog_of(self.route))
        return used + demands[layer].tiles <= self.session.config.system.tiles

    def _confirmed(self) -> bool:
        """Roll one layer back, or end; False if the measurement for that is missing."""
        analog = analog_of(self.route)
        if not analog or not self._confirms:
            self.complete = True
            return True
        measured = self.session.state.measurement(self.route, CONFIRMATION)
        if measured is None:
            return False
        self.complete = self._holds(measured)
        self._steps.append(Step(analog[-1], self.complete, analog, measured, confirms=True))
        if not self.complete:
            self.route = self.route[:-1]
        return True

    def _holds(self, measured: Measured) -> bool:
        return holds(measured, self.drop_points, self.session.loop.search.confidence)

    def _decide(self, layer: str | None, measured: Measured) -> None:
        accepted = self._holds(measured)
        tried = (*self.route, layer)
        self._steps.append(Step(layer, accepted, analog_of(tried), measured))
        if accepted:
            self.route = tried


def search_all(
    session: SearchSession, searches: Sequence[Search], finished: Callable[[Search], None]
) -> None:
    """Walk each of ``searches`` to its end, measure its result and pass it to ``finished``.

    Raises:
        HarnessError: A stage failed, or guessing would hold a bound; earlier measurements stay.
    """
    for index, search in enumerate(searches):
        left = searches[index:]
        session.remaining = partial(_work_left, left)
        _check_bounds(session, left)
        session.progress.note(
            f"float accuracy {100 * session.baseline:.2f} % on {len(session.validation)} "
            f"validation images; bound {100 * session.baseline - search.drop_points:.2f} %"
        )
        _advance(session, left)
        search.report(" (measured before)")
        while not search.complete:
            search.try_next()
            _advance(session, left)
            search.report()
        session.measure_result(search.route)
        finished(search)


def _check_bounds(session: SearchSession, searches: Sequence[Search]) -> None:
    """Refuse bounds that guessing would hold.

    Raises:
        MappingError: There is one.
    """
    classes = session.task.classes
    for search in searches:
        bound = session.baseline - search.drop_points / 100
        if bound <= 1 / classes:
            raise MappingError(
                f"the bound of {search.drop_points:g} points below {100 * session.baseline:.2f} % "
                f"is {100 * bound:.2f} %, no more than guessing one of {classes} classes gives",
                where=session.task.name,
                hint="give a smaller --drop",
            )


def _advance(session: SearchSession, searches: Sequence[Search]) -> None:
    """Decide on what was measured, under every bound, and remove the weights that none needs."""
    for search in searches:
        search.advance()
    session.keep({route for search in searches for route in search.needed})


def _work_left(searches: Sequence[Search]) -> float:
    return sum(search.work_left() for search in searches)


def _told(step: Step) -> str:
    what = "retraining with all layers noisy" if step.layer is None else step.layer
    if step.measured is None:
        return f"{what}: no tiles left, digital"
    measured = Accuracies(step.values)
    spread = f" +- {100 * measured.ci95:.2f}" if len(step.values) > 1 else ""
    verdict = "kept" if step.accepted else "rolled back"
    if step.confirms:
        verdict = "confirmed" if step.accepted else f"{what} rolled back"
        what = "on other devices"
    return f"{what}: {100 * measured.mean:.2f} %{spread}: {verdict}"
