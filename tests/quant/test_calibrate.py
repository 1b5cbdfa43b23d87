"""Distributions and clipping thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import QuantError
from harness.quant.calibrate import THRESHOLD_BITS, Distribution, calibrate, round_up
from tests.quant.networks import conv, graph_of, plain, samples


def threshold(values: np.ndarray) -> float:
    distribution = Distribution()
    distribution.add(values.astype(np.float32))
    return distribution.threshold()


def quantization_error(values: np.ndarray, limit: float) -> float:
    scale = limit / 127
    restored = np.clip(np.rint(values / scale), -127, 127) * scale
    return float(((values - restored) ** 2).sum())


def test_a_lone_outlier_is_clipped() -> None:
    values = np.random.default_rng(0).normal(size=200_000)
    values[7] = 30.0
    chosen = threshold(values)
    assert 3.5 < chosen < 15
    assert quantization_error(values, chosen) < 0.5 * quantization_error(values, 30.0)


def test_a_distribution_without_tails_keeps_its_maximum() -> None:
    values = np.random.default_rng(0).uniform(-1, 1, 100_000)
    assert threshold(values) == pytest.approx(1.0, rel=0.01)


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1.0, 1e8, 1e30])
def test_the_choice_does_not_depend_on_the_unit(scale: float) -> None:
    values = np.random.default_rng(3).laplace(size=50_000)
    assert threshold(values * scale) == pytest.approx(threshold(values) * scale, rel=0.02)


def test_batches_in_any_order_count_the_same() -> None:
    rng = np.random.default_rng(4)
    parts = [(rng.normal(size=1000) * s).astype(np.float32) for s in (1e-3, 5.0, 0.1, 80.0)]
    forward, backward = Distribution(), Distribution()
    for part in parts:
        forward.add(part)
    for part in reversed(parts):
        backward.add(part)
    assert forward.maximum == backward.maximum
    assert np.array_equal(forward.counts, backward.counts)
    assert int(forward.counts.sum()) == 4000


def test_zeros_have_no_range() -> None:
    assert threshold(np.zeros(10)) == 0.0


@given(st.floats(1e-30, 1e30))
def test_thresholds_are_short_numbers_just_above(value: float) -> None:
    rounded = round_up(value)
    assert value * (1 - 2.0**-17) <= rounded <= value * (1 + 2.0 ** (1 - THRESHOLD_BITS))
    mantissa = np.frexp(rounded)[0] * 2**THRESHOLD_BITS
    assert mantissa == int(mantissa)
    assert round_up(rounded * (1 + 1e-7)) == rounded


def test_values_that_are_not_finite_name_the_tensor() -> None:
    graph = plain()
    images = samples(graph, 2)
    images[1, 0, 0, 0] = np.nan
    with pytest.raises(QuantError, match="not finite") as caught:
        calibrate(graph, images)
    assert "tensor x" in str(caught.value)
    layer = conv(np.random.default_rng(0), "big", "x", (3, 2))
    layer.weight[...] = 3e38
    with pytest.raises(QuantError, match="tensor big"):
        calibrate(graph_of([layer], (1, 3, 5, 5)), samples(graph_of([layer], (1, 3, 5, 5)), 1))


def test_no_samples_is_an_error() -> None:
    graph = plain()
    with pytest.raises(QuantError, match="no calibration samples"):
        calibrate(graph, np.empty((0, 3, 8, 8), np.float32))
