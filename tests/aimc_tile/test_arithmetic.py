"""The tile's C++ arithmetic against its independent numpy twin."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness._tile import mvm_batch
from harness.placement.tile_arithmetic import (
    MAX_OUTPUT_NOISE_LSB,
    MAX_READ_NOISE_LSB,
    OUTPUT_NOISE,
    READ_NOISE,
    mvm,
    noise_q16,
    normal_q16,
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


def documented(case: Case) -> list[list[int]]:
    """`docs/architecture.md`'s formulas in Python integers; the noise is that of `noise_q16`."""
    numbers = np.arange(case.first_mvm, case.first_mvm + len(case.x)).astype(np.uint32)
    columns = case.conductance.shape[1]
    sources = [
        noise_q16(
            source, columns, seed=case.seed, tile=case.tile, epoch=case.epoch, mvms=numbers
        ).tolist()
        for source in (READ_NOISE, OUTPUT_NOISE)
    ]
    low = -(2 ** (case.dac_bits - 1))
    limit = 2 ** (case.adc_bits - 1) - 1
    codes = []
    for inputs, z1, z2 in zip(case.x.tolist(), *sources, strict=True):
        x = [max(low, min(-low - 1, value)) for value in inputs]
        sums = (np.array(x, object) @ case.conductance.astype(object)).tolist()
        norm = math.isqrt(sum(value * value for value in x) << 16)
        sigma = (floor_q16(case.read_noise_lsb) * norm + 128) >> 8
        row = []
        for c, total in enumerate(sums):
            acc = total + ((z1[c] * sigma + (1 << 31) >> 32) if case.noise else 0)
            s = int(case.shift[c])
            v = acc * int(case.multiplier[c]) + (1 << (s - 17)) >> (s - 16)
            if case.noise:
                v += z2[c] * floor_q16(case.output_noise_lsb) + (1 << 15) >> 16
            row.append(max(-limit, min(limit, v + (1 << 15) >> 16)))
        codes.append(row)
    return codes


def floor_q16(lsb: float) -> int:
    return math.floor(Fraction(lsb) * 65536 + Fraction(1, 2))


def fine(x: list[list[int]], columns: int, offset: int = 0, **rest: float) -> Case:
    """Every accumulator step is half a code; each unit of the first input adds ``offset``."""
    conductance = np.zeros((len(x[0]), columns), np.int16)
    conductance[0] = offset
    multiplier, shift = np.full(columns, 65535, np.uint16), np.full(columns, 17, np.uint16)
    inputs = np.array(x, np.int8)
    return Case(inputs, conductance, multiplier, shift, adc_bits=16, **rest)  # type: ignore[arg-type]


@pytest.mark.parametrize("read_noise_lsb", [0.3, 1.0, 27.7, 1999.6])
@pytest.mark.parametrize("output_noise_lsb", [0.0, 0.2, 150.4])
def test_noise_equals_its_formulas(read_noise_lsb: float, output_noise_lsb: float) -> None:
    case = fine(
        [[1, -3, 2], [0, 0, 1], [5, 127, -128], [1, 1, 0]],
        400,
        noise=True,
        read_noise_lsb=read_noise_lsb,
        output_noise_lsb=output_noise_lsb,
        seed=2**40 + 5,
        tile=3,
        epoch=9,
        first_mvm=2**32 - 4,
    )
    expected = documented(case)
    for codes in both(case):
        assert codes.tolist() == expected


@pytest.mark.parametrize(("adc_bits", "dac_bits"), [(2, 2), (16, 8), (5, 4), (8, 7)])
def test_converters_of_any_width(adc_bits: int, dac_bits: int) -> None:
    off = {"noise": False, "read_noise_lsb": 50.0, "output_noise_lsb": 20.0}
    case = random_case(7, 4, 30, 20, adc_bits=adc_bits, dac_bits=dac_bits, **off)
    expected = documented(case)
    for codes in both(case):
        assert codes.dtype == np.int16
        assert codes.tolist() == expected


# In 1/65536: the deviation's last bit, in which rounding differs from cutting off, decides a code.
@pytest.mark.parametrize(
    "steps", [2729, 3336, 4051, 4071, 4112, 4116, 13035, 81387, 105344, 115072]
)
@pytest.mark.parametrize("offset", [0, 1])
def test_the_deviation_of_read_noise_is_rounded(steps: int, offset: int) -> None:
    noise = {"noise": True, "read_noise_lsb": steps / 65536}
    case = fine([[1, -3, 2]], 1024, offset, seed=11, tile=2, epoch=5, first_mvm=7, **noise)
    expected = documented(case)
    for codes in both(case):
        assert codes.tolist() == expected


