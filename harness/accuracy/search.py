"""The search: convert a layer, retrain, keep it if the accuracy holds, else take it back.

After every decision and every passage of retraining the state is saved, and everything random is
drawn from seeds that name what it is for; so a search that was killed goes on as if it had not
been.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cached_property
from statistics import fmean, variance
from typing import Final, Protocol

from harness.accuracy.evaluate import Accuracies
from harness.accuracy.finetune import Passage, TrainingNoise, passages, retrain
from harness.accuracy.meter import Meter
from harness.accuracy.noise import layer_seed
from harness.accuracy.savings import layer_savings
from harness.accuracy.state import Attempt, Saving, SearchState, StateFolder, Step, Values
from harness.accuracy.strategies import strategy_named
from harness.accuracy.task import Labelled, Task
from harness.config.schema import Config, LoopConfig
from harness.mapping.mapping import Mapping as LayerMapping
from harness.mapping.mapping import matrix_layers
from harness.model.graph import Graph
from harness.placement.select import Demand, demands
from harness.quant.program import FloatArray
from harness.training.loop import TensorSplit, tensor_split

DAY_S: Final = 86_400.0
YEAR_S: Final = 365 * DAY_S
CURVE_S: Final = (1.0, 60.0, 3600.0, DAY_S, 7 * DAY_S, 30 * DAY_S, YEAR_S)
TEST_S: Final = (1.0, DAY_S, YEAR_S)
TRAINING_WORK: Final = 4  # a retraining's image takes about as long as so many evaluations
TEST_SEED: Final = 1 << 31  # added to the seed: devices that the search has not seen


class Reporter(Protocol):
    """Hears how far the search has come."""

    def stage(self, text: str) -> None:
        """Something begins."""

    def decided(self, text: str) -> None:
        """A decision or a result."""

    def work(self, done: float, total: float) -> None:
        """Of a total of work, in the same unit; both may grow."""


class Search:
    """One search; a `strategies.Survey` for its strategy.

    Args:
        task: The network and its images.
        config: System and engine, for the tiles and for simulated savings.
        loop: Noise and search.
        folder: Where the state is kept.
        threads: Of torch.
    """

    def __init__(
        self,
        task: Task,
        config: Config,
        loop: LoopConfig,
        folder: StateFolder,
        reporter: Reporter,
        *,
        threads: int,
    ) -> None:
        self._task, self._config, self._loop = task, config, loop
        self._folder, self._reporter, self._threads = folder, reporter, threads
        self._search, self._noise = loop.search, loop.noise
        self._meter = Meter(task, config.system, loop, threads=threads)
        self.validation = task.validation.first(loop.search.validation_images)
        self._strategy = strategy_named(loop.search.strategy)
        self._began = time.monotonic()
        self.state = folder.load()
        self._save(self.state)

    # What a strategy may ask

    @cached_property
    def demands(self) -> dict[str, Demand]:
        """What each layer that tiles can compute would take of them."""
        network = self._task.quantized(self._task.graph)
        wish = dict.fromkeys(matrix_layers(network), "analog")
        mapping = LayerMapping(network.name, "analog", wish, insists=False)  # type: ignore[arg-type]
        available = self._config.system.tiles
        return {
            demand.name: demand
            for demand in demands(network, mapping, self._config.system.tile)
            if demand.obstacle is None and demand.tiles <= available
        }

    @property
    def candidates(self) -> tuple[str, ...]:
        return tuple(self.demands)

    @property
    def macs(self) -> Mapping[str, int]:
        return {name: demand.macs for name, demand in self.demands.items()}

    @property
    def costly_layers(self) -> bool:
        return self._search.costly_layers

    def losses(self) -> Mapping[str, float]:
        self._survey_losses()
        assert self.state.digital is not None
        digital = fmean(self.state.digital)
        return {name: 100 * (digital - fmean(self.state.alone[name])) for name in self.candidates}

    def loss_uncertainty(self) -> float:
        self._survey_losses()
        spread = [variance(v) / len(v) for v in self.state.alone.values() if len(v) > 1]
        error = fmean(spread) ** 0.5 if spread else 0.0
        return 100 * max(error, 1 / len(self.validation))

    def savings(self) -> Mapping[str, Saving]:
        if self.state.savings is None:
            network = self._task.quantized(self._task.graph)
            found = layer_savings(
                network,
                self.candidates,
                self._config,
                lambda program: self._reporter.stage(f"simulating {program}"),
            )
            self._save(self.state.with_(savings=found))
        assert self.state.savings is not None
        return self.state.savings

    def _survey_losses(self) -> None:
        missing = [name for name in self.candidates if name not in self.state.alone]
        if not missing and self.state.digital is not None:
            return
        network = self._meter.stored(self._accepted_graph)
        if self.state.digital is None:
            self._save(self.state.with_(digital=self._meter.measure(network, self.validation, ())))
        for name in missing:
            self._reporter.stage(f"measuring {name} alone ({len(self.state.alone)} done)")
            values = self._meter.measure(
                network, self.validation, (name,), repetitions=self._search.survey_repetitions
            )
            self._save(self.state.with_(alone={**self.state.alone, name: values}))

    # The search

    def run(self) -> SearchState:
        """Search to the end; measure what was found.

        Raises:
            HarnessError: A stage failed; what was decided before stays.
        """
        if self.state.baseline is None:
            self._reporter.stage("measuring the float network")
            self._save(self.state.with_(baseline=self._meter.float_share(self.validation)))
        self._reporter.decided(
            f"float accuracy {100 * self.baseline:.2f} % on {len(self.validation)} validation "
            f"images; bound {100 * self.bound:.2f} %"
        )
        for step in self.state.steps:
            self._reporter.decided(f"{_told(step)} (from the state)")
        if not self.state.steps and self._passages(None):
            self._step(None)
        while not self.state.searched:
            tried = [step for step in self.state.steps if step.layer is not None]
            layer = self._strategy.next_layer(self, tried)
            if layer is None:
                self._save(self.state.with_(searched=True))
            elif self._tiles_used + self.demands[layer].tiles > self._config.system.tiles:
                self._decide(Step(layer=layer, accepted=False, analog=(), values=()))
            else:
                self._step(layer)
        self._measure_result()
        return self.state

    @property
    def baseline(self) -> float:
        """The float network's accuracy on the validation images, as a share."""
        assert self.state.baseline is not None
        return self.state.baseline

    @property
    def bound(self) -> float:
        """The least mean accuracy that is kept, as a share."""
        return self.baseline - self._search.drop_points / 100

    @property
    def graph(self) -> Graph:
        """The network as it stands, with its weights as the checkpoint will have them."""
        return self._task.stored(self._accepted_graph)

    def conductances(self) -> dict[str, FloatArray]:
        """Of the analog layers at the time of evaluation: the first devices of the test."""
        return self._meter.conductances(
            self._meter.stored(self._accepted_graph),
            self.validation,
            self.state.analog,
            seed=self._search.seed + TEST_SEED,
        )

    @property
    def _tiles_used(self) -> int:
        return sum(self.demands[layer].tiles for layer in self.state.analog)

    @property
    def _accepted_graph(self) -> Graph:
        if self.state.weights is None:
            return self._task.graph
        return self._folder.load_weights(self.state.weights, self._task.graph)

    @cached_property
    def _training(self) -> TensorSplit:
        assert self._task.training is not None
        return tensor_split(self._task.training, self._task.graph)

    def _passages(self, layer: str | None) -> tuple[Passage, ...]:
        """The retraining for ``layer``, or for all layers; empty where nothing is retrained."""
        recipe, search = self._task.recipe, self._search
        if recipe is None:
            return ()
        epochs = search.warmup_epochs if layer is None else search.retrain_epochs
        return passages(epochs, recipe.learning_rate * search.retrain_rate)

    def _step(self, layer: str | None) -> None:
        """Try ``layer``, or warm up; the decision is saved with its weights."""
        analog = self.state.analog if layer is None else (*self.state.analog, layer)
        graph = self._retrained(layer, self.candidates if layer is None else analog)
        self._reporter.stage(f"measuring {layer or 'the retrained network'}")
        values = self._meter.measure(self._meter.stored(graph), self.validation, analog)
        accepted = fmean(values) >= self.bound
        attempt = self.state.attempt
        weights = attempt.weights if accepted and attempt is not None else self.state.weights
        step = Step(layer=layer, accepted=accepted, analog=analog, values=values)
        self._decide(step, weights=weights, attempt=None)

    def _decide(self, step: Step, **changes: object) -> None:
        self._save(self.state.with_(steps=(*self.state.steps, step), **changes))
        self._reporter.decided(_told(step))

    def _retrained(self, layer: str | None, analog: tuple[str, ...]) -> Graph:
        recipe, search = self._task.recipe, self._search
        attempt = self.state.attempt
        graph, done = self._accepted_graph, 0
        if attempt is not None:
            graph = self._folder.load_weights(attempt.weights, self._task.graph)
            done = attempt.passages
        parts = self._passages(layer)
        for index, passage in enumerate(parts[done:], done):
            part = f", part {index + 1} of {len(parts)}" if len(parts) > 1 else ""
            self._reporter.stage(f"retraining for {layer or 'all layers noisy'}{part}")
            assert recipe is not None  # without one there is no part
            graph = retrain(
                graph,
                analog,
                self._training,
                recipe,
                self._training_noise,
                passage,
                seed=layer_seed(search.seed, f"retraining for {layer}", index),
                threads=self._threads,
            )
            self._meter.work += TRAINING_WORK * passage.epochs * len(self._training.labels)
            weights = self._folder.save_weights(graph)
            made = Attempt(layer=layer, passages=index + 1, weights=weights)
            self._save(self.state.with_(attempt=made))
        return graph

    @property
    def _training_noise(self) -> TrainingNoise:
        tile = self._meter.system.tile
        return TrainingNoise(
            weight_noise=self._noise.training_weight_noise,
            input_bits=tile.dac_bits,
            output_bits=tile.adc_bits,
            output_noise_lsb=tile.output_noise_lsb if tile.noise else 0.0,
        )

    # What was found

    def _measure_result(self) -> None:
        """Accuracy against time on validation, and once on the test split."""
        self._measure_all(
            self.validation,
            {f"validation {t:.0f}": t for t in sorted({*CURVE_S, self._noise.t_eval_s})},
            self._search.seed,
        )
        if all(name in self.state.final for name in self._test_names):
            return
        test = self._task.test
        if "test float" not in self.state.final:
            self._reporter.stage("measuring the float network on the test split")
            self._save_final("test float", (self._meter.float_share(test),))
        if "test int8" not in self.state.final:
            self._reporter.stage("measuring the digital int8 network on the test split")
            network = self._task.quantized(self._task.graph)
            self._save_final("test int8", self._meter.measure(network, test, ()))
        self._measure_all(test, self._test_times, self._search.seed + TEST_SEED)

    @property
    def _test_times(self) -> dict[str, float]:
        return {f"test {t:.0f}": t for t in sorted({*TEST_S, self._noise.t_eval_s})}

    @property
    def _test_names(self) -> tuple[str, ...]:
        return ("test float", "test int8", *self._test_times)

    def _measure_all(self, data: Labelled, times: Mapping[str, float], seed: int) -> None:
        missing = {name: t for name, t in times.items() if name not in self.state.final}
        if not missing:
            return
        network = self._meter.stored(self._accepted_graph)
        for name, t in missing.items():
            split, _, seconds = name.partition(" ")
            self._reporter.stage(f"measuring on the {split} split {seconds} s after programming")
            values = self._meter.measure(network, data, self.state.analog, t_s=t, seed=seed)
            self._save_final(name, values)

    def _save_final(self, name: str, values: Values) -> None:
        self._save(self.state.with_(final={**self.state.final, name: values}))

    def _save(self, state: SearchState) -> None:
        now = time.monotonic()
        state = state.with_(seconds=state.seconds + now - self._began)
        self._began = now
        self._folder.save(state)
        self.state = state
        done = self._meter.work
        if done > 0:
            self._reporter.work(done, done + self._work_left())

    def _work_left(self) -> float:
        """Images still to be evaluated, roughly: as if every candidate were tried."""
        state, search = self.state, self._search
        images, repetitions = len(self.validation), search.repetitions
        tried = sum(1 for step in state.steps if step.layer is not None)
        steps = 0 if state.searched else max(0, len(self.candidates) - tried)
        training = 0 if self._task.training is None else len(self._task.training)
        warmup = 0.0 if state.steps else TRAINING_WORK * search.warmup_epochs * training
        retraining = TRAINING_WORK * search.retrain_epochs * training
        curve = sum(1 for t in CURVE_S if f"validation {t:.0f}" not in state.final)
        tests = sum(1 for t in TEST_S if f"test {t:.0f}" not in state.final)
        test_images = len(self._task.test_split)
        return (
            warmup
            + steps * (retraining + images * repetitions)
            + curve * images * repetitions
            + tests * test_images * repetitions
        )


def _told(step: Step) -> str:
    what = "retraining with all layers noisy" if step.layer is None else step.layer
    if not step.values:
        return f"{what}: no tiles left, digital"
    measured = Accuracies(step.values)
    spread = f" +- {100 * measured.ci95:.2f}" if len(step.values) > 1 else ""
    verdict = "kept" if step.accepted else "taken back"
    return f"{what}: {100 * measured.mean:.2f} %{spread}: {verdict}"
