"""The analog drivers on the tile model, against numpy, byte for byte."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness import _headers
from harness.codegen.packing import (
    Kernels,
    TileIo,
    is_small_dense,
    pack_analog_columns,
)
from tests.kernels.analog_layers import (
    DENSE,
    EPOCH,
    SAME3,
    Case,
    expected_output,
    layer_of,
    tile_set,
    tiles_for,
)
from tests.kernels.operators import Operators, ProgramFailed
from tests.kernels.test_conv import int8, window

CASES = {
    "one_block": Case(4, 4, 3, 5, SAME3, 32, 8),
    "row_blocks": Case(3, 5, 16, 17, SAME3, 64, 32),
    "column_blocks": Case(4, 3, 5, 37, SAME3, 45, 16),
    "grid_of_blocks": Case(5, 4, 7, 40, SAME3, 31, 19),
    "single_buffer": Case(4, 4, 6, 20, SAME3, 27, 20, double_buffer=False),
    "wide_codes": Case(4, 5, 9, 21, SAME3, 41, 18, adc_bits=12),
    "narrow_codes": Case(3, 3, 9, 21, SAME3, 41, 18, adc_bits=5),
    "stride_and_dilation": Case(9, 8, 4, 6, window((3, 2), (2, 1), (1, 0, 0, 1), (2, 1)), 24, 6),
    # Channels and blocks of whole vectors, which programmed I/O takes from the map.
    "vectors": Case(4, 5, 32, 40, SAME3, 48, 16),
    "vectors_strided": Case(7, 7, 32, 6, window((3, 2), (2, 3), (2, 1, 0, 1), (2, 1)), 80, 16),
    "vectors_of_a_pixel": Case(5, 6, 48, 9, window((1, 1), (2, 2)), 32, 16, double_buffer=False),
    "vectors_in_padding": Case(2, 1, 16, 5, window((3, 5), pads=(2, 4, 2, 4)), 256, 16),
    # Padded copies of more than BAND_BYTES.
    "vectors_in_bands": Case(9, 300, 64, 5, window((3, 3), (3, 60), (1, 1, 1, 1)), 576, 16),
    "bytes_in_bands": Case(9, 300, 63, 5, window((3, 3), (3, 60), (1, 1, 1, 1)), 200, 16),
    "one_row": Case(2, 2, 1, 3, DENSE, 1, 3),
    "dense": Case(1, 1, 300, 70, DENSE, 128, 64),
    "dense_wide_codes": Case(1, 1, 50, 9, DENSE, 64, 16, adc_bits=16, double_buffer=False),
    "scaled_up": Case(2, 5, 3, 64, SAME3, 32, 64, noise=False, scaled_up=(3, 40)),
    "quiet": Case(3, 4, 8, 8, SAME3, 72, 8, noise=False),
}


@pytest.mark.parametrize("kernels", ["reference", "neon"])
@pytest.mark.parametrize("io", ["pio", "dma"])
@pytest.mark.parametrize("name", CASES)
def test_analog_layer_equals_numpy(
    operators: Operators, name: str, io: TileIo, kernels: Kernels
) -> None:
    case = CASES[name]
    rng = np.random.default_rng(len(name))
    layer = layer_of(case, rng)
    inputs = int8(rng, (case.height, case.width, case.inputs))
    # Without DMA, tiles are programmed through their window too.
    dma = io == "dma"
    tiles = tiles_for(operators, case, len(layer.blocks), dma=dma)
    actual = operators.analog(
        io, kernels, inputs, layer, case.window, tile_set(case, tiles, dma=dma)
    )
    np.testing.assert_array_equal(actual, expected_output(case, layer, inputs))
    for tile, block in zip(tiles, layer.blocks, strict=True):
        counts = tile.statistics()
        assert counts["guest_errors"] == 0
        assert counts["mvms"] == actual.shape[0] * actual.shape[1]
        assert counts["adc_conversions"] == counts["mvms"] * block.columns
        assert counts["cells_programmed"] >= block.rows * block.columns
        assert counts["dma_descriptors"] == int(dma)


@st.composite
def any_case(draw: st.DrawFn) -> Case:
    """Few pixels, most often one; column ranges that begin anywhere, some of whole lines."""
    height, width = draw(st.sampled_from([(1, 1), (1, 1), (1, 2), (2, 2), (2, 3), (3, 4)]))
    kernel = DENSE if (height, width) == (1, 1) else draw(st.sampled_from([DENSE, SAME3]))
    return Case(
        height,
        width,
        inputs=draw(st.integers(1, 40)),
        outputs=draw(st.integers(1, 200)),
        window=kernel,
        tile_rows=draw(st.integers(9, 64)),
        tile_columns=draw(st.sampled_from([19, 32, 64, 80, 128, 192])),
        adc_bits=draw(st.sampled_from([6, 8, 8, 8, 11])),
        double_buffer=draw(st.booleans()),
        noise=draw(st.booleans()),
    )


@settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    case=any_case(),
    io=st.sampled_from(["dma", "dma", "pio"]),
    right=st.sampled_from([True, True, False]),
    rows=st.integers(0, 3),
    seed=st.integers(0, 1000),
)
def test_any_analog_layer_equals_numpy(
    operators: Operators, case: Case, io: TileIo, right: bool, rows: int, seed: int
) -> None:
    """``right``: no column is shifted left, so parameters are packed; ``rows`` of a descriptor."""
    rng = np.random.default_rng(seed)
    layer = layer_of(case, rng)
    if right:
        layer.requant.shift[:] = np.maximum(layer.requant.shift, 0)
    inputs = int8(rng, (case.height, case.width, case.inputs))
    dma = io == "dma"
    tiles = tiles_for(operators, case, len(layer.blocks), dma=dma)
    given_tiles = tile_set(case, tiles, dma=dma)
    actual = operators.analog(
        io,
        "neon",
        inputs,
        layer,
        case.window,
        given_tiles,
        descriptor_rows=min(rows, case.height) or None if dma else None,
    )
    np.testing.assert_array_equal(actual, expected_output(case, layer, inputs))
    assert all(tile.statistics()["guest_errors"] == 0 for tile in tiles)


@pytest.mark.parametrize("io", ["pio", "dma"])
@pytest.mark.parametrize(
    ("tile_rows", "height", "width", "outputs", "tile_columns"),
    [
        (72, 2, 2, 64, 64),  # one block, one quad
        (36, 3, 3, 64, 64),
        (24, 2, 5, 128, 128),
        (18, 1, 2, 192, 192),  # fewer pixels than a quad
        (15, 1, 3, 64, 64),
        (12, 4, 4, 80, 80),  # columns beyond the last line
        (9, 3, 7, 160, 64),  # column ranges, the last of half a line
        (8, 1, 6, 96, 96),
        (7, 2, 3, 64, 64),
        (6, 1, 5, 64, 64),
        (4, 3, 3, 128, 64),  # 18 blocks
        (3, 1, 7, 64, 64),  # 24 blocks: more than one round
        (2, 2, 2, 64, 64),
        (1, 1, 4, 64, 64),  # 72 blocks
    ],
)
def test_whole_lines_of_codes_equal_numpy(
    operators: Operators,
    io: TileIo,
    tile_rows: int,
    height: int,
    width: int,
    outputs: int,
    tile_columns: int,
) -> None:
    """What analog_linewise.S does: any number of row blocks, pixels and columns."""
    case = Case(height, width, 8, outputs, SAME3, tile_rows, tile_columns)
    rng = np.random.default_rng(tile_rows)
    layer = layer_of(case, rng)
    layer.requant.shift[:] = np.maximum(layer.requant.shift, 0)
    assert pack_analog_columns(layer.bias, layer.requant, layer.blocks) is not None
    inputs = int8(rng, (case.height, case.width, case.inputs))
    dma = io == "dma"
    tiles = tiles_for(operators, case, len(layer.blocks), dma=dma)
    actual = operators.analog(
        io, "neon", inputs, layer, case.window, tile_set(case, tiles, dma=dma)
    )
    np.testing.assert_array_equal(actual, expected_output(case, layer, inputs))
    assert all(tile.statistics()["guest_errors"] == 0 for tile in tiles)


@pytest.mark.parametrize("kernels", ["reference", "neon"])
@pytest.mark.parametrize(
    ("inputs", "outputs", "tile_rows"), [(1, 1, 8), (64, 10, 64), (300, 64, 128), (77, 33, 20)]
)
def test_dense_layers_of_few_outputs_equal_numpy(
    operators: Operators, inputs: int, outputs: int, tile_rows: int, kernels: Kernels
) -> None:
    case = Case(1, 1, inputs, outputs, DENSE, tile_rows, 64)
    rng = np.random.default_rng(inputs)
    layer = layer_of(case, rng)
    layer.requant.shift[:] = np.maximum(layer.requant.shift, 0)
    columns = pack_analog_columns(layer.bias, layer.requant, layer.blocks)
    assert is_small_dense(layer.blocks, columns, case.adc_bits, "pio")
    values = int8(rng, (1, 1, inputs))
    tiles = tiles_for(operators, case, len(layer.blocks), dma=False)
    given_tiles = tile_set(case, tiles, dma=False)
    actual = operators.analog("pio", kernels, values, layer, DENSE, given_tiles, small_dense=True)
    np.testing.assert_array_equal(actual, expected_output(case, layer, values))
    assert all(tile.statistics()["guest_errors"] == 0 for tile in tiles)


@pytest.mark.parametrize(
    ("inputs", "outputs", "tile_rows", "tile_columns"),
    [
        (20, 192, 20, 64),  # three ranges together
        (40, 300, 20, 128),  # the last of less than a line
        (90, 260, 20, 64),  # ranges of five blocks: one by one
        (30, 128, 10, 64),
        (200, 640, 100, 256),
    ],
)
def test_one_pixel_of_several_ranges_equals_numpy(
    operators: Operators, inputs: int, outputs: int, tile_rows: int, tile_columns: int
) -> None:
    case = Case(1, 1, inputs, outputs, DENSE, tile_rows, tile_columns)
    rng = np.random.default_rng(outputs)
    layer = layer_of(case, rng)
    layer.requant.shift[:] = np.maximum(layer.requant.shift, 0)
    values = int8(rng, (1, 1, inputs))
    tiles = tiles_for(operators, case, len(layer.blocks), dma=True)
    given_tiles = tile_set(case, tiles, dma=True)
    actual = operators.analog("dma", "neon", values, layer, DENSE, given_tiles)
    np.testing.assert_array_equal(actual, expected_output(case, layer, values))


def test_row_blocks_on_scattered_tiles_equal_numpy(operators: Operators) -> None:
    """Whole lines of codes, but not from one tile after the other."""
    case = Case(2, 3, 8, 128, SAME3, 24, 64)
    rng = np.random.default_rng(24)
    layer = layer_of(case, rng)
    count = len(layer.blocks)
    blocks = [replace(block, tile=count - 1 - block.tile) for block in layer.blocks]
    layer = replace(layer, blocks=tuple(blocks))
    inputs = int8(rng, (case.height, case.width, case.inputs))
    tiles = tiles_for(operators, case, count, dma=False)
    actual = operators.analog(
        "pio", "neon", inputs, layer, case.window, tile_set(case, tiles, dma=False)
    )
    np.testing.assert_array_equal(actual, expected_output(case, layer, inputs))


@pytest.mark.parametrize("double_buffer", [False, True])
@pytest.mark.parametrize("rows", [1, 2, 3, 6, 7])
def test_bands_of_rows_equal_numpy(operators: Operators, rows: int, double_buffer: bool) -> None:
    """Several descriptors a tile, two at a time."""
    case = Case(7, 3, 4, 70, SAME3, 16, 70, double_buffer=double_buffer)
    rng = np.random.default_rng(rows)
    layer = layer_of(case, rng)
    inputs = int8(rng, (case.height, case.width, case.inputs))
    tiles = tiles_for(operators, case, len(layer.blocks), dma=True)
    given = tile_set(case, tiles, dma=True)
    actual = operators.analog(
        "dma", "neon", inputs, layer, case.window, given, descriptor_rows=rows
    )
    np.testing.assert_array_equal(actual, expected_output(case, layer, inputs))
    for tile in tiles:
        assert tile.statistics()["dma_descriptors"] == -(-7 // rows)


@pytest.mark.parametrize("kernels", ["reference", "neon"])
@pytest.mark.parametrize("name", ["two_pixels", "many_tiles", "bands", "one_pixel", "few"])
def test_second_inference_equals_numpy(operators: Operators, name: str, kernels: Kernels) -> None:
    """By DMA, tiles then run the descriptors that they hold, if there is one each."""
    case, rows = {
        "two_pixels": (Case(1, 2, 30, 70, DENSE, 16, 32), None),
        "many_tiles": (Case(3, 3, 40, 130, SAME3, 64, 64), None),
        "bands": (Case(7, 3, 4, 70, SAME3, 16, 70), 2),
        "one_pixel": (Case(1, 1, 300, 200, DENSE, 128, 128), None),
        "few": (Case(1, 1, 100, 10, DENSE, 64, 16), None),
    }[name]
    rng = np.random.default_rng(len(name))
    layer = layer_of(case, rng)
    layer.requant.shift[:] = np.maximum(layer.requant.shift, 0)
    first, second = (int8(rng, (case.height, case.width, case.inputs)) for _ in range(2))
    tiles = tiles_for(operators, case, len(layer.blocks), dma=True)
    given = tile_set(case, tiles, dma=True)
    actual = operators.analog(
        "dma", kernels, first, layer, case.window, given, descriptor_rows=rows, then=second
    )
    np.testing.assert_array_equal(actual, expected_output(case, layer, second))
    bands = 1 if rows is None else -(-case.height // rows)
    for tile, block in zip(tiles, layer.blocks, strict=True):
        counts = tile.statistics()
        assert counts["guest_errors"] == 0
        assert counts["dma_descriptors"] == 2 * bands
        if case.window is DENSE:  # no padding, which is not read
            image = (2 * block.rows + 4) * block.columns
            patches = 2 * case.height * case.width * block.rows
            assert counts["bytes_in"] == image + patches + _headers.AIMC_DESCRIPTOR_BYTES


def test_layers_of_one_tile_set_keep_their_mvm_numbers(operators: Operators) -> None:
    """A second run of a tile in one epoch goes on counting: its noise is another one."""
    case = CASES["one_block"]
    rng = np.random.default_rng(1)
    layer = layer_of(case, rng)
    inputs = int8(rng, (case.height, case.width, case.inputs))
    tiles = tiles_for(operators, case, 1, dma=True)
    given = tile_set(case, tiles, dma=True)
    first = operators.analog("dma", "neon", inputs, layer, case.window, given)
    again = operators.analog("pio", "neon", inputs, layer, case.window, given)
    np.testing.assert_array_equal(first, again)  # set_epoch restarted the count
    other = operators.analog(
        "pio", "neon", inputs, layer, case.window, replace(given, epoch=EPOCH + 1)
    )
    assert (first != other).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": 33}, "rows 32, expected 33"),
        ({"columns": 9}, "columns 8, expected 9"),
        ({"adc_bits": 7}, "ADC bits 8, expected 7"),
        ({"features": _headers.AIMC_FEATURE_DMA}, "features"),
    ],
)
def test_another_tile_than_expected_is_fatal(
    operators: Operators, change: dict[str, int], message: str
) -> None:
    case = CASES["one_block"]
    rng = np.random.default_rng(1)
    layer = layer_of(case, rng)
    inputs = int8(rng, (case.height, case.width, case.inputs))
    tiles = tiles_for(operators, case, 1, dma=False)
    with pytest.raises(ProgramFailed) as failure:
        operators.analog(
            "pio",
            "neon",
            inputs,
            layer,
            case.window,
            replace(tile_set(case, tiles, dma=False), **change),
        )
    assert failure.value.exit_code == 254
    assert message in failure.value.console


@pytest.mark.parametrize("io", ["pio", "dma"])
def test_a_tile_error_is_fatal(operators: Operators, io: TileIo) -> None:
    """A block larger than the crossbar: the tile refuses, the program says so and fails."""
    case = CASES["one_block"]
    rng = np.random.default_rng(1)
    layer = layer_of(replace(case, tile_rows=33, outputs=8), rng)
    inputs = int8(rng, (case.height, case.width, case.inputs))
    too_many = replace(layer.blocks[0], conductance=np.ones((33, 8), np.int16))
    tiles = tiles_for(operators, case, 1, dma=True)
    with pytest.raises(ProgramFailed) as failure:
        operators.analog(
            io,
            "neon",
            inputs,
            replace(layer, blocks=(too_many,)),
            case.window,
            tile_set(case, tiles, dma=True),
        )
    assert failure.value.exit_code == 254
    assert "tile 0: error register 0x0000000000000004" in failure.value.console


def test_a_window_too_large_for_a_descriptor_is_fatal(operators: Operators) -> None:
    case = replace(CASES["one_block"], window=window((3, 3), (256, 1), (1, 1, 1, 1)))
    rng = np.random.default_rng(1)
    layer = layer_of(case, rng)
    inputs = int8(rng, (case.height, case.width, case.inputs))
    tiles = tiles_for(operators, case, 1, dma=True)
    with pytest.raises(ProgramFailed) as failure:
        operators.analog("dma", "neon", inputs, layer, case.window, tile_set(case, tiles, dma=True))
    assert failure.value.exit_code == 254
    assert "too large for a DMA descriptor" in failure.value.console
