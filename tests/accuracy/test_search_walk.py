"""The walk over trials, decision by decision, where a table says what each measurement gives.

The search's own modules decide; only retraining and evaluation are replaced, so that thousands of
walks take seconds.  What they must decide is written down again, plainly, in `expected`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.accuracy.accuracy_drop import Measured, Values
from harness.accuracy.evaluate import Accuracies
from harness.accuracy.search import Search, search_all
from harness.accuracy.state import Measurement, Route, Saving, SearchState, Trial, analog_of
from harness.config.loop_schema import LoopConfig
from harness.errors import MappingError
from tests.accuracy.searches import loop_config

REFERENCE = 0.9
IMAGES, TRAINING, TEST = 40, 70, 90
FINAL = {"validation 1": 1.0, "validation 60": 60.0, "test 1": 1.0}
Told = tuple[str | None, bool, tuple[str, ...], bool]  # layer, accepted, analog, confirms


@dataclass
class Table:
    """A `SearchSession` whose accuracies are looked up.

    Attributes:
        accuracies: By the analog layers and whether they are confirmed.
    """

    layers: Mapping[str, tuple[int, int]]  # multiply-accumulates and tiles
    accuracies: Callable[[tuple[str, ...], bool], Values]
    loop: LoopConfig
    tiles: int = 99
    warms_up: bool = False
    training: range | None = range(TRAINING)
    classes: int = 10
    kept: list[set[Route]] = field(default_factory=list)
    made: list[tuple[Route, str | None]] = field(default_factory=list)
    confirmed: list[Route] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    state: SearchState = field(default_factory=lambda: SearchState(identity={}))
    remaining: Callable[[], float] = float
    baseline: float = REFERENCE

    @property
    def demands(self) -> dict[str, Any]:
        return {
            name: SimpleNamespace(macs=macs, tiles=tiles)
            for name, (macs, tiles) in self.layers.items()
        }

    @property
    def config(self) -> SimpleNamespace:
        return SimpleNamespace(system=SimpleNamespace(tiles=self.tiles))

    @property
    def task(self) -> SimpleNamespace:
        return SimpleNamespace(
            training=self.training, test_split=range(TEST), classes=self.classes, name="fixed"
        )

    @property
    def validation(self) -> range:
        return range(IMAGES)

    @property
    def final_times(self) -> dict[str, float]:
        return FINAL

    @property
    def progress(self) -> SimpleNamespace:
        return SimpleNamespace(note=self.told.append)

    def measured(self, route: Route, *, confirms: bool = False) -> Measured:
        return Measured(
            values=self.accuracies(analog_of(route), confirms),
            images=IMAGES,
            reference=REFERENCE,
            image_variance=0.0,
            residual_variance=0.0,
        )

    def try_layer(self, route: Route, layer: str | None) -> None:
        self.made.append((route, layer))
        tried = self.measured((*route, layer))
        trial = Trial(route=route, layer=layer, measured=tried, weights=None)
        self.state = self.state.with_(trials=(*self.state.trials, trial))

    def confirm(self, route: Route) -> None:
        self.confirmed.append(route)
        self._keep(route, "confirmation", self.measured(route, confirms=True))

    def measure_result(self, route: Route) -> None:
        for name in FINAL:
            if self.state.measurement(route, name) is None:
                self._keep(route, name, self.measured(route))

    def measure_alone(self, route: Route) -> None:
        if self.state.measurement(route, "digital") is None:
            self._keep(route, "digital", self.measured(()))
            for index, layer in enumerate(self.layers):
                # The last layer changes least.
                self._keep(route, f"alone {layer}", self.measured((layer,)), 1.0 / (1 + index))

    def savings(self) -> dict[str, Saving]:
        """On a tile a layer takes 1 ns, on the core 1 ns for each multiply-accumulate."""
        return {
            name: Saving(digital_ns=macs, analog_ns=1.0, digital_pj=1.0, analog_pj=2.0)
            for name, (macs, _) in self.layers.items()
        }

    def _keep(self, route: Route, name: str, measured: Measured, nats: float | None = None) -> None:
        made = Measurement(route=route, name=name, measured=measured, divergence_nats=nats)
        self.state = self.state.with_(measurements=(*self.state.measurements, made))

    def keep(self, routes: Collection[Route]) -> None:
        self.kept.append(set(routes))


def holds(values: Values, drop_points: float) -> bool:
    return fmean(values) >= REFERENCE - drop_points / 100


def expected(table: Table, drop_points: float) -> tuple[list[Told], Route]:
    """LionHeart's walk and the confirmation, without trials, states and strategies."""
    steps: list[Told] = []
    warmed: list[str | None] = []
    kept: list[str] = []
    if table.warms_up:
        accepted = holds(table.accuracies((), False), drop_points)
        steps.append((None, accepted, (), False))
        warmed = [None] if accepted else []
    for layer in sorted(table.layers, key=lambda name: -table.layers[name][0]):
        if sum(table.layers[name][1] for name in [*kept, layer]) > table.tiles:
            steps.append((layer, False, (), False))
            continue
        accepted = holds(table.accuracies((*kept, layer), False), drop_points)
        steps.append((layer, accepted, (*kept, layer), False))
        if accepted:
            kept.append(layer)
    while kept and table.loop.search.confirm_repetitions:
        accepted = holds(table.accuracies(tuple(kept), True), drop_points)
        steps.append((kept[-1], accepted, tuple(kept), True))
        if accepted:
            break
        kept.pop()
    return steps, (*warmed, *kept)


