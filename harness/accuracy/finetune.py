"""Hardware-aware retraining: layers that will be analog are trained as a tile computes them.

In every batch an analog layer has, with newly drawn noise,

- weights with normal noise, in the unit of the largest |weight| of each output channel, which is
  what the tile programs as its largest conductance;
- inputs rounded to the DAC's steps over the batch's own range;
- outputs rounded to the ADC's steps over each channel's own range in the batch, with the tile's
  output noise;

and gradients pass the roundings unchanged (straight through).  Biases are digital and exact.  The
network keeps its batch normalisations, whose statistics adapt to the noise.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.data.workloads import Recipe
from harness.errors import DataError, ModelError
from harness.model.graph import Graph
from harness.operators.tensor import FloatArray
from harness.training.loop import (
    TensorSplit,
    make_optimizer,
    shuffled_batches,
    torch_settings,
    train_on,
)
from harness.training.module import GraphModule, Layer, MatrixLayer


@dataclass(frozen=True)
class TrainingNoise:
    """The noise that an analog layer is trained with.

    ``weight_noise`` is a standard deviation over a channel's largest |weight|;
    ``output_noise_lsb`` one in ADC steps.
    """

    weight_noise: float
    input_bits: int
    output_bits: int
    output_noise_lsb: float


@dataclass(frozen=True)
class RetrainingSegment:
    """A segment of a retraining, of at most one epoch: the work between two saved states.

    The learning rate falls linearly from ``first_rate`` to ``last_rate``.
    """

    epochs: float
    first_rate: float
    last_rate: float


def segments(epochs: float, rate: float) -> tuple[RetrainingSegment, ...]:
    """A retraining of ``epochs``, cut at whole epochs; over all of them the rate falls to 0."""
    cuts = [*range(math.ceil(epochs)), epochs]
    return tuple(
        RetrainingSegment(stop - start, rate * (1 - start / epochs), rate * (1 - stop / epochs))
        for start, stop in itertools.pairwise(cuts)
    )


def retrain(
    graph: Graph,
    analog: Collection[str],
    training: TensorSplit,
    recipe: Recipe,
    noise: TrainingNoise,
    segment: RetrainingSegment,
    *,
    seed: int,
    threads: int,
) -> Graph:
    """``graph`` trained for ``segment`` with the layers ``analog`` as a tile computes them.

    Batch size, momentum, weight decay, augmentation and precision are the recipe's.  The same
    arguments give the same weights on one machine with one number of threads.

    Args:
        graph: With its batch normalisations.
        analog: Names of convolutions and dense layers.
        training: The training split and nothing else.

    Raises:
        ModelError: A layer of ``analog`` has no matrix.
        DataError: Training diverged.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch_settings(threads):
        module = GraphModule(graph)
        for name in sorted(analog):
            layer = dict(module.layers.items()).get(name)
            if not isinstance(layer, MatrixLayer):
                raise ModelError("only convolutions and dense layers can be analog", where=name)
            module.layers[name] = _AnalogLayer(layer, noise, generator)
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = make_optimizer(module, recipe)
        batches = shuffled_batches(training, recipe.batch_size, generator)
        batches = batches[: max(1, round(segment.epochs * len(batches)))]
        fall = (segment.first_rate - segment.last_rate) / len(batches)
        rates = [segment.first_rate - index * fall for index in range(len(batches))]
        pairs = zip(batches, rates, strict=True)
        loss = train_on(module, optimizer, training, recipe, pairs, generator)
        if not math.isfinite(loss):
            raise DataError(
                f"retraining diverged: the loss is {loss}",
                where=graph.name,
                hint="lower search.retrain_rate",
            )
        return module.to_graph()


class _AnalogLayer(Layer):
    """``inner`` as a tile would compute it, with noise from ``generator``."""

    def __init__(
        self, inner: MatrixLayer, noise: TrainingNoise, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.inner = inner
        self._noise = noise
        self._generator = generator

    def forward(self, x: Tensor) -> Tensor:
        noise, inner = self._noise, self.inner
        inputs = _rounded(x, _steps(_largest(x), noise.input_bits))
        outputs = inner.multiply(inputs, self._noisy_weight(), None)
        others = [dimension for dimension in range(outputs.ndim) if dimension != 1]
        step = _steps(_largest(outputs, others), noise.output_bits)
        if noise.output_noise_lsb > 0.0:
            outputs = self._with_noise(outputs, step * noise.output_noise_lsb)
        bias = inner.bias.to(outputs.dtype).reshape(1, -1, *[1] * (outputs.ndim - 2))
        return _rounded(outputs, step) + bias

    def _noisy_weight(self) -> Tensor:
        weight = self.inner.weight
        largest = _largest(weight, list(range(1, weight.ndim)))
        normal = torch.randn(weight.shape, generator=self._generator)
        return weight + normal * (largest * self._noise.weight_noise)

    def _with_noise(self, x: Tensor, deviation: Tensor) -> Tensor:
        """Drawing takes most of the time, so all eighths of a batch have the same noise.

        Uniform noise is faster to draw than normal noise.  After the sums of the next layer the
        two are alike.
        """
        shares = math.gcd(len(x), 8)
        reach = math.sqrt(3.0)  # of variance 1
        drawn = torch.empty_like(x[: len(x) // shares])
        drawn.uniform_(-reach, reach, generator=self._generator).mul_(deviation)
        return (x.reshape(shares, -1, *x.shape[1:]) + drawn).flatten(0, 1)

    def parameters_of_node(self) -> dict[str, FloatArray]:
        return self.inner.parameters_of_node()


def _largest(x: Tensor, dimensions: list[int] | None = None) -> Tensor:
    """The largest |x| over ``dimensions``, which stay with length 1; None: over all."""
    magnitudes = x.detach().float().abs()  # torch does not vectorise the maximum of bfloat16
    largest = magnitudes.amax() if dimensions is None else magnitudes.amax(dimensions, keepdim=True)
    return largest.to(x.dtype)


def _steps(largest: Tensor, bits: int) -> Tensor:
    """The converter's step for a range of +-``largest``; 1 where ``largest`` is 0."""
    return (largest / ((1 << (bits - 1)) - 1)).masked_fill_(largest == 0, 1.0)


def _rounded(x: Tensor, step: Tensor) -> Tensor:
    result: Tensor = _Round.apply(x, step)  # type: ignore[no-untyped-call]
    return result


class _Round(torch.autograd.Function):
    """Rounds to the nearest multiple of a step; the gradient passes unchanged."""

    @staticmethod
    def forward(ctx: object, x: Tensor, step: Tensor) -> Tensor:
        del ctx
        return (x / step).round_().mul_(step)

    @staticmethod
    def backward(ctx: object, *gradients: Tensor) -> tuple[Tensor, None]:
        del ctx
        return gradients[0], None
