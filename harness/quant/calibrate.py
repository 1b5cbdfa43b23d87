"""Calibration: the distribution of every activation over samples, and its clipping threshold.

A tensor's int8 scale is ``threshold / 127`` (zero point 0).  The threshold minimises the mean
squared error of quantizing the calibration samples, rounding and clipping together, over
candidates from the largest magnitude seen down to `SMALLEST_CLIP` of it: a lone outlier is
clipped, a distribution without outliers keeps its maximum.  Inputs and outputs of the network
are not clipped, because users compare them.  Thresholds are rounded up to `THRESHOLD_BITS`
significant bits, so that another machine's BLAS, which differs in the last bits of a float, finds
the same scales.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from harness.errors import QuantError
from harness.model.graph import Graph
from harness.operators.tensor import FloatArray
from harness.quant.float_reference import BATCH_VALUES, observe_float

BINS = 4096
CANDIDATES = 96
SMALLEST_CLIP = 0.25
THRESHOLD_BITS = 10


@dataclass
class Distribution:
    """Histogram of magnitudes over [0, 2**exponent), merged bin by bin when that grows."""

    exponent: int | None = None
    maximum: float = 0.0
    counts: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))

    def add(self, values: FloatArray) -> None:
        """Count ``values``; they must be finite."""
        magnitudes = np.abs(values).reshape(-1)
        largest = float(magnitudes.max(initial=0.0))
        self.maximum = max(self.maximum, largest)
        if largest == 0.0:
            self.counts[0] += magnitudes.size
            return
        exponent = self._reach(int(np.frexp(largest)[1]))
        scaled = np.ldexp(magnitudes.astype(np.float64), -exponent) * BINS
        self.counts += np.bincount(scaled.astype(np.int64), minlength=BINS)

    def _reach(self, exponent: int) -> int:
        """Let the histogram reach 2**exponent; returns its exponent."""
        current = exponent if self.exponent is None else self.exponent
        while current < exponent:
            merged = self.counts.reshape(-1, 2).sum(axis=1)
            self.counts = np.concatenate([merged, np.zeros(BINS // 2, np.int64)])
            current += 1
        self.exponent = current
        return current

    def threshold(self, *, clip: bool = True) -> float:
        """The magnitude that integer 127 stands for; 0 where only zeros were seen."""
        if self.exponent is None or not clip:
            return round_up(self.maximum)
        return common_threshold([self])

    def errors(self, limits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The squared error of all values, over that of 0 for all, for each clipping threshold."""
        assert self.exponent is not None
        used = np.flatnonzero(self.counts)
        centres = (used + 0.5) * 2.0**self.exponent / BINS
        weights = self.counts[used].astype(np.float64)
        centres[used == 0] = 0.0  # the first bin holds the exact zeros of ReLU
        errors = []
        for limit in limits:
            scale = limit / 127
            restored = np.minimum(np.rint(centres / scale), 127) * scale
            errors.append(float((weights * (centres - restored) ** 2).sum()))
        power = float((weights * centres**2).sum())
        return np.array(errors) / (power or 1.0)


def common_threshold(distributions: Sequence[Distribution]) -> float:
    """The clipping threshold of tensors of one scale; 0 where only zeros were seen.

    It minimises the sum of their relative squared errors, so that a small tensor counts as a large
    one.
    """
    seen = [each for each in distributions if each.exponent is not None]
    if not seen:
        return 0.0
    limits = np.linspace(1.0, SMALLEST_CLIP, CANDIDATES) * max(each.maximum for each in seen)
    errors = np.sum([each.errors(limits) for each in seen], axis=0)
    best, best_error = limits[0], np.inf
    for limit, error in zip(limits, errors, strict=True):
        if error < best_error * (1 - 1e-9):
            best, best_error = limit, error
    return round_up(float(best))


def round_up(value: float) -> float:
    """The next number of `THRESHOLD_BITS` significant bits, for ``value`` >= 0."""
    mantissa, exponent = math.frexp(value)
    # The tiny step down keeps a value that is already short where float noise lifted it.
    short = math.ceil(math.ldexp(mantissa, THRESHOLD_BITS) - 2.0**-8)
    return math.ldexp(short, exponent - THRESHOLD_BITS)


def calibrate(graph: Graph, samples: FloatArray) -> dict[str, Distribution]:
    """Distributions of all tensors of ``graph`` over ``samples`` [n, c, h, w] or [n, features].

    Raises:
        QuantError: No samples, a wrong shape, or a value that is not finite (names the tensor).
    """
    if samples.ndim < 2 or samples.shape[0] == 0:
        raise QuantError("no calibration samples", where=graph.name)
    distributions: dict[str, Distribution] = {}

    def observe(name: str, values: FloatArray) -> None:
        if not np.isfinite(values).all():
            raise QuantError(
                "calibration gives values that are not finite",
                where=f"{graph.name}, tensor {name}",
                hint="check the weights and the calibration images for NaN and overflow",
            )
        distributions.setdefault(name, Distribution()).add(values)

    largest = max(int(np.prod(shape[1:])) for shape in graph.shapes.values())
    batch = max(1, BATCH_VALUES // max(1, largest))
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, samples.shape[0], batch):
            observe_float(graph, samples[start : start + batch], observe)
    return distributions
