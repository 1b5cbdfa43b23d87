"""Layers with copies on the tile model, against numpy, byte for byte."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.codegen.packing import Kernels, TileIo, pack_analog_columns, pixels_side_by_side
from harness.placement.plan import AnalogLayer
from harness.placement.replicate import share_pixels, shares
from harness.placement.tile_arithmetic import mvm
from tests.kernels.analog_layers import (
    DENSE,
    EPOCH,
    SAME3,
    SEED,
    Case,
    layer_of,
    patches,
    tile_set,
    tiles_for,
)
from tests.kernels.operators import Operators
from tests.kernels.test_conv import int8, requantized, window
from tests.placement.systems import system_with


def with_copies(case: Case, layer: AnalogLayer, copies: int, io: TileIo) -> AnalogLayer:
    """``layer`` with copies on the tiles behind its own."""
    size = case.window.output_size(case.height, case.width)
    tile = system_with(io=io).tile
    copies = min(copies, shares(size, tile))
    first_tiles = range(0, copies * len(layer.blocks), len(layer.blocks))
    return replace(layer, copies=share_pixels(size, first_tiles, tile))


def expected(case: Case, layer: AnalogLayer, inputs: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Pixel by pixel: which copy makes it, as its how manieth."""
    vectors = patches(inputs, case.window)
    sums = np.zeros((len(vectors), case.outputs), np.int64)
    for copy in layer.copies:
        for j in range(copy.pixels):
            pixel = copy.first + j * copy.step
            for i, block in enumerate(layer.blocks):
                codes = mvm(
                    vectors[pixel : pixel + 1, block.k0 : block.k0 + block.rows],
                    block.conductance,
                    block.adc_multiplier,
                    block.adc_shift,
                    epoch=EPOCH,
                    first_mvm=j,
                    adc_bits=case.adc_bits,
                    dac_bits=8,
                    noise=case.noise,
                    output_noise_lsb=0.6,
                    read_noise_lsb=0.4,
                    seed=SEED,
                    tile=copy.first_tile + i,
                )
                sums[pixel, block.n0 : block.n0 + block.columns] += codes[0]
    out = requantized(sums * 256 + layer.bias, layer.requant)
    return out.reshape(*case.window.output_size(case.height, case.width), case.outputs)


def run(
    operators: Operators,
    case: Case,
    copies: int,
    io: TileIo,
    kernels: Kernels,
    *,
    seed: int = 0,
    right: bool = False,
    rows: int | None = None,
) -> None:
    """One layer, twice where that is by DMA: from memory, and as the tiles hold it."""
    rng = np.random.default_rng(seed)
    layer = with_copies(case, layer_of(case, rng), copies, io)
    if right:
        layer.requant.shift[:] = np.maximum(layer.requant.shift, 0)
    first, second = (int8(rng, (case.height, case.width, case.inputs)) for _ in range(2))
    dma = io == "dma"
    tiles = tiles_for(operators, case, layer.tiles, dma=dma)
    actual = operators.copies(
        io,
        kernels,
        first,
        layer,
        case.window,
        tile_set(case, tiles, dma=dma),
        descriptor_rows=rows if dma else None,
        then=second,
    )
    np.testing.assert_array_equal(actual, expected(case, layer, second))
    pixels = actual.shape[0] * actual.shape[1]
    counts = [tile.statistics() for tile in tiles]
    assert all(count["guest_errors"] == 0 for count in counts)
    assert sum(count["mvms"] for count in counts) == 2 * pixels * len(layer.blocks)


