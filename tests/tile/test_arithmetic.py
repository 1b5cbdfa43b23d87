"""The tile's C++ arithmetic against its independent numpy twin."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness._tile import mvm_batch
from harness.placement.tile_arithmetic import (
    MAX_OUTPUT_NOISE_LSB,
    MAX_READ_NOISE_LSB,
    mvm,
)


@dataclass(frozen=True)
class Case:
    """Arguments of `mvm` and `mvm_batch`."""

    x: npt.NDArray[np.int8]
    conductance: npt.NDArray[np.int16]
    multiplier: npt.NDArray[np.uint16]
    shift: npt.NDArray[np.uint16]
    adc_bits: int = 8
    dac_bits: int = 8
    noise: bool = False
    output_noise_lsb: float = 0.0
    read_noise_lsb: float = 0.0
    seed: int = 0
    tile: int = 0
    epoch: int = 0
    first_mvm: int = 0


def both(case: Case) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    arguments = asdict(case)
    return mvm_batch(**arguments), mvm(**arguments)


def random_case(data_seed: int, m: int, k: int, n: int, **rest: float) -> Case:
    rng = np.random.default_rng(data_seed)
    x = rng.integers(-128, 128, (m, k), dtype=np.int8)
    x[rng.random((m, k)) < 0.3] = 0
    # Shifts around the one that brings a random product to the ADC's range, and the extremes.
    shift = np.clip(rng.normal(34, 6, n).round(), 17, 62).astype(np.uint16)
    return Case(
        x=x,
        conductance=rng.integers(-32768, 32768, (k, n), dtype=np.int16),
        multiplier=rng.integers(0, 65536, n, dtype=np.uint16),
        shift=shift,
        **rest,  # type: ignore[arg-type]
    )


@settings(max_examples=150, deadline=None)
@given(
    data_seed=st.integers(0, 2**32 - 1),
    m=st.integers(0, 5),
    k=st.one_of(st.integers(1, 40), st.integers(500, 520), st.integers(1015, 1030)),
    n=st.integers(1, 70),
    adc_bits=st.integers(2, 16),
    dac_bits=st.integers(2, 8),
    noise=st.booleans(),
    output_noise_lsb=st.one_of(st.just(0.0), st.floats(0, 20), st.floats(0, MAX_OUTPUT_NOISE_LSB)),
    read_noise_lsb=st.one_of(st.just(0.0), st.floats(0, 200), st.floats(0, MAX_READ_NOISE_LSB)),
    seed=st.integers(0, 2**64 - 1),
    tile=st.integers(0, 2**32 - 1),
    epoch=st.integers(0, 2**32 - 1),
    first_mvm=st.integers(0, 2**32 - 8),
)
def test_binding_equals_numpy(data_seed: int, m: int, k: int, n: int, **rest: float) -> None:
    ours, reference = both(random_case(data_seed, m, k, n, **rest))
    assert ours.dtype == reference.dtype == np.int16
    np.testing.assert_array_equal(ours, reference)


def test_largest_tile_and_noise_do_not_overflow() -> None:
    k, n = 16384, 5
    for sign in (1, -1):
        case = Case(
            x=np.full((2, k), -128, np.int8),
            conductance=np.full((k, n), -32768 if sign > 0 else 32767, np.int16),
            multiplier=np.array([65535, 65535, 32768, 0, 1], np.uint16),
            shift=np.array([17, 62, 37, 17, 17], np.uint16),
            adc_bits=16,
        )
        ours, reference = both(case)
        np.testing.assert_array_equal(ours, reference)
        assert ours[0, 0] == sign * 32767  # saturated, not wrapped
        assert ours[0, 3] == 0
        noisy = asdict(case) | {
            "noise": True,
            "read_noise_lsb": MAX_READ_NOISE_LSB,
            "output_noise_lsb": MAX_OUTPUT_NOISE_LSB,
        }
        np.testing.assert_array_equal(mvm_batch(**noisy), mvm(**noisy))


def test_numpy_equals_big_integers() -> None:
    """Without noise, against Python's unbounded integers and exact fractions."""
    case = random_case(5, 3, 60, 20, adc_bits=12)
    codes = mvm(**asdict(case))
    for i in range(3):
        for c in range(20):
            acc = sum(
                int(a) * int(g) for a, g in zip(case.x[i], case.conductance[:, c], strict=True)
            )
            s = int(case.shift[c])
            q16 = (acc * int(case.multiplier[c]) + (1 << (s - 17))) >> (s - 16)
            code = max(-2047, min(2047, (q16 + 0x8000) >> 16))
            assert codes[i, c] == code


def test_mvms_are_numbered_from_the_first() -> None:
    case = random_case(
        6, 10, 30, 33, adc_bits=12, noise=True, output_noise_lsb=9.5, read_noise_lsb=4.25
    )
    whole = mvm_batch(**asdict(case))
    parts = [
        mvm_batch(**asdict(case) | {"x": case.x[i : i + 1], "first_mvm": i}) for i in range(10)
    ]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    assert (whole != mvm_batch(**asdict(case) | {"epoch": 1})).any()
    assert (whole != mvm_batch(**asdict(case) | {"tile": 1})).any()
    assert (whole != mvm_batch(**asdict(case) | {"seed": 1})).any()


@pytest.mark.parametrize(
    "change",
    [
        {"x": np.zeros((1, 5), np.int8)},
        {"multiplier": np.zeros(3, np.uint16)},
        {"shift": np.full(3, 20, np.uint16)},
        {"shift": np.full(4, 16, np.uint16)},
        {"shift": np.full(4, 63, np.uint16)},
        {"adc_bits": 1},
        {"adc_bits": 17},
        {"dac_bits": 9},
        {"output_noise_lsb": -1.0},
        {"output_noise_lsb": float("nan")},
        {"read_noise_lsb": 4097.0},
        {"first_mvm": 2**32 - 1},
    ],
    ids=str,
)
def test_impossible_arguments_are_refused_by_both(change: dict[str, object]) -> None:
    good = asdict(
        Case(
            x=np.zeros((2, 6), np.int8),
            conductance=np.zeros((6, 4), np.int16),
            multiplier=np.full(4, 40000, np.uint16),
            shift=np.full(4, 20, np.uint16),
        )
    )
    assert not mvm_batch(**good).any()
    for function in (mvm_batch, mvm):
        with pytest.raises(ValueError, match="must"):
            function(**good | change)


def test_binding_refuses_other_types() -> None:
    good = asdict(random_case(0, 2, 4, 4))
    for change in ({"x": good["x"].astype(np.int16)}, {"seed": -1}, {"tile": 2**32}):
        with pytest.raises(TypeError):
            mvm_batch(**good | change)
