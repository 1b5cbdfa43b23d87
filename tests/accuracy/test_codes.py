"""The converter's pass in C++ against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.accuracy._codes import add_codes


@given(
    st.integers(0, 40),
    st.integers(1, 40),
    st.integers(0, 2**15),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_codes_are_numpys(m: int, n: int, limit: int, noisy: bool, seed: int) -> None:
    draw = np.random.default_rng(seed)
    # Whole and half steps, values beyond the limits, tiny ones of both signs.
    steps = (draw.normal(0, limit + 1, (m, n)) * 8).round().astype(np.float32) / 8
    steps *= draw.choice(np.array([1, 1e-30], np.float32), (m, n))
    sums = draw.integers(-1000, 1000, (m, n)).astype(np.float32)
    table = draw.normal(0, 3, 1 << 16).astype(np.float32) if noisy else None
    indices = draw.integers(0, 1 << 16, m * n + 3, np.uint16) if noisy else None
    noise = np.float32(0)
    if table is not None and indices is not None:
        noise = table[indices[: m * n]].reshape(m, n)
    expected = sums + np.clip(np.floor(steps + noise), -limit, limit)
    add_codes(sums, steps, limit, table, indices)
    np.testing.assert_array_equal(sums, expected)


def test_infinite_steps_are_the_limits() -> None:
    steps = np.array([[np.inf, -np.inf, 3e38, -3e38]], np.float32)
    sums = np.zeros_like(steps)
    add_codes(sums, steps, 127, None, None)
    np.testing.assert_array_equal(sums, [[127, -127, 127, -127]])


def test_what_does_not_fit_is_refused() -> None:
    sums, table = np.zeros((3, 4), np.float32), np.zeros(1 << 16, np.float32)
    indices = np.zeros(12, np.uint16)
    for arguments in (
        (sums, np.zeros((4, 3), np.float32), 1, None, None),
        (sums, sums.copy(), -1, None, None),
        (sums, sums.copy(), (1 << 16) + 1, None, None),
        (sums, sums.copy(), 1, table, None),
        (sums, sums.copy(), 1, None, indices),
        (sums, sums.copy(), 1, table, indices[:11]),
    ):
        with pytest.raises(ValueError, match=r"shape|limit|indices"):
            add_codes(*arguments)
    for arguments in (
        (sums.astype(np.float64), sums.copy(), 1, None, None),
        (sums, sums.copy(), 1, table[:-1], indices),
        (sums[:, ::2], sums[:, ::2].copy(), 1, None, None),
        (sums, sums.copy(), 1, table, indices.astype(np.int64)),
    ):
        with pytest.raises(TypeError):
            add_codes(*arguments)
    assert not sums.any()