CASES = {
    "one_block": (Case(4, 4, 3, 5, SAME3, 32, 8), 2),
    "uneven": (Case(5, 3, 16, 17, SAME3, 64, 32), 3),
    "as_many_as_rows": (Case(6, 5, 7, 40, SAME3, 31, 19), 6),
    "single_buffer": (Case(7, 4, 6, 20, SAME3, 27, 20, double_buffer=False), 4),
    "wide_codes": (Case(5, 5, 9, 21, SAME3, 41, 18, adc_bits=12), 2),
    "lines_of_codes": (Case(6, 7, 8, 128, SAME3, 24, 64), 4),
    "one_row": (Case(1, 13, 5, 20, window((1, 3), pads=(0, 1, 0, 1)), 8, 10), 5),
    "strided": (Case(9, 8, 4, 6, window((3, 2), (2, 1), (1, 0, 0, 1), (2, 1)), 24, 6), 3),
    "vectors": (Case(4, 5, 32, 40, SAME3, 48, 16), 3),
    "quiet": (Case(3, 4, 8, 8, DENSE, 72, 8, noise=False), 3),
}


@pytest.mark.parametrize("kernels", ["reference", "neon"])
@pytest.mark.parametrize("io", ["pio", "dma"])
@pytest.mark.parametrize("name", CASES)
def test_copies_equal_numpy(operators: Operators, name: str, io: TileIo, kernels: Kernels) -> None:
    case, copies = CASES[name]
    run(operators, case, copies, io, kernels, seed=len(name))


@pytest.mark.parametrize("double_buffer", [False, True])
@pytest.mark.parametrize("rows", [1, 2, 3])
@pytest.mark.parametrize("copies", [2, 3, 5])
def test_bands_of_copies_equal_numpy(
    operators: Operators, copies: int, rows: int, double_buffer: bool
) -> None:
    """Several descriptors a tile, of which the last copies need fewer."""
    case = Case(11, 3, 4, 70, SAME3, 16, 70, double_buffer=double_buffer)
    run(operators, case, copies, "dma", "neon", rows=rows)


@st.composite
def any_case(draw: st.DrawFn) -> Case:
    height, width = draw(st.sampled_from([(1, 2), (1, 9), (2, 1), (2, 3), (5, 4), (7, 1), (4, 6)]))
    kernel = draw(st.sampled_from([DENSE, SAME3, window((3, 3), (1, 2), (1, 1, 1, 1))]))
    return Case(
        height,
        width,
        inputs=draw(st.integers(1, 24)),
        outputs=draw(st.integers(1, 150)),
        window=kernel,
        tile_rows=draw(st.integers(20, 64)),
        tile_columns=draw(st.sampled_from([19, 32, 64, 80, 128])),
        adc_bits=draw(st.sampled_from([6, 8, 8, 8, 11])),
        double_buffer=draw(st.booleans()),
        noise=draw(st.booleans()),
    )


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    case=any_case(),
    copies=st.integers(2, 5),
    io=st.sampled_from(["dma", "pio"]),
    right=st.booleans(),
    rows=st.sampled_from([None, None, 1, 2]),
    seed=st.integers(0, 1000),
)
def test_any_copies_equal_numpy(
    operators: Operators,
    case: Case,
    copies: int,
    io: TileIo,
    right: bool,
    rows: int | None,
    seed: int,
) -> None:
    """``right``: no column is shifted left, so parameters are packed; ``rows`` of a descriptor."""
    run(operators, case, copies, io, "neon", seed=seed, right=right, rows=rows)


@pytest.mark.parametrize("outputs", [16, 32, 48])
@pytest.mark.parametrize(("height", "width", "copies"), [(6, 8, 3), (5, 4, 2), (1, 24, 3)])
@pytest.mark.parametrize("tile_rows", [72, 13])
@pytest.mark.parametrize("rows", [None, 1])
def test_pixels_side_by_side_equal_numpy(
    operators: Operators,
    outputs: int,
    height: int,
    width: int,
    copies: int,
    tile_rows: int,
    rows: int | None,
) -> None:
    """Layers of few columns, several pixels of which make whole lines of codes."""
    case = Case(height, width, 8, outputs, SAME3, tile_rows, outputs)
    layer = layer_of(case, np.random.default_rng(1))
    layer.requant.shift[:] = np.maximum(layer.requant.shift, 0)
    columns = pack_analog_columns(layer.bias, layer.requant, layer.blocks)
    assert pixels_side_by_side(layer.blocks, columns, 8, [width]) in (2, 4)
    run(operators, case, copies, "dma", "neon", seed=1, right=True, rows=rows)
