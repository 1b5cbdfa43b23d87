"""Every integer operator against loops over Python integers, which cannot overflow or round."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.operators.add import QAdd
from harness.operators.avg_pool import QAvgPool
from harness.operators.backend.numpy_backend import NumpyInteger, exact_matmul
from harness.operators.concat import QConcat
from harness.operators.conv import QConv
from harness.operators.dense import QDense
from harness.operators.integer_node import QNode, Requant
from harness.operators.max_pool import QMaxPool
from harness.operators.quantization.scales import (
    add_multipliers,
    fixed_point,
    make_requant,
    softmax_table,
)
from harness.operators.reshape import QReshape
from harness.operators.softmax import QSoftmax
from harness.operators.window import Window

NUMPY = NumpyInteger()
INT32 = st.integers(-(2**31), 2**31 - 1)


def run(node: QNode, inputs: list[np.ndarray], output: tuple[int, ...] = ()) -> np.ndarray:
    """``node`` in numpy."""
    result: np.ndarray = node.compute(NUMPY, inputs, output)
    return result


def requantize(
    acc: np.ndarray, multiplier: object, shift: object, low: int = -128, high: int = 127
) -> np.ndarray:
    wide = [np.asarray(values, np.int64) for values in (acc, multiplier, shift)]
    result: np.ndarray = NUMPY.requantize_exactly(*wide, low, high)
    return result


def convolve(
    inputs: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    requant: Requant,
    window: Window,
    groups: int,
) -> np.ndarray:
    shape = (window.stride, window.pads, window.dilation, groups)
    empty = np.empty(0, np.float32)
    node = QConv("conv", ("x",), "y", weight, bias, requant, *shape, empty, empty)
    return run(node, [inputs])


def slow_requantize(acc: int, multiplier: int, shift: int, low: int = -128, high: int = 127) -> int:
    t = acc * 2 ** max(-shift, 0)
    t = max(-(2**31), min(2**31 - 1, t))
    t = (t * multiplier + 2**30) // 2**31
    s = max(shift, 0)
    if s > 0:
        t = (t + 2 ** (s - 1)) // 2**s
    return max(low, min(high, t))


def slow_windows(
    height: int, width: int, window: Window
) -> dict[tuple[int, int], list[tuple[int, int, int, int]]]:
    """Output pixel to the (ky, kx, y, x) of its window that lie inside the map."""
    (kh, kw), (sy, sx), (top, left, bottom, right) = window.kernel, window.stride, window.pads
    dy, dx = window.dilation
    oh = (height + top + bottom - ((kh - 1) * dy + 1)) // sy + 1
    ow = (width + left + right - ((kw - 1) * dx + 1)) // sx + 1
    result = {}
    for oy, ox in itertools.product(range(oh), range(ow)):
        taps = []
        for ky, kx in itertools.product(range(kh), range(kw)):
            y, x = oy * sy - top + ky * dy, ox * sx - left + kx * dx
            if 0 <= y < height and 0 <= x < width:
                taps.append((ky, kx, y, x))
        result[oy, ox] = taps
    return result


def slow_conv(
    inputs: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    requant: Requant,
    window: Window,
    groups: int,
) -> np.ndarray:
    n, h, w, _ = inputs.shape
    out_channels, _, _, per_group = weight.shape
    windows = slow_windows(h, w, window)
    oh, ow = max(windows)[0] + 1, max(windows)[1] + 1
    out = np.empty((n, oh, ow, out_channels), np.int8)
    for i, ((oy, ox), taps), o in itertools.product(range(n), windows.items(), range(out_channels)):
        first = o // (out_channels // groups) * per_group
        acc = int(bias[o])
        for ky, kx, y, x in taps:
            for c in range(per_group):
                acc += int(inputs[i, y, x, first + c]) * int(weight[o, ky, kx, c])
        out[i, oy, ox, o] = slow_requantize(
            acc, int(requant.multiplier[o]), int(requant.shift[o]), requant.low, requant.high
        )
    return out


def random_int8(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(-128, 128, shape, dtype=np.int8)


def random_requant(rng: np.random.Generator, channels: int, terms: int) -> Requant:
    ratios = 2.0 ** rng.uniform(-3, 1, channels) / (np.sqrt(terms) * 40)
    return make_requant(ratios, int(rng.integers(-128, -60)), int(rng.integers(60, 128)))


@settings(max_examples=500)
@given(INT32, st.integers(2**30, 2**31 - 1), st.integers(-31, 31))
def test_requantize_over_the_whole_range(acc: int, multiplier: int, shift: int) -> None:
    result = requantize(np.array([acc], np.int32), multiplier, shift)
    assert int(result[0]) == slow_requantize(acc, multiplier, shift)


@pytest.mark.parametrize("shift", range(-31, 32))
def test_requantize_at_the_corners_of_every_shift(shift: int) -> None:
    edges = [-(2**31), -(2**31) + 1, -1, 0, 1, 2**31 - 2, 2**31 - 1]
    edges += [sign * (2**k + d) for sign in (-1, 1) for k in range(2, 31) for d in (-1, 0, 1)]
    multipliers = [2**30, 2**30 + 1, 1518500250, 2**31 - 1]
    acc = np.array(edges, np.int32)
    for multiplier in multipliers:
        result = requantize(acc, multiplier, shift, -100, 90)
        assert result.tolist() == [slow_requantize(a, multiplier, shift, -100, 90) for a in edges]


def test_requantize_takes_a_multiplier_and_shift_for_each_channel() -> None:
    rng = np.random.default_rng(1)
    acc = rng.integers(-(2**31), 2**31, (50, 7), dtype=np.int32)
    multiplier = rng.integers(2**30, 2**31, 7).astype(np.int32)
    shift = np.array([-3, -1, 0, 1, 20, 24, 31], np.int32)
    result = requantize(acc, multiplier, shift)
    assert result.dtype == np.int8
    for (row, channel), value in np.ndenumerate(result):
        expected = slow_requantize(
            int(acc[row, channel]), int(multiplier[channel]), int(shift[channel])
        )
        assert value == expected


def test_requantize_takes_no_channels() -> None:
    none = np.empty(0, np.int32)
    assert requantize(np.empty((3, 0), np.int32), none, none).shape == (3, 0)


@pytest.mark.parametrize("shape", [(200_000, 1), (70_000, 3)])
def test_requantize_rows_over_many_pieces(shape: tuple[int, int]) -> None:
    acc = np.random.default_rng(8).integers(-3000, 3000, shape, dtype=np.int32)
    requant = make_requant([0.05 * (channel + 1) for channel in range(shape[1])], -70, 80)
    out = NUMPY.requantize(acc, requant)
    multiplier, shift = requant.multiplier, requant.shift
    assert np.array_equal(out, requantize(acc, multiplier, shift, -70, 80))


class ConvCase(NamedTuple):
    height: int
    width: int
    inputs: int
    outputs: int
    window: Window
    groups: int = 1


CONVS = [
    ConvCase(5, 7, 3, 4, Window((3, 3), (1, 1), (1, 1, 1, 1))),
    ConvCase(6, 5, 2, 3, Window((3, 2), (2, 1), (0, 1, 2, 0))),
    ConvCase(9, 8, 4, 6, Window((3, 3), (1, 2), (2, 0, 1, 3), (2, 3)), groups=2),
    ConvCase(5, 5, 6, 6, Window((3, 3), (1, 1), (1, 1, 1, 1)), groups=6),
    ConvCase(5, 4, 3, 6, Window((2, 3), (2, 2), (1, 0, 0, 1)), groups=3),
    ConvCase(4, 4, 5, 3, Window((1, 1), (1, 1), (0, 0, 0, 0))),
    ConvCase(1, 1, 300, 2, Window((1, 1), (1, 1), (0, 0, 0, 0))),
    ConvCase(2, 2, 140, 2, Window((3, 3), (1, 1), (1, 1, 1, 1))),
    ConvCase(3, 3, 2, 2, Window((3, 3), (5, 5), (2, 2, 2, 2))),
    ConvCase(4, 3, 4, 2, Window((3, 2), (1, 1), (1, 1, 1, 1)), groups=2),
    ConvCase(4, 3, 2, 2, Window((3, 2), (1, 1), (1, 1, 1, 1)), groups=2),
]


@pytest.mark.parametrize("case", CONVS)
def test_conv(case: ConvCase) -> None:
    rng = np.random.default_rng(case.height * 100 + case.width + case.inputs)
    h, w, cin, cout, window, g = case
    inputs = random_int8(rng, 2, h, w, cin)
    weight = rng.integers(-127, 128, (cout, *window.kernel, cin // g), dtype=np.int8)
    bias = rng.integers(-5000, 5000, cout, dtype=np.int32)
    requant = random_requant(rng, cout, weight[0].size)
    result = convolve(inputs, weight, bias, requant, window, g)
    expected = slow_conv(inputs, weight, bias, requant, window, g)
    assert result.dtype == np.int8
    assert np.array_equal(result, expected)
    assert len(np.unique(expected)) > 1


@pytest.mark.parametrize(("inputs", "outputs", "groups"), [(6, 4, 2), (4, 4, 4), (3, 2, 1)])
def test_conv_with_one_requant_for_all_channels(inputs: int, outputs: int, groups: int) -> None:
    rng = np.random.default_rng(9)
    maps = random_int8(rng, 1, 4, 5, inputs)
    weight = rng.integers(-127, 128, (outputs, 3, 3, inputs // groups), dtype=np.int8)
    bias = rng.integers(-5000, 5000, outputs, dtype=np.int32)
    window = Window((3, 3), (1, 1), (1, 1, 1, 1))
    one, each = make_requant([0.003], -99, 88), make_requant([0.003] * outputs, -99, 88)
    result = convolve(maps, weight, bias, one, window, groups)
    assert np.array_equal(result, slow_conv(maps, weight, bias, each, window, groups))


def test_matmul_is_exact_where_float32_sums_would_round() -> None:
    rng = np.random.default_rng(0)
    a = np.where(rng.random((3, 9001)) < 0.5, -128, 127).astype(np.int8)
    b = np.where(rng.random((9001, 4)) < 0.5, -127, 127).astype(np.int8)
    a[0], b[:, 0] = -128, -127
    b[5, 0] = 126
    product = exact_matmul(a, b)
    assert product.dtype == np.int32
    assert np.array_equal(product, a.astype(np.int64) @ b.astype(np.int64))


def test_dense_reads_maps_in_hwc_order() -> None:
    rng = np.random.default_rng(3)
    inputs = random_int8(rng, 3, 2, 3, 5)
    weight = rng.integers(-127, 128, (4, 30), dtype=np.int8)
    bias = rng.integers(-9999, 9999, 4, dtype=np.int32)
    requant = random_requant(rng, 4, 30)
    empty = np.empty(0, np.float32)
    node = QDense("dense", ("x",), "y", weight, bias, requant, empty, empty)
    result = run(node, [inputs])
    assert result.dtype == np.int8
    for i, o in itertools.product(range(3), range(4)):
        acc = int(bias[o])
        for y, x, c in itertools.product(range(2), range(3), range(5)):
            acc += int(inputs[i, y, x, c]) * int(weight[o, (y * 3 + x) * 5 + c])
        assert result[i, o] == slow_requantize(
            acc, int(requant.multiplier[o]), int(requant.shift[o]), requant.low, requant.high
        )


def max_pool(window: Window, low: int, high: int) -> QMaxPool:
    geometry = (window.kernel, window.stride, window.pads)
    return QMaxPool("pool", ("x",), "y", *geometry, low, high)


def avg_pool(window: Window, include: bool, requant: Requant) -> QAvgPool:
    geometry = (window.kernel, window.stride, window.pads)
    return QAvgPool("pool", ("x",), "y", *geometry, include, requant)


def run_concat(parts: list[np.ndarray], requants: tuple[Requant | None, ...]) -> np.ndarray:
    names = tuple(f"x{index}" for index in range(len(parts)))
    return run(QConcat("concat", names, "y", requants), parts)


POOLS = [
    Window((2, 2), (2, 2), (0, 0, 0, 0)),
    Window((3, 3), (2, 2), (1, 1, 1, 1)),
    Window((3, 2), (1, 3), (2, 0, 0, 1)),
    Window((5, 6), (1, 1), (0, 0, 0, 0)),
    Window((1, 1), (1, 2), (0, 0, 0, 0)),
]


@pytest.mark.parametrize("window", POOLS)
def test_max_pool(window: Window) -> None:
    rng = np.random.default_rng(4)
    inputs = random_int8(rng, 2, 5, 6, 3)
    inputs[0] = np.minimum(inputs[0], -100)  # padding with 0 would win
    result = run(max_pool(window, -110, 80), [inputs])
    for (oy, ox), taps in slow_windows(5, 6, window).items():
        for i, c in itertools.product(range(2), range(3)):
            best = max(int(inputs[i, y, x, c]) for _, _, y, x in taps)
            assert result[i, oy, ox, c] == max(-110, min(80, best))


@pytest.mark.parametrize("value", [-128, -127, 127])
def test_padding_never_wins_a_maximum(value: int) -> None:
    inputs = np.full((1, 3, 3, 2), value, np.int8)
    window = Window((2, 2), (2, 2), (1, 1, 1, 1))
    result = run(max_pool(window, -128, 127), [inputs])
    assert result.dtype == np.int8
    assert (result == value).all()


@pytest.mark.parametrize("include", [False, True])
@pytest.mark.parametrize("window", POOLS)
def test_avg_pool(window: Window, include: bool) -> None:
    rng = np.random.default_rng(5)
    inputs = random_int8(rng, 2, 5, 6, 3)
    size = window.kernel[0] * window.kernel[1]
    requant = make_requant([0.0, *(1.7 / k for k in range(1, size + 1))], -90, 101)
    result = run(avg_pool(window, include, requant), [inputs])
    for (oy, ox), taps in slow_windows(5, 6, window).items():
        count = size if include else len(taps)
        for i, c in itertools.product(range(2), range(3)):
            total = sum(int(inputs[i, y, x, c]) for _, _, y, x in taps)
            expected = slow_requantize(
                total, int(requant.multiplier[count]), int(requant.shift[count]), -90, 101
            )
            assert result[i, oy, ox, c] == expected


@given(
    st.floats(1e-9, 1e9),
    st.floats(1e-9, 1e9),
    st.lists(st.tuples(st.integers(-128, 127), st.integers(-128, 127)), min_size=1, max_size=20),
)
@example(0.3, 1.7, [(5, -7), (-90, 33), (0, 1)])
def test_add_never_leaves_int32(
    ratio_a: float, ratio_b: float, pairs: list[tuple[int, int]]
) -> None:
    (ma, mb), shift = add_multipliers(ratio_a, ratio_b)
    assert 0 <= ma < 2**14
    assert 0 <= mb < 2**14
    assert 1 <= shift <= 30
    node = QAdd("add", ("a", "b"), "y", (ma, mb), shift, -120, 119)
    pairs = [*pairs, (-128, -128), (127, 127)]
    a, b = (np.array(side, np.int8) for side in zip(*pairs, strict=True))
    expected = []
    for x, y in pairs:
        total = x * ma + y * mb + 2 ** (shift - 1)
        assert -(2**31) <= total < 2**31
        expected.append(max(-120, min(119, total // 2**shift)))
    result = run(node, [a, b])
    assert result.dtype == np.int8
    assert result.tolist() == expected


@given(st.floats(2.0**-16, 2.0**12), st.floats(2.0**-16, 2.0**12))
def test_add_multipliers_are_close_to_the_ratios(ratio_a: float, ratio_b: float) -> None:
    multipliers, shift = add_multipliers(ratio_a, ratio_b)
    largest = max(ratio_a, ratio_b)
    for ratio, multiplier in zip((ratio_a, ratio_b), multipliers, strict=True):
        assert abs(multiplier / 2**shift - ratio) <= largest * 2.0**-13


@given(st.floats(1e-300, 1e300))
def test_fixed_point_is_the_nearest(ratio: float) -> None:
    multiplier, shift = fixed_point(ratio)
    assert 2**30 <= multiplier < 2**31
    assert -31 <= shift <= 31
    if 2.0**-31 <= ratio < 2.0**31:
        assert abs(multiplier * 2.0 ** (-31 - shift) - ratio) <= ratio * 2.0**-31


@pytest.mark.parametrize("ratio", [-1.0, float("nan"), float("inf")])
def test_fixed_point_refuses_what_is_no_ratio(ratio: float) -> None:
    with pytest.raises(ValueError, match="ratio"):
        fixed_point(ratio)


def test_fixed_point_beyond_the_range_saturates_or_vanishes() -> None:
    tiny, huge = fixed_point(1e-30), fixed_point(1e30)
    assert slow_requantize(-(2**31), *tiny) == 0
    assert slow_requantize(2**30, *tiny) == 0
    assert slow_requantize(1, *huge) == 127
    assert slow_requantize(-1, *huge) == -128


def test_concat_copies_or_rescales() -> None:
    rng = np.random.default_rng(6)
    parts = [random_int8(rng, 2, 3, 2, c) for c in (1, 4, 2)]
    requants = (None, make_requant([0.37]), make_requant([1.9]))
    result = run_concat(parts, requants)
    assert result.shape == (2, 3, 2, 7)
    assert np.array_equal(result[..., :1], parts[0])
    for part, requant, first in ((parts[1], requants[1], 1), (parts[2], requants[2], 5)):
        multiplier, shift = int(requant.multiplier[0]), int(requant.shift[0])
        for (i, y, x, c), value in np.ndenumerate(part):
            assert result[i, y, x, first + c] == slow_requantize(int(value), multiplier, shift)


def test_concat_clamps_what_it_rescales_and_takes_a_requant_for_each_part() -> None:
    parts = [np.array([[-128, -3, 127]], np.int8)] * 2
    doubled = make_requant([2.0], -5, 60)
    assert run_concat(parts, (doubled, None)).tolist() == [[-5, -5, 60, -128, -3, 127]]
    with pytest.raises(ValueError, match="zip"):
        run_concat(parts, (doubled,))


def test_reshape_goes_through_nchw_order() -> None:
    data = np.arange(-60, 60, dtype=np.int8).reshape(1, 4, 5, 6)  # h, w, c
    flat = run(QReshape("reshape", ("x",), "y"), [data], (120,))
    for c, y, x in itertools.product(range(6), range(4), range(5)):
        assert flat[0, (c * 4 + y) * 5 + x] == data[0, y, x, c]
    assert np.array_equal(run(QReshape("reshape", ("x",), "y"), [flat], (4, 5, 6)), data)
    other = run(QReshape("reshape", ("x",), "y"), [data], (10, 2, 6))
    for k in range(120):
        c, y, x = k // 20, k // 2 % 10, k % 2
        assert other[0, y, x, c] == flat[0, k]


@given(
    st.integers(1, 40).flatmap(
        lambda classes: st.lists(
            st.lists(st.integers(-128, 127), min_size=classes, max_size=classes),
            min_size=1,
            max_size=4,
        )
    ),
    st.floats(1e-6, 10),
)
@example([[0, 0, 0], [5, 5, 5]], 1.0)  # 42.67: down without rounding
@example([[100, 0, 0], [-128, 127, 3]], 0.01)  # images of their own sums
def test_softmax(images: list[list[int]], scale: float) -> None:
    table = softmax_table(scale)
    result = run(QSoftmax("softmax", ("x",), "y", table), [np.array(images, np.int8)])
    assert result.dtype == np.int8
    for values, shares in zip(images, result.tolist(), strict=True):
        exponentials = [int(table[max(values) - v]) for v in values]
        total = sum(exponentials)
        nearest = [math.floor(Fraction(128 * e, total) + Fraction(1, 2)) for e in exponentials]
        assert shares == [min(127, share) for share in nearest]


@given(st.floats(1e-6, 10))
@example(1.0)
def test_softmax_table_is_the_nearest(scale: float) -> None:
    table = softmax_table(scale)
    assert table.dtype == np.uint16
    assert table[0] == 65535
    exact = 65535 * np.exp(-scale * np.arange(256))
    assert np.abs(table - exact).max() <= 0.5 + 1e-9


def test_window_larger_than_the_map_is_refused() -> None:
    with pytest.raises(ValueError, match="window"):
        Window((3, 3), (1, 1), (0, 0, 0, 0), (2, 2)).output_size(4, 9)
