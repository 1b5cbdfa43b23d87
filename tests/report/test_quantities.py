"""Figures as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.quantities import (
    format_count,
    format_energy,
    format_ratio,
    format_share,
    format_time,
    shape_text,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 ns"),
        (0.5, "0.50 ns"),
        (999.4, "999 ns"),
        (999.6, "1.00 us"),
        (9994.0, "9.99 us"),
        (9996.0, "10.0 us"),
        (12_345.0, "12.3 us"),
        (123_456.0, "123 us"),
        (1e6, "1.00 ms"),
        (2.5e10, "25.0 s"),
        (4.2e12, "4200 s"),
    ],
)
def test_times(value: float, text: str) -> None:
    assert format_time(value) == text


def test_other_quantities() -> None:
    assert format_energy(13_430) == "13.4 nJ"
    assert format_energy(1.5e9) == "1.50 mJ"
    assert format_count(313_500_000) == "314 M"
    assert format_count(10) == "10"
    assert format_count(12.5) == "12.5"
    assert format_count(999_600) == "1.00 M"
    assert format_ratio(6.0) == "6.00x"
    assert format_ratio(20.8) == "20.8x"
    assert format_share(1, 3) == "33.3 %"
    assert format_share(1, 0) == "-"
    assert shape_text((1, 3, 32, 32)) == "1x3x32x32"
    assert (shape_text(()), shape_text(None)) == ("scalar", "?")


@given(st.floats(0.01, 1e15))
def test_rounding_stays_within_half_a_per_cent(value: float) -> None:
    number, unit = format_time(value).split()
    scale = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}[unit]
    assert float(number) * scale == pytest.approx(value, rel=0.0051 if value >= 1 else 0.5)
