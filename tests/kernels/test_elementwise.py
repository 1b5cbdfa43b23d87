"""Pooling and the operators without weights against numpy, byte for byte."""

from __future__ import annotations

import numpy as np
import pytest

from harness.codegen.packing import Kernels
from harness.operators.add import QAdd
from harness.operators.backend.numpy_backend import NumpyInteger
from harness.operators.integer_node import Requant
from tests.kernels.operators import Operators
from tests.kernels.test_conv import int8, requantized, window

KERNELS: tuple[Kernels, ...] = ("reference", "neon")
POOLS = {
    "half": window((2, 2), (2, 2)),
    "overlapping": window((3, 3), (2, 2), (1, 1, 1, 1)),
    "asymmetric": window((3, 2), (1, 2), (0, 1, 2, 0)),
    "global": window((7, 5)),
    "one": window((1, 1)),
}
CHANNELS = [1, 3, 5, 16, 17, 64, 67]


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("name", POOLS)
def test_maxpool_equals_numpy(operators: Operators, name: str, channels: int) -> None:
    rng = np.random.default_rng(channels)
    inputs = int8(rng, (7, 5, channels))
    pool = POOLS[name]
    low, high = (0, 100) if channels % 2 else (-128, 127)
    (top, left, bottom, right) = pool.pads
    padded = np.pad(inputs, ((top, bottom), (left, right), (0, 0)), constant_values=np.int8(-128))
    out_h, out_w = pool.output_size(7, 5)
    expected = np.empty((out_h, out_w, channels), np.int8)
    for oy in range(out_h):
        for ox in range(out_w):
            y, x = oy * pool.stride[0], ox * pool.stride[1]
            part = padded[y : y + pool.kernel[0], x : x + pool.kernel[1]]
            expected[oy, ox] = np.clip(part.max(axis=(0, 1)), low, high)
    for kernels in KERNELS:
        actual = operators.maxpool(kernels, inputs, pool, low, high)
        np.testing.assert_array_equal(actual, expected, err_msg=kernels)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("include_pad", [False, True])
@pytest.mark.parametrize("name", POOLS)
def test_avgpool_equals_numpy(
    operators: Operators, name: str, include_pad: bool, channels: int
) -> None:
    rng = np.random.default_rng(channels)
    inputs = int8(rng, (7, 5, channels))
    pool = POOLS[name]
    size = pool.kernel[0] * pool.kernel[1]
    # Entry n divides by n: multiplier * 2**-31 * 2**-shift = 1 / n.
    exponents = np.array([0] + [int(np.ceil(np.log2(n))) for n in range(1, size + 1)])
    multipliers = [1 << 30] + [
        round(2 ** (31 + int(exponents[n])) / n) if n & (n - 1) else 1 << 30
        for n in range(1, size + 1)
    ]
    shifts = [0] + [int(exponents[n]) - (0 if n & (n - 1) else 1) for n in range(1, size + 1)]
    multipliers = [min(m, (1 << 31) - 1) for m in multipliers]
    requant = Requant(np.array(multipliers, np.int32), np.array(shifts, np.int32), -100, 110)
    top, left, _, _ = pool.pads
    out_h, out_w = pool.output_size(7, 5)
    expected = np.empty((out_h, out_w, channels), np.int8)
    for oy in range(out_h):
        for ox in range(out_w):
            y, x = oy * pool.stride[0] - top, ox * pool.stride[1] - left
            part = inputs[max(y, 0) : y + pool.kernel[0], max(x, 0) : x + pool.kernel[1]]
            total = part.astype(np.int64).sum(axis=(0, 1))
            count = size if include_pad else part.shape[0] * part.shape[1]
            entry = Requant(
                np.full(channels, multipliers[count], np.int32),
                np.full(channels, shifts[count], np.int32),
                -100,
                110,
            )
            expected[oy, ox] = requantized(total, entry)
    for kernels in KERNELS:
        actual = operators.avgpool(kernels, inputs, pool, include_pad, requant)
        np.testing.assert_array_equal(actual, expected, err_msg=kernels)


@pytest.mark.parametrize("count", [1, 15, 16, 17, 64, 1003])
@pytest.mark.parametrize("shift", [1, 13, 15, 30])
def test_add_equals_numpy(operators: Operators, count: int, shift: int) -> None:
    rng = np.random.default_rng(count)
    a, b = int8(rng, (count,)), int8(rng, (count,))
    multipliers = (int(rng.integers(0, 1 << 14)), (1 << 14) - 1)
    total = a.astype(np.int64) * multipliers[0] + b.astype(np.int64) * multipliers[1]
    expected = np.clip((total + (1 << (shift - 1))) >> shift, -90, 120)
    node = QAdd("add", ("a", "b"), "y", multipliers, shift, -90, 120)
    for kernels in KERNELS:
        np.testing.assert_array_equal(operators.add(kernels, a, b, node), expected, kernels)


