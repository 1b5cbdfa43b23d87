"""Accuracy of a mapped network over many sets of devices.

The evaluation is an implementation in torch of the simulated integer program: the layers that
placement makes from the programmed weights, the tile's converters and the integer network's
arithmetic.  In its exact form (float64) and with the tile's noise off, its outputs are
`harness.placement.reference.infer_plan`'s byte for byte.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import stdtrit

from harness.accuracy.accuracy_drop import BoolArray
from harness.accuracy.divergence import Nats, divergence_nats
from harness.accuracy.evaluate_analog import AnalogOperator
from harness.accuracy.evaluate_calibration import Calibration
from harness.accuracy.evaluate_normal import NormalSource
from harness.accuracy.evaluate_program import TorchProgram
from harness.accuracy.noise import layer_seed, program_weights
from harness.config.loop_schema import NoiseConfig
from harness.config.schema import SystemConfig
from harness.data.images import checked_labels
from harness.errors import MappingError, QuantError
from harness.mapping.mapping import matrix_layers
from harness.operators.backend.torch_backend import Arithmetic
from harness.operators.matrix import WeightedNode
from harness.operators.tensor import FloatArray, Int8Array
from harness.placement.analog import float_matrix
from harness.quant.program import QNetwork
from harness.quant.quantize import quantize_input
from harness.quant.reference import score_tensor, top1

IntArray = npt.NDArray[np.int64]

WEIGHTS_AT_ONCE = 32 << 20  # analog weights of the repetitions that are evaluated together


@dataclass(frozen=True)
class Accuracies:
    """Shares of correctly classified images, one per repetition."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return sum(self.values) / len(self.values)

    @property
    def deviation(self) -> float:
        """The sample's standard deviation; 0 for a single value."""
        if len(self.values) < 2:
            return 0.0
        return float(np.std(self.values, ddof=1))

    @property
    def ci95(self) -> float:
        """Half the width of the mean's 95 % confidence interval (Student's t).

        Infinite for a single value.
        """
        count = len(self.values)
        if count < 2:
            return math.inf
        return float(stdtrit(count - 1, 0.975)) * self.deviation / math.sqrt(count)