FIXED = loop_config(
    "search.confirm_repetitions=2",
    "search.repetitions=5",
    "search.warmup_epochs=3",
    "search.retrain_epochs=2",
)
LOOPS = {count: loop_config(f"search.confirm_repetitions={count}") for count in (0, 1, 2)}
SHARES = st.sampled_from([0.82, 0.85, 0.88, 0.89, 0.9, 0.91])


@st.composite
def tables(draw: st.DrawFn) -> Table:
    names = "abcd"[: draw(st.integers(1, 4))]
    layers = {name: draw(st.tuples(st.integers(1, 3), st.integers(1, 2))) for name in names}
    seed = draw(st.integers(0, 1 << 16))
    shares = draw(st.lists(SHARES, min_size=3, max_size=8))

    def accuracies(analog: tuple[str, ...], confirms: bool) -> Values:
        pick = np.random.default_rng([seed, confirms, *map(ord, analog)])
        return tuple(shares[i] for i in pick.integers(0, len(shares), 2))

    return Table(
        layers,
        accuracies,
        LOOPS[draw(st.sampled_from([0, 1, 2]))],
        tiles=draw(st.integers(1, 6)),
        warms_up=draw(st.booleans()),
    )


def told(search: Search) -> list[Told]:
    return [(step.layer, step.accepted, step.analog, step.confirms) for step in search.steps]


@settings(max_examples=150, deadline=None)
@given(tables(), st.lists(st.sampled_from([0.0, 1.0, 2.0, 5.0]), min_size=1, max_size=3))
def test_every_walk_decides_as_written_down(table: Table, drops: list[float]) -> None:
    drops = list(dict.fromkeys(drops))
    searches = [Search(table, drop) for drop in drops]  # type: ignore[arg-type]
    finished: list[Search] = []
    search_all(table, searches, finished.append)  # type: ignore[arg-type]
    assert finished == searches
    for search in searches:
        made, route = expected(table, search.drop_points)
        assert told(search) == made
        assert search.route == route
        assert search.complete
        assert all(table.state.measurement(route, name) for name in FINAL)
        for step in search.steps:
            assert (step.measured is None) == (step.analog == () and step.layer is not None)
    assert len(table.made) == len(set(table.made))
    assert len(table.confirmed) == len(set(table.confirmed))


def fixed(**changes: Any) -> Table:  # noqa: ANN401
    """Three layers; c is rolled back when it is tried, and b when it is confirmed."""

    def accuracies(analog: tuple[str, ...], confirms: bool) -> Values:
        if "c" in analog:
            return (0.8, 0.84)
        return (0.85, 0.85) if confirms and "b" in analog else (0.88, 0.9)

    layers = {"c": (1, 1), "b": (2, 1), "a": (3, 1)}
    return Table(**{"layers": layers, "accuracies": accuracies, "loop": FIXED, **changes})


