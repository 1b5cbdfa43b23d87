"""What searches of one network share: retraining, measurements, and the state that keeps both.

Nothing here depends on a bound, so searches of one network under several bounds make each trial
once.  Random numbers are drawn from seeds that name their purpose.  The state is saved after every
trial and every segment of retraining, so a killed search continues as if it had not been killed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Final

import numpy as np

from harness.accuracy.accuracy_drop import BoolArray, Measured
from harness.accuracy.baseline import check_baseline
from harness.accuracy.finetune import RetrainingSegment, TrainingNoise, retrain, segments
from harness.accuracy.noise import layer_seed
from harness.accuracy.savings import layer_savings
from harness.accuracy.search_evaluator import SearchEvaluator
from harness.accuracy.state import (
    BEGIN_AGAIN,
    STATE_FILE,
    Attempt,
    FloatCorrect,
    Measurement,
    Route,
    Saving,
    SearchState,
    StateFolder,
    Trial,
    analog_of,
)
from harness.accuracy.state_check import CONFIRMATION, DIGITAL, INT8, Scope, alone, misfit
from harness.accuracy.task import Labelled, Task
from harness.config.loop_schema import LoopConfig
from harness.config.schema import Config
from harness.engines.protocol import NO_OPTIONS, EngineOptions
from harness.errors import DataError
from harness.mapping.mapping import LayerMapping, Unit, matrix_layers
from harness.model.graph import Graph
from harness.operators.tensor import FloatArray
from harness.placement.select import Demand, demands
from harness.progress import Progress
from harness.safe_text import shown
from harness.training.loop import TensorSplit, tensor_split

DAY_S: Final = 86_400.0
YEAR_S: Final = 365 * DAY_S
CURVE_S: Final = (1.0, 60.0, 3600.0, DAY_S, 7 * DAY_S, 30 * DAY_S, YEAR_S)
TEST_S: Final = (1.0, DAY_S, YEAR_S)
TRAINING_WORK: Final = 4  # one training image takes about as long as this many evaluations
TEST_SEED: Final = 1 << 31  # added to the seed: devices that the search has not seen
CONFIRMING_SEED: Final = 1 << 32  # and others that only the confirmation sees


class SearchSession:
    """One network, its images and its state.

    Args:
        task: The network and its images.
        config: System and engine, for the tiles and for simulated savings.
        loop: Noise and search settings; the bound is not used.
        folder: Where the state is kept.
        threads: Number of torch threads.
        engine_options: What the engine is told.

    Attributes:
        remaining: Returns roughly how many images are still to be evaluated.
    """

    def __init__(
        self,
        task: Task,
        config: Config,
        loop: LoopConfig,
        folder: StateFolder,
        progress: Progress,
        *,
        threads: int,
        engine_options: EngineOptions = NO_OPTIONS,
    ) -> None:
        self.task, self.config, self.loop, self.progress = task, config, loop, progress
        self._folder, self._threads, self._engine_options = folder, threads, engine_options
        self._evaluator = SearchEvaluator(task, config.system, loop, threads=threads)
        self.validation = task.validation.first(loop.search.validation_images)
        self.remaining: Callable[[], float] = float
        self._needed: frozenset[Route] = frozenset()
        self._began = time.monotonic()
        self.state = folder.load()
        self._check()
        self._save(self.state)

    def _check(self) -> None:
        """Refuse a state that names this search, but cannot be from it."""
        scope = Scope(
            candidates=self.demands.keys(),
            images={
                "validation": len(self.validation),
                "survey": min(len(self.validation), self.loop.search.survey_images),
                "test": len(self.task.test_split),
            },
            segments=len(self._segments("a layer")),
            warmup_segments=len(self._segments(None)),
            final=self.final_times.keys(),
            search=self.loop.search,
        )
        problem = misfit(self.state, scope)
        if problem is not None:
            raise DataError(
                f"the interrupted search has what it cannot have measured: {shown(problem)}",
                where=str(self._folder.folder / STATE_FILE),
                hint=BEGIN_AGAIN,
            )

    @cached_property
    def demands(self) -> dict[str, Demand]:
        """The tiles that each layer would take, for the layers that tiles can compute."""
        network = self.task.quantized(self.task.graph)
        wish: dict[str, Unit] = dict.fromkeys(matrix_layers(network), "analog")
        mapping = LayerMapping(network.name, "analog", wish, insists=False)
        system = self.config.system
        return {
            demand.name: demand
            for demand in demands(network, mapping, system.tile)
            if demand.obstacle is None and demand.tiles <= system.tiles
        }

    def savings(self) -> Mapping[str, Saving]:
        """Simulated time and energy of each candidate, digital and analog."""
        if self.state.savings is None:
            found = layer_savings(
                self.task.quantized(self.task.graph),
                tuple(self.demands),
                self.config,
                lambda program: self.progress.stage(f"simulating {program}"),
                engine_options=self._engine_options,
            )
            self._save(self.state.with_(savings=found))
        assert self.state.savings is not None
        return self.state.savings

    def measure_alone(self, route: Route) -> None:
        """Measure the network at the end of ``route``, digital and with each candidate alone."""
        missing = [
            layer for layer in self.demands if self.state.measurement(route, alone(layer)) is None
        ]
        digital = self.state.measurement(route, DIGITAL)
        if digital is not None and not missing:
            return
        images = self.validation.first(self.loop.search.survey_images)
        reference = self.float_correct("validation")[: len(images)]
        network = self._evaluator.stored(self._graph(route))
        if digital is None:
            measured = self._evaluator.measure(network, images, (), reference)
            self._keep_measurement(route, DIGITAL, measured)
        found = self._evaluator.alone(network, images, missing, reference)
        for index, layer in enumerate(missing):
            left = len(missing) - index
            self.progress.stage(f"measuring the layers alone ({left} to do): {layer}")
            self._keep_measurement(route, alone(layer), *next(found))

    # The float network

    @property
    def baseline(self) -> float:
        """Its accuracy on the validation images, as a share."""
        return float(self.float_correct("validation").mean())

    def float_correct(self, split: str) -> BoolArray:
        """Which images of ``validation`` or ``test`` it classifies correctly."""
        if split not in self.state.float_correct:
            self.progress.stage(f"measuring the float network on the {split} split")
            found = self._evaluator.float_correct(self._images(split))
            check_baseline(found, self.task.classes, f"{self.task.dataset}, {split} split")
            correct = FloatCorrect.of(found)
            known = {**self.state.float_correct, split: correct}
            self._save(self.state.with_(float_correct=known))
        return self.state.float_correct[split].correct

    def float_measured(self, split: str) -> Measured:
        """The float network's accuracy; its drop against itself is 0."""
        correct = self.float_correct(split)
        return Measured.of(correct[np.newaxis], correct)

    def _images(self, split: str) -> Labelled:
        return self.task.test if split == "test" else self.validation

    # Trials

    @property
    def warms_up(self) -> bool:
        """Whether all candidate layers are retrained with noise before the first trial."""
        return bool(self._segments(None))

    def try_layer(self, route: Route, layer: str | None) -> None:
        """Retrain the network at the end of ``route`` for ``layer`` and measure it; None: warm up.

        Raises:
            HarnessError: A stage failed; the saved state stays.
        """
        analog = analog_of((*route, layer))
        noisy = tuple(self.demands) if layer is None else analog
        graph = self._retrained(route, layer, noisy)
        self.progress.stage(f"measuring {layer or 'the retrained network'}")
        measured = self._evaluator.measure(
            self._evaluator.stored(graph), self.validation, analog, self.float_correct("validation")
        )
        attempt = self._attempt(route, layer)
        weights = None if attempt is None else attempt.weights
        trial = Trial(route=route, layer=layer, measured=measured, weights=weights)
        self._save(self.state.with_(trials=(*self.state.trials, trial), attempt=None))

    def confirm(self, route: Route) -> None:
        """Measure the network at the end of ``route`` on devices that no trial has seen."""
        repetitions = self.loop.search.confirm_repetitions
        self.progress.stage(f"confirming what was found on {repetitions} other sets of devices")
        measured = self._evaluator.measure(
            self._evaluator.stored(self._graph(route)),
            self.validation,
            analog_of(route),
            self.float_correct("validation"),
            repetitions=repetitions,
            seed=self.loop.search.seed + CONFIRMING_SEED,
        )
        self._keep_measurement(route, CONFIRMATION, measured)

    def keep(self, routes: Collection[Route]) -> None:
        """Remove the weights of all trials except the last ones of ``routes``."""
        self._needed = frozenset(routes)
        found = {self.state.weights(route) for route in self._needed}
        if self.state.attempt is not None:
            found.add(self.state.attempt.weights)
        self._folder.keep_weights({weights for weights in found if weights is not None})

    def stored_graph(self, route: Route) -> Graph:
        """The network at the end of ``route``, with weights as the checkpoint will have them."""
        return self.task.stored(self._graph(route))

    def conductances(self, route: Route) -> dict[str, FloatArray]:
        """Conductances of the analog layers at the time of evaluation: the test's first devices."""
        return self._evaluator.conductances(
            self._evaluator.stored(self._graph(route)),
            self.validation,
            analog_of(route),
            seed=self.loop.search.seed + TEST_SEED,
        )

    def _graph(self, route: Route) -> Graph:
        weights = self.state.weights(route)
        if weights is None:
            return self.task.graph
        return self._folder.load_weights(weights, self.task.graph)

    @cached_property
    def _training(self) -> TensorSplit:
        assert self.task.training is not None
        return tensor_split(self.task.training, self.task.graph)

    def _segments(self, layer: str | None) -> tuple[RetrainingSegment, ...]:
        """The retraining for ``layer``, or for all layers; empty where nothing is retrained."""
        recipe, search = self.task.recipe, self.loop.search
        if recipe is None:
            return ()
        epochs = search.warmup_epochs if layer is None else search.retrain_epochs
        return segments(epochs, recipe.learning_rate * search.retrain_rate)

    def _attempt(self, route: Route, layer: str | None) -> Attempt | None:
        attempt = self.state.attempt
        if attempt is None or (attempt.route, attempt.layer) != (route, layer):
            return None
        return attempt

    def _retrained(self, route: Route, layer: str | None, noisy: tuple[str, ...]) -> Graph:
        recipe, search = self.task.recipe, self.loop.search
        attempt = self._attempt(route, layer)
        if attempt is None:
            graph, done = self._graph(route), 0
        else:
            graph = self._folder.load_weights(attempt.weights, self.task.graph)
            done = attempt.passages
        parts = self._segments(layer)
        for index, segment in enumerate(parts[done:], done):
            part = f", part {index + 1} of {len(parts)}" if len(parts) > 1 else ""
            self.progress.stage(f"retraining for {layer or 'all layers noisy'}{part}")
            assert recipe is not None  # without one there is no part
            graph = retrain(
                graph,
                noisy,
                self._training,
                recipe,
                self._training_noise,
                segment,
                seed=layer_seed(search.seed, f"retraining for {layer}", index),
                threads=self._threads,
            )
            self._evaluator.work += TRAINING_WORK * segment.epochs * len(self._training.labels)
            weights = self._folder.save_weights(graph)
            made = Attempt(route=route, layer=layer, passages=index + 1, weights=weights)
            self._save(self.state.with_(attempt=made))
            self.keep(self._needed | {route})
        return graph

    @property
    def _training_noise(self) -> TrainingNoise:
        tile = self._evaluator.system.tile
        return TrainingNoise(
            weight_noise=self.loop.noise.training_weight_noise,
            input_bits=tile.dac_bits,
            output_bits=tile.adc_bits,
            output_noise_lsb=tile.output_noise_lsb if tile.noise else 0.0,
        )

    # What was found

    def measure_result(self, route: Route) -> None:
        """Accuracy against time on validation, and once on the test split."""
        seed, network = self.loop.search.seed, self._evaluator.stored(self._graph(route))
        missing = [name for name in self.final_times if self.state.measurement(route, name) is None]
        if self.state.measurement((), INT8) is None:
            self.progress.stage("measuring the digital int8 network on the test split")
            digital = self.task.quantized(self.task.graph)
            reference = self.float_correct("test")
            measured = self._evaluator.measure(digital, self.task.test, (), reference)
            self._keep_measurement((), INT8, measured)
        for name in missing:
            split, _, seconds = name.partition(" ")
            self.progress.stage(f"measuring on the {split} split {seconds} s after programming")
            measured = self._decided(route, name) or self._evaluator.measure(
                network,
                self._images(split),
                analog_of(route),
                self.float_correct(split),
                t_s=self.final_times[name],
                seed=seed + TEST_SEED if split == "test" else seed,
            )
            self._keep_measurement(route, name, measured)

    @cached_property
    def final_times(self) -> dict[str, float]:
        """Seconds since programming of every final measurement, by its name."""
        own = self.loop.noise.t_eval_s
        return {f"validation {t:.0f}": t for t in sorted({*CURVE_S, own})} | {
            f"test {t:.0f}": t for t in sorted({*TEST_S, own})
        }

    def _decided(self, route: Route, name: str) -> Measured | None:
        """The measurement ``name`` if a decision was made on the same devices and images."""
        if name != f"validation {self.loop.noise.t_eval_s:.0f}" or not analog_of(route):
            return None
        trial = self.state.trial(route[:-1], route[-1])
        return None if trial is None else trial.measured

    def _keep_measurement(
        self, route: Route, name: str, measured: Measured, divergence_nats: float | None = None
    ) -> None:
        made = Measurement(
            route=route, name=name, measured=measured, divergence_nats=divergence_nats
        )
        self._save(self.state.with_(measurements=(*self.state.measurements, made)))

    def _save(self, state: SearchState) -> None:
        now = time.monotonic()
        state = state.with_(seconds=state.seconds + now - self._began)
        self._began = now
        self._folder.save(state)
        self.state = state
        done = self._evaluator.work
        self.progress.work(done, done + self.remaining())
