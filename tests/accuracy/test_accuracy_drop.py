"""The paired statistics of a loss: against a direct computation, and by simulated coverage."""

from __future__ import annotations

from statistics import NormalDist, fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.accuracy.accuracy_drop import BoolArray, Measured, holds


def classified(
    generator: np.random.Generator,
    images: int,
    sets: int,
    *,
    shift: float = -0.3,
    device: float = 0.1,
    image: float = 0.4,
    draw: float = 0.4,
) -> tuple[BoolArray, BoolArray]:
    """Correct where a margin is positive: one of the image, moved by image, device and draw."""
    margin = generator.normal(1.2, 1.0, images)
    moved = margin + shift + generator.normal(0, image, images)
    of_set = generator.normal(0, device, (sets, 1))
    return moved + of_set + generator.normal(0, draw, (sets, images)) > 0, margin > 0


def true_loss(shift: float = -0.3, deviations: tuple[float, ...] = (0.1, 0.4, 0.4)) -> float:
    """Over all images and devices of `classified`."""
    spread = (1 + sum(d**2 for d in deviations)) ** 0.5
    return NormalDist().cdf(1.2) - NormalDist().cdf((1.2 + shift) / spread)


def test_variances_are_those_of_a_two_way_table() -> None:
    correct, reference = classified(np.random.default_rng(3), images=50, sets=4)
    measured = Measured.of(correct, reference)
    difference = correct.astype(float) - reference
    assert measured.drop == pytest.approx(-difference.mean())
    by_image, by_set = difference.mean(axis=0), correct.mean(axis=1)
    residual = correct - correct.mean(axis=0) - (by_set - correct.mean())[:, np.newaxis]
    square = (residual**2).sum() / (49 * 3)
    assert measured.residual_variance == pytest.approx(square)
    assert measured.image_variance == pytest.approx(by_image.var(ddof=1))
    of_sets = max(0.0, by_set.var(ddof=1) / 4 - square / 200)
    assert measured.standard_error**2 == pytest.approx(by_image.var(ddof=1) / 50 + of_sets)


@pytest.mark.parametrize("sets", [4, 10])
@pytest.mark.parametrize("device", [0.05, 0.12])
def test_the_bound_covers_the_true_loss_as_often_as_it_says(sets: int, device: float) -> None:
    generator = np.random.default_rng(sets)
    truth = true_loss(deviations=(device, 0.4, 0.4))
    draws = 1000
    found = [Measured.of(*classified(generator, 400, sets, device=device)) for _ in range(draws)]
    for confidence in (0.8, 0.9):
        covered = np.mean([m.drop + m.margin(confidence) >= truth for m in found])
        # four standard errors of the count, and a little for the approximations
        assert abs(covered - confidence) < 4 * (confidence * (1 - confidence) / draws) ** 0.5 + 0.01


def test_the_standard_error_is_the_spread_of_the_loss() -> None:
    generator = np.random.default_rng(1)
    found = [Measured.of(*classified(generator, 400, 4)) for _ in range(1500)]
    spread = np.std([m.drop for m in found], ddof=1)
    said = fmean(m.standard_error**2 for m in found) ** 0.5
    assert said == pytest.approx(spread, rel=0.08)


def test_pairing_is_what_makes_it_sharp() -> None:
    """Two networks that err on the same images differ by less than two that do not."""
    generator = np.random.default_rng(2)
    correct, reference = classified(generator, 2000, 4, image=0.1, draw=0.1, device=0.01)
    paired = Measured.of(correct, reference)
    shuffled = Measured.of(correct, generator.permutation(reference))
    assert shuffled.drop == pytest.approx(paired.drop)
    assert shuffled.standard_error > 1.5 * paired.standard_error


histories = st.lists(
    st.builds(
        lambda seed, images, sets, shift: Measured.of(
            *classified(np.random.default_rng(seed), images, sets, shift=shift)
        ),
        st.integers(0, 1 << 20),
        st.integers(2, 60),
        st.integers(1, 6),
        st.floats(-1.0, 0.5),
    ),
    min_size=1,
    max_size=6,
)


@given(histories, st.floats(0, 30), st.floats(0.5, 0.999), st.floats(0.5, 0.999))
def test_more_confidence_keeps_no_more(
    history: list[Measured], drop: float, one: float, other: float
) -> None:
    less, more = sorted((one, other))
    for measured in history:
        assert holds(measured, drop, less) or not holds(measured, drop, more)


@given(histories, st.floats(0, 30))
def test_at_one_half_the_mean_decides(history: list[Measured], drop: float) -> None:
    for measured in history:
        mean_holds = fmean(measured.values) >= measured.reference - drop / 100
        assert holds(measured, drop, None) == holds(measured, drop, 0.5) == mean_holds


def test_without_devices_only_images_are_uncertain() -> None:
    reference = np.array([True] * 90 + [False] * 10)
    same = Measured.of(reference[np.newaxis], reference)
    assert (same.drop, same.standard_error, same.margin(0.99)) == (0.0, 0.0, 0.0)
    worse = Measured.of(np.roll(reference, 5)[np.newaxis], reference)
    assert worse.drop == 0.0
    assert worse.standard_error == pytest.approx((10 / 99) ** 0.5 / 10)
