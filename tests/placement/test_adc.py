"""Converter scales, and the cutting of matrices."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.placement.adc import column_thresholds, converter_scale, normal_clip
from harness.placement.cut import Extent, cut, pieces, tiles_needed
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


def slow_threshold(sums: np.ndarray, bits: int, noise_lsb: float) -> float:
    """One column's threshold, from `harness.placement.adc`'s description, in plain loops."""
    largest = max(abs(value) for value in sums)
    codes = 2 ** (bits - 1) - 1
    best, least = largest, float("inf")
    for quarter in range(11):
        step = largest * 2 ** (-quarter / 4) / codes
        error = (noise_lsb * step) ** 2
        for value in sums:
            code = max(-codes, min(codes, round(value / step)))
            error += (code * step - value) ** 2 / len(sums)
        if error < least * (1 - 1e-9):
            best, least = largest * 2 ** (-quarter / 4), error
    mean = sum(sums) / len(sums)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in sums) / len(sums))
    clip = normal_clip(bits, noise_lsb)
    likely = abs(mean) + clip * deviation
    expected = math.sqrt(2 * math.log(max(2, len(sums))))
    return max(best, min(likely, largest * max(1, clip / expected)))


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("noise_lsb", [0.0, 0.7])
@pytest.mark.parametrize("count", [1, 2, 3, 40, 700])
def test_thresholds_equal_their_description(bits: int, noise_lsb: float, count: int) -> None:
    rng = np.random.default_rng(count)
    sums = np.rint(rng.normal(size=(count, 5)) * [100, 1e4, 1e6, 300, 50] + [0, 0, 3e6, -800, 0])
    sums[0, 4] = 5000  # an outlier
    thresholds = column_thresholds(sums, bits, noise_lsb)
    expected = [slow_threshold(sums[:, c], bits, noise_lsb) for c in range(5)]
    assert thresholds == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("step", "scale"),
    [
        (0.0, (65535, 17)),
        (2.0, (65535, 17)),  # finer than a converter can
        (2.0001, (65533, 17)),
        (3.0, (43691, 17)),
        (4.0, (32768, 17)),
        (4.00001, (32768, 17)),  # rounds up to the next power of two
        (4.001, (65520, 18)),
        (2.0**46, (32768, 61)),
        (2.0**47, (32768, 62)),
    ],
)
def test_converter_scales_by_hand(step: float, scale: tuple[int, int]) -> None:
    assert converter_scale(step) == scale


def test_a_step_beyond_the_converter_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a converter step of 281474976710656\.0$"):
        converter_scale(2.0**48)


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


def test_cuts_by_hand() -> None:
    assert pieces(16, 16) == [(0, 16)]
    assert pieces(17, 16) == [(0, 16), (16, 1)]
    assert pieces(33, 17) == [(0, 17), (17, 16)]
    assert pieces(100, 64) == [(0, 64), (64, 36)]
    assert pieces(100, 52) == [(0, 52), (52, 48)]
    tile = system_with(rows=20, columns=30).tile
    assert cut(25, 31, tile) == [
        Extent(0, 16, 0, 16), Extent(16, 9, 0, 16), Extent(0, 16, 16, 15), Extent(16, 9, 16, 15)
    ]  # fmt: skip
    assert [tiles_needed(*size, tile) for size in ((20, 30), (21, 30), (20, 31), (40, 61))] == [
        1, 2, 2, 6
    ]  # fmt: skip