class Evaluator:
    """Evaluates any choice of analog layers of ``network`` on one set of images.

    The tiles are those of ``system`` as given: put ``noise`` on them with
    `harness.accuracy.noise.with_noise` for converter noise.

    Args:
        network: The integer network; its float weights are programmed.
        images: float32 as the graph takes them, [n, c, h, w] or [n, features].
        labels: Integers [n].
        threads: Number of torch threads, on a CPU.
        device: The torch device; None: a GPU if there is one, and the CPU if exact.
        exact: float64 and integer requantization instead of float32.

    Raises:
        QuantError: There are no images.
        DataError: Not every image has a label, or a label is not a class of the network.
    """

    def __init__(
        self,
        network: QNetwork,
        images: FloatArray,
        labels: IntArray,
        *,
        system: SystemConfig,
        noise: NoiseConfig,
        threads: int = 2,
        device: str | None = None,
        exact: bool = False,
    ) -> None:
        if len(images) == 0:
            raise QuantError("0 images", where=network.name)
        self._network, self._system, self._noise = network, system, noise
        self._inputs = quantize_input(images, network.tensors[network.input].scale)
        classes = prod(network.tensors[network.output].shape)
        self._labels = checked_labels(labels, len(images), classes, network.name)
        self._threads = threads
        chosen = device or ("cuda" if torch.cuda.is_available() and not exact else "cpu")
        self._how = Arithmetic(torch.device(chosen), exact)
        self._program = TorchProgram(network, self._how)
        self._score_tensor = score_tensor(network)
        self._scoring = TorchProgram(network, self._how, self._score_tensor)
        self._calibration = Calibration(network, system.tile, self._how)
        self._matrices = matrix_layers(network)

    def accuracies(
        self,
        analog: Collection[str],
        *,
        t_s: float,
        repetitions: int,
        seed: int,
        images: int | None = None,
    ) -> Accuracies:
        """Accuracies with the layers of ``analog`` on tiles, one per set of devices.

        Args:
            t_s: Seconds since programming.
            repetitions: Sets of devices, at least 1; set i is the same at every time.
            seed: The seed of devices and converter noise.
            images: Use only this many, from the first on.

        Raises:
            MappingError: A layer does not exist or cannot be analog.
        """
        correct = self.correct(analog, t_s=t_s, repetitions=repetitions, seed=seed, images=images)
        return Accuracies(tuple(float(one.mean()) for one in correct))

    def correct(
        self,
        analog: Collection[str],
        *,
        t_s: float,
        repetitions: int,
        seed: int,
        images: int | None = None,
    ) -> BoolArray:
        """Which images each repetition classifies correctly, [repetitions, n]; see `accuracies`."""
        count = len(self._inputs) if images is None else min(images, len(self._inputs))
        scores = self._scores(analog, t_s, range(repetitions), seed, count)
        labels = self._labels[:count]
        return np.stack([top1(one) == labels for one in scores])

    def compared(
        self, analog: Collection[str], *, t_s: float, repetitions: int, seed: int
    ) -> tuple[BoolArray, Nats]:
        """`correct`, and each image's divergence from the digital network, [repetitions, n] nats.

        The arguments are those of `accuracies`; see `divergence_nats`.
        """
        scores = list(self._scores(analog, t_s, range(repetitions), seed, len(self._inputs)))
        correct = np.stack([top1(one) == self._labels for one in scores])
        logits = np.stack([self._logits(one) for one in scores])
        return correct, divergence_nats(self._digital_logits, logits)

    @cached_property
    def _digital_logits(self) -> FloatArray:
        (scores,) = self._scores((), 0.0, [0], 0, len(self._inputs))
        return self._logits(scores)

    def _logits(self, scores: Int8Array) -> FloatArray:
        """[n, classes]."""
        scale = self._network.tensors[self._score_tensor].scale
        return scores.reshape(len(scores), -1) * np.float32(scale)

    def predictions(
        self, analog: Collection[str], *, t_s: float, seed: int, repetition: int
    ) -> IntArray:
        """The class of every image in one repetition, as `accuracies` counts it."""
        (scores,) = self._scores(analog, t_s, [repetition], seed, len(self._inputs))
        return top1(scores).astype(np.int64)

    def conductances(
        self, analog: Collection[str], *, t_s: float, seed: int, repetition: int
    ) -> dict[str, FloatArray]:
        """Effective weights [K, N] of one repetition's devices, for `LayerMapping.conductances`."""
        return {
            node.name: program_weights(
                float_matrix(node),
                self._noise,
                t_s=t_s,
                seed=layer_seed(seed, node.name, repetition),
            )
            for node in self._chosen(analog)
        }

    def outputs(self, conductances: Mapping[str, FloatArray], *, seed: int = 0) -> Int8Array:
        """The network's int8 outputs [n, ...] with given effective weights on the tiles."""
        nodes = self._chosen(conductances)
        with self._workers() as workers:
            operators = self._operators(nodes, conductances)
            count = len(self._inputs)
            outputs: Int8Array = self._run(workers, self._program, {0: operators}, seed, count)[0]
        return outputs

    def _scores(
        self,
        analog: Collection[str],
        t_s: float,
        repetitions: Sequence[int],
        seed: int,
        count: int,
    ) -> Iterator[Int8Array]:
        """The values that determine the classes, for each repetition; see `score_tensor`."""
        nodes = self._chosen(analog)
        weights = sum(node.weight.size for node in nodes)
        at_once = max(1, WEIGHTS_AT_ONCE // max(1, weights))
        with self._workers() as workers:
            self._calibration.sample(nodes)
            for start in range(0, len(repetitions), at_once):
                # One after the other: aihwkit draws from torch's global generator.
                programmed = {
                    repetition: self.conductances(analog, t_s=t_s, seed=seed, repetition=repetition)
                    for repetition in repetitions[start : start + at_once]
                }
                made = workers.map(lambda one: self._operators(nodes, one), programmed.values())
                operators = dict(zip(programmed, made, strict=True))
                yield from self._run(workers, self._scoring, operators, seed, count)

    def _run(
        self,
        workers: ThreadPoolExecutor,
        program: TorchProgram,
        operators: Mapping[int, Mapping[str, AnalogOperator]],
        seed: int,
        count: int,
    ) -> Int8Array:
        """The outputs of ``program``, [repetitions, n, ...], for the first ``count`` images."""
        batch = program.batch()

        def run(start: int) -> Int8Array:
            images = self._inputs[start : min(start + batch, count)]
            name = f"converter noise from image {start}"
            sources = [
                NormalSource(layer_seed(seed, name, repetition), self._how.device)
                for repetition in operators
            ]
            return program.run(images, list(operators.values()), sources)

        return np.concatenate(list(workers.map(run, range(0, count, batch))), axis=1)

    def _operators(
        self, nodes: list[WeightedNode], conductances: Mapping[str, FloatArray]
    ) -> dict[str, AnalogOperator]:
        layers = self._calibration.analog_layers(nodes, conductances)
        tile = self._system.tile
        return {
            node.name: AnalogOperator(node, layers[node.name], tile, self._how) for node in nodes
        }

    def _chosen(self, analog: Collection[str]) -> list[WeightedNode]:
        unknown = sorted(set(analog) - set(self._matrices))
        if unknown:
            raise MappingError(
                f"layers that do not exist or that no tile can compute: {', '.join(unknown)}",
                where=self._network.name,
                hint="layers that can be analog: " + ", ".join(self._matrices),
            )
        return [
            node
            for node in self._network.nodes
            if node.name in set(analog) and isinstance(node, WeightedNode)
        ]

    @contextmanager
    def _workers(self) -> Iterator[ThreadPoolExecutor]:
        """Threads that share the batches, each with torch single-threaded.

        So results do not depend on their number, and threads do not wait for one another in every
        operator.
        """
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        count = self._threads if self._how.device.type == "cpu" else 1
        try:
            with (
                torch.backends.cudnn.flags(enabled=True, allow_tf32=False),
                ThreadPoolExecutor(count, initializer=lambda: torch.set_num_threads(1)) as pool,
            ):
                try:
                    yield pool
                except BaseException:  # an interrupt too: drop the queue
                    pool.shutdown(cancel_futures=True)
                    raise
        finally:
            torch.set_num_threads(before)