@pytest.mark.parametrize("channels", [(1, 3), (16, 16), (17, 5, 32), (4, 67, 1, 9)])
def test_concat_equals_numpy(operators: Operators, channels: tuple[int, ...]) -> None:
    rng = np.random.default_rng(len(channels))
    parts = [int8(rng, (3, 5, c)) for c in channels]
    requants = [
        None
        if i % 2
        else Requant(
            np.array([int(rng.integers(1 << 30, 1 << 31))], np.int32),
            np.array([int(rng.integers(-2, 3))], np.int32),
            -120,
            125,
        )
        for i in range(len(parts))
    ]
    pieces = []
    for part, requant in zip(parts, requants, strict=True):
        if requant is None:
            pieces.append(part)
            continue
        wide = Requant(
            np.repeat(requant.multiplier, part.shape[-1]),
            np.repeat(requant.shift, part.shape[-1]),
            requant.low,
            requant.high,
        )
        pieces.append(requantized(part, wide))
    expected = np.concatenate(pieces, axis=-1)
    for kernels in KERNELS:
        actual = operators.concat(kernels, parts, requants)
        np.testing.assert_array_equal(actual, expected, err_msg=kernels)


@pytest.mark.parametrize("count", [1, 16, 33, 250])
def test_clip_equals_numpy(operators: Operators, count: int) -> None:
    inputs = int8(np.random.default_rng(count), (count,))
    for kernels in KERNELS:
        actual = operators.clip(kernels, inputs, -7, 55)
        np.testing.assert_array_equal(actual, np.clip(inputs, -7, 55), err_msg=kernels)


@pytest.mark.parametrize(
    ("shape", "to"),
    [
        ((4, 4, 16), (256,)),
        ((5, 3, 7), (105,)),
        ((24,), (2, 3, 4)),
        ((6, 6, 9), (3, 12, 9)),
        ((6, 6, 10), (4, 9, 10)),
        ((4, 6, 10), (5, 3, 16)),
        ((9, 9, 24), (27, 8, 9)),
        ((1, 1, 33), (33,)),
        ((2, 4, 3), (1, 3, 8)),
        ((11, 3, 1), (33,)),
        ((5, 5, 1), (1, 1, 25)),
    ],
)
def test_reshape_equals_numpy(
    operators: Operators, shape: tuple[int, ...], to: tuple[int, ...]
) -> None:
    inputs = int8(np.random.default_rng(sum(shape)), shape)
    flat = (inputs.transpose(2, 0, 1) if inputs.ndim == 3 else inputs).reshape(-1)
    expected = flat if len(to) == 1 else flat.reshape(to[2], to[0], to[1]).transpose(1, 2, 0)
    for kernels in KERNELS:
        actual = operators.reshape(kernels, inputs, to)
        np.testing.assert_array_equal(actual, expected, err_msg=kernels)


@pytest.mark.parametrize("count", [1, 15, 16, 17, 256, 1001])
def test_lookup_takes_every_value_to_its_entry(operators: Operators, count: int) -> None:
    rng = np.random.default_rng(count)
    table = rng.permutation(np.arange(-128, 128)).astype(np.int8)
    inputs = np.arange(-128, 128).astype(np.int8) if count == 256 else int8(rng, (count,))
    expected = [table[int(x) + 128] for x in inputs]
    for kernels in KERNELS:
        np.testing.assert_array_equal(operators.lookup(kernels, inputs, table), expected, kernels)


@pytest.mark.parametrize("count", [1, 2, 10, 16, 100, 1000])
@pytest.mark.parametrize("scale", [0.001, 0.05, 0.7])
def test_softmax_equals_its_definition(operators: Operators, count: int, scale: float) -> None:
    table = np.round(65535 * np.exp(-scale * np.arange(256))).astype(np.uint16)
    inputs = int8(np.random.default_rng(count), (count,))
    e = [int(table[int(inputs.max()) - int(x)]) for x in inputs]
    expected = [min(127, (256 * value + sum(e)) // (2 * sum(e))) for value in e]
    for kernels in KERNELS:
        np.testing.assert_array_equal(operators.softmax(kernels, inputs, table), expected, kernels)


def test_requantize_special_cases(operators: Operators) -> None:
    """Rounding of halves, saturation of left shifts, very large shifts, through a dense layer."""
    values = np.array([-(1 << 31), -(1 << 31) + 1, -3, -2, -1, 0, 1, 2, 3, (1 << 31) - 1])
    for shift in (-31, -8, -1, 0, 1, 2, 20, 30, 31):
        for multiplier in (1 << 30, (1 << 31) - 1, 0x55555555):
            count = values.size
            requant = Requant(np.full(count, multiplier, np.int32), np.full(count, shift, np.int32))
            expected = requantized(values, requant)
            np.testing.assert_array_equal(NumpyInteger().requantize(values, requant), expected)
            for kernels in KERNELS:
                actual = operators.dense(
                    kernels,
                    np.zeros(1, np.int8),
                    np.zeros((count, 1), np.int8),
                    values.astype(np.int32),
                    requant,
                )
                np.testing.assert_array_equal(actual, expected, f"{kernels} {shift} {multiplier}")