def test_output_noise_is_rounded() -> None:
    """Noise that just reaches half a code, and the largest that just does not."""
    z = noise_q16(OUTPUT_NOISE, 256, seed=4, tile=0, epoch=0, mvms=np.zeros(1, np.uint32))[0]
    reach = (1 << 31) - (1 << 15)  # of z times the deviation, in Q32: half a code, rounded up
    columns = [c for c in range(256) if 2000 < z[c] < 32768][:20]
    assert len(columns) == 20
    for column in columns:
        largest = (reach - 1) // int(z[column])
        for steps, code in ((largest, 0), (largest + 1, 1)):
            case = fine([[0]], 256, noise=True, output_noise_lsb=steps / 65536, seed=4)
            for codes in both(case):
                assert codes[0, column] == code


@pytest.mark.parametrize(
    ("product", "multiplier", "shift", "code"),
    [
        (2, 65535, 18, 1),  # 131070 / 4 rounds to half a code
        (2, 65534, 18, 0),  # 131068 / 4 is 32767 exactly
        (1, 65535, 17, 1),
        (1, 65534, 17, 0),
        (-1, 65535, 17, 0),
        (-2, 65535, 18, 0),
        (-3, 43691, 18, 0),  # -131073 / 4 rounds up to -32768, which is half a code
        (-5, 26215, 18, -1),  # -131075 / 4 rounds to -32769
    ],
)
def test_half_a_code_is_reached_by_rounding(
    product: int, multiplier: int, shift: int, code: int
) -> None:
    case = Case(
        np.array([[product]], np.int8),
        np.ones((1, 1), np.int16),
        np.array([multiplier], np.uint16),
        np.array([shift], np.uint16),
    )
    assert documented(case) == [[code]]
    for codes in both(case):
        assert codes.tolist() == [[code]]


def test_normal_values_of_words_that_the_last_bit_decides() -> None:
    words = [0x41083375, 0x518C7F1B, 0x4C176A25, 0x7E8CC7B0, 0x656C2503, 0x6A580000]
    quantile = NormalDist().inv_cdf
    expected = []
    for word in words:
        t = 2 * word + 1
        e = t.bit_length() - 1
        m = t << (31 - e)
        j, f = m >> 25 & 63, m % 2**25
        low, high = (round(-65536 * quantile((1 + k / 64) * 2.0 ** (e - 33))) for k in (j, j + 1))
        expected.append(low + ((high - low) * f + 2**24 >> 25))
    both_signs = np.array([*words, *(word + 2**31 for word in words)], np.uint32)
    assert normal_q16(both_signs).tolist() == [*expected, *(-value for value in expected)]


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
        {"dac_bits": 1},
        {"dac_bits": 9},
        {"output_noise_lsb": -1.0},
        {"output_noise_lsb": float("nan")},
        {"read_noise_lsb": 4097.0},
        {"first_mvm": 2**32 - 1},
        {
            "conductance": np.zeros((6, 4097), np.int16),
            "multiplier": np.full(4097, 40000, np.uint16),
            "shift": np.full(4097, 20, np.uint16),
        },
        {
            "x": np.zeros((1, 16385), np.int8),
            "conductance": np.zeros((16385, 4), np.int16),
        },
    ],
    ids=lambda change: " ".join(change),
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


def test_the_largest_arguments_are_taken_by_both() -> None:
    columns = 4096
    largest = Case(
        x=np.zeros((2, 3), np.int8),
        conductance=np.zeros((3, columns), np.int16),
        multiplier=np.full(columns, 40000, np.uint16),
        shift=np.full(columns, 20, np.uint16),
        first_mvm=2**32 - 2,
    )
    last = replace(largest, x=largest.x[:1], first_mvm=2**32 - 1)
    for case in (largest, last):
        for codes in both(case):
            assert codes.shape == (len(case.x), columns)


def test_binding_refuses_other_types() -> None:
    good = asdict(random_case(0, 2, 4, 4))
    with pytest.raises(TypeError):
        mvm_batch(**good | {"x": good["x"].astype(np.int16)})
    for name, value in (("seed", -1), ("tile", 2**32), ("noise", 1), ("adc_bits", 8.5)):
        with pytest.raises(ValueError, match=rf"mvm_batch\.{name} has another type or range"):
            mvm_batch(**good | {name: value})
    with pytest.raises(ValueError, match=r"mvm_batch\.dac_bit is unknown"):
        mvm_batch(**good, dac_bit=8)
