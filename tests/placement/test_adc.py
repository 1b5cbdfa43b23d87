"""Converter scales."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.placement.adc import column_thresholds, converter_scale, normal_clip
from harness.placement.cut import cut, pieces, tiles_needed
from tests.placement.systems import system_with

# Step of the best uniform quantizer of 2**bits levels for normal samples, in deviations:
# J. Max, Quantizing for minimum distortion, IRE Trans. Information Theory 6, 1960, table II.
MAX_1960_STEP = {3: 0.5860, 4: 0.3352, 5: 0.1881}


def converted(sums: np.ndarray, thresholds: np.ndarray, bits: int) -> np.ndarray:
    codes = (1 << (bits - 1)) - 1
    step = thresholds / codes
    return np.clip(np.rint(sums / step), -codes, codes) * step


def test_normal_clip_is_near_the_published_optimum() -> None:
    for bits, step in MAX_1960_STEP.items():
        outermost = (2**bits - 1) / 2 * step
        assert normal_clip(bits, 0.0) == pytest.approx(outermost, rel=0.05)
    clips = [normal_clip(bits, 0.0) for bits in range(3, 17)]
    assert clips == sorted(clips)
    assert normal_clip(8, 1.0) < normal_clip(8, 0.0)


@pytest.mark.parametrize("bits", [4, 6, 8, 10])
def test_many_normal_sums_get_nearly_the_least_error(bits: int) -> None:
    sums = np.random.default_rng(0).normal(size=(20_000, 3)) * [1e3, 1e5, 1e9]
    thresholds = column_thresholds(sums, bits, 0.0)
    error = ((sums - converted(sums, thresholds, bits)) ** 2).mean(axis=0)
    for column in range(3):
        deviation = sums[:, column].std()
        best = min(
            (
                (sums[:, column] - converted(sums[:, column], np.float64(c * deviation), bits)) ** 2
            ).mean()
            for c in np.linspace(1, 6, 101)
        )
        assert error[column] < 1.25 * best


def test_bounded_sums_keep_their_range_and_outliers_lose_theirs() -> None:
    rng = np.random.default_rng(1)
    sums = rng.uniform(-1e6, 1e6, (10_000, 2))
    sums[:, 1] = rng.normal(size=10_000) * 1e4
    sums[5, 1] = 1e5
    bounded, spiky = column_thresholds(sums, 4, 0.0)
    assert 0.9e6 <= bounded < 1.05e6
    assert 2e4 < spiky < 5e4
    error = ((sums[:, 1] - converted(sums[:, 1], spiky, 4)) ** 2).mean()
    assert error < ((sums[:, 1] - converted(sums[:, 1], np.float64(1e5), 4)) ** 2).mean() / 5


def test_few_samples_leave_room_for_larger_sums() -> None:
    rng = np.random.default_rng(2)
    population = rng.normal(size=(100_000, 40)) * 1e5
    few = column_thresholds(population[:24], 8, 0.0)
    assert (few > np.abs(population[:24]).max(axis=0)).mean() > 0.8
    saturated = (np.abs(population) > few).mean()
    assert saturated < (np.abs(population) > np.abs(population[:24]).max(axis=0)).mean() / 4


def test_columns_without_sums_have_no_threshold() -> None:
    sums = np.zeros((10, 3))
    sums[4, 1] = 1e5
    assert column_thresholds(sums, 8, 0.0).tolist()[::2] == [0.0, 0.0]


@given(st.floats(2.001, 2.0**46))
def test_converter_scale_is_close_and_in_range(step: float) -> None:
    multiplier, shift = converter_scale(step)
    assert 2**15 <= multiplier < 2**16
    assert 17 <= shift <= 62
    assert math.isclose(multiplier / 2**shift * step, 1, rel_tol=2.0**-15)


def test_converter_scale_at_its_ends() -> None:
    assert converter_scale(0.0) == converter_scale(2.0)
    with pytest.raises(ValueError, match="step"):
        converter_scale(2.0**50)


@given(st.integers(1, 5000), st.integers(1, 700))
def test_pieces_cover_a_length_once(length: int, largest: int) -> None:
    cuts = pieces(length, largest)
    assert len(cuts) == -(-length // largest)
    end = 0
    for start, size in cuts:
        assert start == end
        assert 1 <= size <= largest
        end = start + size
    assert end == length


def test_row_blocks_are_of_nearly_one_size() -> None:
    assert pieces(288, 256) == [(0, 144), (144, 144)]
    assert pieces(27, 256) == [(0, 27)]
    assert pieces(600, 256) == [(0, 208), (208, 208), (416, 184)]
    tile = system_with(rows=256, columns=256).tile
    blocks = cut(600, 300, tile)
    assert len(blocks) == tiles_needed(600, 300, tile) == 6
    assert [(b.n0, b.k0) for b in blocks] == [
        (0, 0),
        (0, 208),
        (0, 416),
        (160, 0),
        (160, 208),
        (160, 416),
    ]