def test_weights_are_kept_for_routes_that_may_be_rolled_back_to() -> None:
    table = fixed(warms_up=True)
    search = Search(table, 1.5)  # type: ignore[arg-type]
    search_all(table, [search], lambda _: None)  # type: ignore[arg-type]
    assert search.route == (None, "a")
    start: Route = (None,)
    assert table.kept == [
        {()},
        {(), start},
        {(), start, (None, "a")},
        {(), start, (None, "a"), (None, "a", "b")},
        {(), start, (None, "a"), (None, "a", "b")},
        {(), start, (None, "a")},
        {start, (None, "a")},
    ]


def test_nothing_is_confirmed_when_all_is_rolled_back() -> None:
    table = fixed(accuracies=lambda _, confirms: (0.8 if confirms else 0.9,))
    search_all(table, [Search(table, 1.0)], lambda _: None)  # type: ignore[arg-type, list-item]
    assert table.confirmed == [("a", "b", "c"), ("a", "b"), ("a",)]


def test_without_confirmation_no_weights_are_kept_for_it() -> None:
    table = fixed(loop=LOOPS[0])
    search = Search(table, 1.5)  # type: ignore[arg-type]
    search_all(table, [search], lambda _: None)  # type: ignore[arg-type]
    assert search.route == ("a", "b")
    assert table.kept == [{()}, {(), ("a",)}, {(), ("a", "b")}, {(), ("a", "b")}]


def test_the_work_left_counts_images() -> None:
    table = fixed(warms_up=True)
    search = Search(table, 1.5)  # type: ignore[arg-type]
    final = 5 * (2 * IMAGES + TEST)
    trial = 4 * 2 * TRAINING + 5 * IMAGES
    confirmation = 2 * IMAGES
    found = []
    for _ in range(6):
        search.advance()
        found.append(search.work_left())
        if not search.complete:
            search.try_next()
    assert found == [
        4 * 3 * TRAINING + 3 * trial + confirmation + final,
        3 * trial + confirmation + final,
        2 * trial + confirmation + final,
        trial + confirmation + final,
        confirmation + final,
        confirmation + final,
    ]
    search.advance()
    assert search.complete
    assert search.work_left() == final
    table.measure_result(search.route)
    assert search.work_left() == 0


def test_what_was_decided_is_told_once() -> None:
    table = fixed(warms_up=True, tiles=2)
    table.layers = {"d": (4, 9), **table.layers}  # more than there are tiles
    searches = [Search(table, drop) for drop in (1.5, 7.0)]  # type: ignore[arg-type]
    search_all(table, searches, lambda _: None)  # type: ignore[arg-type]
    spread = f" +- {100 * Accuracies((0.88, 0.9)).ci95:.2f}"
    assert table.told == [
        "float accuracy 90.00 % on 40 validation images; bound 88.50 %",
        f"retraining with all layers noisy: 89.00 %{spread}: kept",
        "d: no tiles left, digital",
        f"a: 89.00 %{spread}: kept",
        f"b: 89.00 %{spread}: kept",
        "c: no tiles left, digital",
        "on other devices: 85.00 % +- 0.00: b rolled back",
        f"on other devices: 89.00 %{spread}: confirmed",
        "float accuracy 90.00 % on 40 validation images; bound 83.00 %",
        f"retraining with all layers noisy: 89.00 %{spread}: kept (measured before)",
        "d: no tiles left, digital",
        f"a: 89.00 %{spread}: kept (measured before)",
        f"b: 89.00 %{spread}: kept (measured before)",
        "c: no tiles left, digital",
        "on other devices: 85.00 % +- 0.00: confirmed (measured before)",
    ]


def test_a_bound_that_guessing_holds_is_refused_before_any_trial() -> None:
    table = fixed()
    searches = [Search(table, drop) for drop in (79.0, 80.0)]  # type: ignore[arg-type]
    with pytest.raises(MappingError) as error:
        search_all(table, searches, lambda _: None)  # type: ignore[arg-type]
    assert str(error.value) == (
        "fixed: the bound of 80 points below 90.00 % is 10.00 %, no more than guessing one of 10 "
        "classes gives\n  hint: give a smaller --drop"
    )
    assert table.made == []
    search_all(table, searches[:1], lambda _: None)  # type: ignore[arg-type]
    assert table.made != []
    even = fixed(baseline=1.0, classes=2)
    with pytest.raises(MappingError, match=r"50\.00 %, no more than guessing one of 2 classes"):
        search_all(even, [Search(even, 50.0)], lambda _: None)  # type: ignore[arg-type, list-item]


