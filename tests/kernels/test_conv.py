"""Convolution, depthwise convolution and dense layers against numpy, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.codegen.packing import Kernels
from harness.operators.integer_node import Requant
from harness.operators.window import Window
from tests.kernels.operators import Operators

KERNELS: tuple[Kernels, ...] = ("reference", "neon")


@dataclass(frozen=True)
class Shape:
    """One convolution: map, channels and window."""

    height: int
    width: int
    inputs: int
    outputs: int
    window: Window
    groups: int = 1


def window(
    kernel: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    dilation: tuple[int, int] = (1, 1),
) -> Window:
    return Window(kernel, stride, pads, dilation)


SAME3 = window((3, 3), pads=(1, 1, 1, 1))
SHAPES = {
    "first_layer": Shape(12, 11, 3, 64, SAME3),
    "first_layer_224": Shape(23, 23, 3, 33, window((11, 11), (4, 4), (2, 2, 2, 2))),
    "one_channel": Shape(9, 7, 1, 6, window((5, 5))),
    "five_to_seventeen": Shape(7, 5, 5, 17, SAME3),
    "fifteen_channels": Shape(6, 6, 15, 9, SAME3),
    "sixteen_channels": Shape(8, 8, 16, 16, SAME3),
    "seventeen_channels": Shape(5, 9, 17, 5, SAME3),
    "sixty_seven_channels": Shape(5, 5, 67, 67, SAME3),
    "vgg_middle": Shape(8, 8, 128, 64, SAME3),
    "vgg_deep": Shape(4, 4, 256, 24, SAME3),
    "chunks": Shape(4, 4, 1024, 12, SAME3),
    "vgg_last": Shape(2, 2, 192, 40, SAME3),
    "one_pixel": Shape(3, 3, 20, 8, window((3, 3))),
    "pointwise": Shape(9, 9, 24, 31, window((1, 1))),
    "pointwise_few_channels": Shape(5, 5, 3, 10, window((1, 1))),
    "pointwise_stride": Shape(9, 9, 32, 16, window((1, 1), (2, 2))),
    "stride_two": Shape(13, 11, 20, 12, window((3, 3), (2, 2), (1, 1, 1, 1))),
    "unequal_stride": Shape(13, 11, 18, 12, window((3, 2), (2, 3), (0, 1, 1, 0))),
    "asymmetric_pads": Shape(6, 7, 19, 11, window((3, 3), (2, 2), (0, 0, 1, 1))),
    "dilated": Shape(11, 10, 16, 8, window((3, 3), (1, 1), (2, 2, 2, 2), (2, 2))),
    "dilated_few_channels": Shape(11, 10, 4, 8, window((3, 3), (1, 1), (2, 3, 2, 3), (2, 3))),
    "kernel_larger_than_map": Shape(2, 3, 18, 9, window((5, 5), (1, 1), (2, 2, 2, 2))),
    "kernel_larger_few_channels": Shape(2, 2, 3, 9, window((5, 7), (1, 1), (2, 3, 2, 3))),
    "tall_kernel": Shape(10, 4, 12, 7, window((7, 1), pads=(3, 0, 3, 0))),
    "groups_of_many": Shape(6, 5, 48, 36, SAME3, groups=2),
    "groups_of_few": Shape(6, 5, 9, 15, SAME3, groups=3),
    "groups_of_one": Shape(6, 5, 6, 12, SAME3, groups=6),
    "groups_pointwise": Shape(4, 4, 40, 20, window((1, 1)), groups=4),
    "padding_only_corner": Shape(1, 1, 16, 8, window((2, 2), (1, 1), (1, 1, 1, 1))),
}


def random_requant(rng: np.random.Generator, channels: int, depth: int) -> Requant:
    """Scales that bring sums of ``depth`` products mostly into range, and every special case."""
    shift = rng.integers(0, 3, channels) + max(0, int(np.log2(depth)) // 2 + 5)
    special = rng.random(channels) < 0.2
    shift[special] = rng.integers(-3, 26, channels)[special]
    multiplier = rng.integers(1 << 30, 1 << 31, channels)
    low, high = ((-128, 127), (0, 127), (-90, 100))[int(rng.integers(3))]
    return Requant(multiplier.astype(np.int32), shift.astype(np.int32), low, high)


def int8(rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[np.int8]:
    """Any values, or now and then extreme ones only."""
    values = rng.integers(-128, 128, shape)
    if rng.random() < 0.1:
        values = np.where(values < 0, -128, 127)
    return values.astype(np.int8)


def biases(rng: np.random.Generator, channels: int, depth: int) -> npt.NDArray[np.int32]:
    """Of the size of sums of ``depth`` products."""
    return (rng.normal(0.0, 3000.0, channels) * np.sqrt(depth)).astype(np.int32)


def requantized(acc: npt.NDArray[Any], requant: Requant) -> npt.NDArray[np.int8]:
    """The definition in harness/quant/program.py, in Python integers."""
    out = np.empty(acc.shape, np.int8)
    for index, value in np.ndenumerate(acc):
        channel = index[-1]
        multiplier = int(requant.multiplier[channel])
        shift = int(requant.shift[channel])
        t = int(value) << max(-shift, 0)
        t = max(-(2**31), min(2**31 - 1, t))
        t = (t * multiplier + 2**30) >> 31
        if shift > 0:
            t = (t + (1 << (shift - 1))) >> shift
        out[index] = max(requant.low, min(requant.high, t))
    return out


def convolved(
    inputs: npt.NDArray[np.int8], weight: npt.NDArray[np.int8], window: Window, groups: int
) -> npt.NDArray[np.int64]:
    """The sums without bias, pixel by pixel on an explicitly padded map."""
    top, left, bottom, right = window.pads
    padded = np.pad(inputs.astype(np.int64), ((top, bottom), (left, right), (0, 0)))
    out_h, out_w = window.output_size(*inputs.shape[:2])
    outputs, kernel_h, kernel_w, channels = weight.shape
    per_group = outputs // groups
    acc = np.zeros((out_h, out_w, outputs), np.int64)
    for oy in range(out_h):
        for ox in range(out_w):
            y, x = oy * window.stride[0], ox * window.stride[1]
            rows = slice(y, y + (kernel_h - 1) * window.dilation[0] + 1, window.dilation[0])
            columns = slice(x, x + (kernel_w - 1) * window.dilation[1] + 1, window.dilation[1])
            patch = padded[rows, columns]
            for group in range(groups):
                mine = slice(group * per_group, (group + 1) * per_group)
                part = patch[:, :, group * channels : (group + 1) * channels]
                acc[oy, ox, mine] = (weight[mine].astype(np.int64) * part).sum(axis=(1, 2, 3))
    return acc


def check_conv(operators: Operators, shape: Shape, seed: int) -> None:
    rng = np.random.default_rng(seed)
    channels = shape.inputs // shape.groups
    inputs = int8(rng, (shape.height, shape.width, shape.inputs))
    weight = int8(rng, (shape.outputs, *shape.window.kernel, channels))
    bias = biases(rng, shape.outputs, weight[0].size)
    requant = random_requant(rng, shape.outputs, weight[0].size)
    expected = requantized(convolved(inputs, weight, shape.window, shape.groups) + bias, requant)
    for kernels in KERNELS:
        actual = operators.conv(kernels, inputs, weight, bias, requant, shape.window, shape.groups)
        np.testing.assert_array_equal(actual, expected, err_msg=kernels)


@pytest.mark.parametrize("name", SHAPES)
def test_conv_equals_numpy(operators: Operators, name: str) -> None:
    check_conv(operators, SHAPES[name], seed=len(name))


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    dilation = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    extent = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    pads = draw(st.tuples(*(st.integers(0, e) for e in (*extent, *extent))))
    height = draw(st.integers(max(1, extent[0] - pads[0] - pads[2]), 9))
    width = draw(st.integers(max(1, extent[1] - pads[1] - pads[3]), 9))
    stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    inputs = groups * draw(st.integers(1, 36))
    outputs = groups * draw(st.integers(1, 20))
    return Shape(height, width, inputs, outputs, window(kernel, stride, pads, dilation), groups)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(shape=shapes(), seed=st.integers(0, 1000))
def test_conv_equals_numpy_on_any_shape(operators: Operators, shape: Shape, seed: int) -> None:
    check_conv(operators, shape, seed)


@pytest.mark.parametrize("channels", [1, 3, 15, 16, 17, 32, 67])
@pytest.mark.parametrize(
    "geometry",
    [
        SAME3,
        window((3, 3), (2, 2), (1, 0, 0, 1)),
        window((5, 3), (1, 2), (2, 1, 2, 1)),
        window((3, 3), (1, 1), (2, 2, 2, 2), (2, 2)),
        window((1, 1)),
        window((5, 5), pads=(2, 2, 2, 2)),
        window((7, 7), pads=(3, 3, 3, 3)),
    ],
    ids=["same3", "stride2", "k5x3", "dilated", "k1", "k5", "k7"],
)
def test_depthwise_equals_numpy(operators: Operators, channels: int, geometry: Window) -> None:
    rng = np.random.default_rng(channels)
    inputs = int8(rng, (6, 5, channels))
    weight = int8(rng, (channels, *geometry.kernel, 1))
    bias = biases(rng, channels, weight[0].size)
    requant = random_requant(rng, channels, weight[0].size)
    expected = requantized(convolved(inputs, weight, geometry, channels) + bias, requant)
    for kernels in KERNELS:
        actual = operators.depthwise(kernels, inputs, weight, bias, requant, geometry)
        np.testing.assert_array_equal(actual, expected, err_msg=kernels)


@pytest.mark.parametrize("inputs", [1, 3, 4, 15, 16, 17, 64, 70, 333])
@pytest.mark.parametrize("outputs", [1, 7, 8, 9, 16, 17, 67])
def test_dense_equals_numpy(operators: Operators, inputs: int, outputs: int) -> None:
    rng = np.random.default_rng(inputs * 100 + outputs)
    vector = int8(rng, (inputs,))
    weight = int8(rng, (outputs, inputs))
    bias = biases(rng, outputs, inputs)
    requant = random_requant(rng, outputs, inputs)
    expected = requantized(weight.astype(np.int64) @ vector.astype(np.int64) + bias, requant)
    for kernels in KERNELS:
        actual = operators.dense(kernels, vector, weight, bias, requant)
        np.testing.assert_array_equal(actual, expected, err_msg=kernels)


def test_the_largest_sum_does_not_overflow_a_step(operators: Operators) -> None:
    """All products 2**14: the order of accumulation must not matter."""
    vector = np.full(4608, -128, np.int8)
    weight = np.full((8, 4608), -128, np.int8)
    requant = Requant(np.full(8, 1 << 30, np.int32), np.full(8, 19, np.int32))
    expected = requantized(np.full(8, 4608 << 14), requant)
    for kernels in KERNELS:
        actual = operators.dense(kernels, vector, weight, np.zeros(8, np.int32), requant)
        np.testing.assert_array_equal(actual, expected, err_msg=kernels)
