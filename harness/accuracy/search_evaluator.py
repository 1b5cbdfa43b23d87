"""A search's accuracy measurements: networks as they will be stored, on the configured tiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.accuracy.accuracy_drop import BoolArray, Measured
from harness.accuracy.baseline import float_correct
from harness.accuracy.evaluate import Evaluator
from harness.accuracy.noise import with_noise
from harness.accuracy.task import Labelled, Task
from harness.config.loop_schema import LoopConfig
from harness.config.schema import SystemConfig
from harness.model.graph import Graph
from harness.operators.tensor import FloatArray
from harness.quant.program import QNetwork


class SearchEvaluator:
    """Measures accuracies; ``work`` counts evaluated images and the work that its owner adds."""

    def __init__(self, task: Task, system: SystemConfig, loop: LoopConfig, *, threads: int) -> None:
        self.system = with_noise(system, loop.noise)
        self.work = 0.0
        self._task, self._loop, self._threads = task, loop, threads

    def float_correct(self, data: Labelled) -> BoolArray:
        """Which images of ``data`` the float network of the task classifies correctly."""
        self.work += len(data)
        return float_correct(self._task.graph, data, threads=self._threads)

    def stored(self, graph: Graph) -> QNetwork:
        """``graph`` as a run will quantize it after reading its checkpoint."""
        return self._task.quantized(self._task.stored(graph))

    def measure(
        self,
        network: QNetwork,
        data: Labelled,
        analog: tuple[str, ...],
        reference: BoolArray,
        *,
        repetitions: int | None = None,
        t_s: float | None = None,
        seed: int | None = None,
    ) -> Measured:
        """How ``data`` is classified over sets of devices.

        Arguments not given are the search's settings.

        Args:
            reference: Which images the float network classifies correctly.
        """
        search, noise = self._loop.search, self._loop.noise
        correct = self._evaluator(network, data).correct(
            analog,
            t_s=noise.t_eval_s if t_s is None else t_s,
            # Without tiles all repetitions are equal.
            repetitions=(repetitions or search.repetitions) if analog else 1,
            seed=search.seed if seed is None else seed,
        )
        self.work += correct.size
        return Measured.of(correct, reference)

    def alone(
        self, network: QNetwork, data: Labelled, layers: Sequence[str], reference: BoolArray
    ) -> Iterator[tuple[Measured, float]]:
        """How ``data`` is classified with each of ``layers`` as the only analog one.

        Also yields the mean divergence from the digital network, in nats.

        Args:
            reference: Which images the float network classifies correctly.
        """
        search, evaluator = self._loop.search, self._evaluator(network, data)
        for layer in layers:
            correct, divergence = evaluator.compared(
                [layer],
                t_s=self._loop.noise.t_eval_s,
                repetitions=search.survey_repetitions,
                seed=search.seed,
            )
            self.work += correct.size
            yield Measured.of(correct, reference), float(divergence.mean())

    def conductances(
        self, network: QNetwork, data: Labelled, analog: tuple[str, ...], *, seed: int
    ) -> dict[str, FloatArray]:
        """Effective weights [K, N] at the time of evaluation: the first devices of ``seed``."""
        return self._evaluator(network, data.first(1)).conductances(
            analog, t_s=self._loop.noise.t_eval_s, seed=seed, repetition=0
        )

    def _evaluator(self, network: QNetwork, data: Labelled) -> Evaluator:
        return Evaluator(
            network,
            data.images,
            data.labels,
            system=self.system,
            noise=self._loop.noise,
            threads=self._threads,
        )