def test_what_a_trial_takes_back_is_told() -> None:
    table = fixed(accuracies=lambda *_: (0.8,), layers={"a": (1, 1)})
    search_all(table, [Search(table, 1.0)], lambda _: None)  # type: ignore[arg-type, list-item]
    assert table.told[1:] == ["a: 80.00 %: rolled back"]


def test_a_network_that_is_not_retrained_has_no_such_work() -> None:
    table = fixed(training=None, warms_up=True)
    search = Search(table, 1.5)  # type: ignore[arg-type]
    left = 3 * 5 * IMAGES + 2 * IMAGES + 5 * (2 * IMAGES + TEST)
    assert search.work_left() == left


def test_layers_that_a_strategy_leaves_out_are_no_work() -> None:
    loop = loop_config(
        "search.strategy=benefit", "search.costly_layers=false", "search.confirm_repetitions=0"
    )
    table = fixed(loop=loop)
    search = Search(table, 20.0)  # type: ignore[arg-type]
    search_all(table, [search], lambda _: None)  # type: ignore[arg-type]
    assert search.complete
    assert search.work_left() == 0


def test_one_repetition_has_no_spread() -> None:
    table = fixed(accuracies=lambda *_: (0.9,), layers={"a": (1, 1)})
    search_all(table, [Search(table, 1.0)], lambda _: None)  # type: ignore[arg-type, list-item]
    assert table.told[1:] == ["a: 90.00 %: kept", "on other devices: 90.00 %: confirmed"]


@pytest.mark.parametrize("warms_up", [False, True])
def test_a_survey_is_made_after_the_warm_up(warms_up: bool) -> None:
    loop = loop_config("search.strategy=sensitivity", "search.confirm_repetitions=0")
    table = fixed(loop=loop, warms_up=warms_up)
    search = Search(table, 20.0)  # type: ignore[arg-type]
    assert search.alone() == {}
    assert search.digital is None
    search_all(table, [search], lambda _: None)  # type: ignore[arg-type]
    assert analog_of(search.route) == ("a", "b", "c")
    start: Route = (None,) if warms_up else ()
    assert {made.route for made in search.alone().values()} == {start}
    assert list(search.alone()) == ["c", "b", "a"]
    assert search.digital == table.measured(())
    assert search.divergences_nats() == {"c": 1.0, "b": 0.5, "a": 1 / 3}
    assert search.macs == {"c": 1, "b": 2, "a": 3}
    assert search.costly_layers is False
    assert start in search.needed


@pytest.mark.parametrize(("costly", "tried"), [("false", "ab"), ("true", "abc")])
def test_savings_are_those_of_the_bench(costly: str, tried: str) -> None:
    """a saves 2 ns at 1/3 nat, b 1 ns at 1/2 nat, c nothing."""
    loop = loop_config("search.strategy=benefit", f"search.costly_layers={costly}")
    table = fixed(loop=loop)
    search_all(table, [Search(table, 20.0)], lambda _: None)  # type: ignore[arg-type, list-item]
    assert [layer for _, layer in table.made] == list(tried)


def test_the_work_of_all_searches_is_told() -> None:
    table = fixed()
    searches = [Search(table, drop) for drop in (1.5, 7.0)]  # type: ignore[arg-type]
    left: list[tuple[float, float]] = []

    def finish(search: Search) -> None:
        remaining = searches[searches.index(search) :]
        left.append((table.remaining(), sum(one.work_left() for one in remaining)))

    search_all(table, searches, finish)  # type: ignore[arg-type]
    assert all(told == own for told, own in left)
    assert left[0][0] > left[1][0] == 0


def test_a_confidence_takes_a_margin() -> None:
    loop = loop_config("search.confidence=0.9", "search.repetitions=2")
    uncertain = fixed(loop=loop, layers={"a": (1, 1)}, accuracies=lambda *_: (0.88, 0.91))
    search = Search(uncertain, 1.0)  # type: ignore[arg-type]
    search_all(uncertain, [search], lambda _: None)  # type: ignore[arg-type]
    assert search.route == ()
    assert holds((0.88, 0.91), 1.0)  # the mean alone would do
