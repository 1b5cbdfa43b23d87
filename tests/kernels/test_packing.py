"""Packed weights: order, padding and refusals; their use is tested with the operators."""

from __future__ import annotations

import numpy as np
import pytest

from harness import _headers
from harness.codegen import packing
from harness.operators.integer_node import Requant
from harness.operators.kernel.sliding import Sliding
from harness.placement.plan import Block


def test_a_panel_holds_four_inputs_of_eight_channels() -> None:
    weight = np.arange(-60, 60, dtype=np.int8).reshape(10, 1, 1, 12)
    packed = packing.pack_conv_weight(weight, 1, 1, "neon")
    panels = packed[: 2 * 3 * 8 * 4].reshape(2, 3, 8, 4)
    for channel in range(10):
        for quad in range(3):
            np.testing.assert_array_equal(
                panels[channel // 8, quad, channel % 8],
                weight[channel, 0, 0, 4 * quad : 4 * quad + 4],
            )
    assert not panels[1, :, 2:].any()
    assert not packed[panels.size :].any()


def test_a_kernel_row_is_one_run_of_inputs_unless_it_is_parted() -> None:
    weight = np.arange(1, 64, dtype=np.int8).reshape(1, 3, 3, 7)
    packed = packing.pack_conv_weight(weight, 1, 1, "neon")
    rows = packed[: 3 * 6 * 8 * 4].reshape(3, 6, 8, 4)[:, :, 0].reshape(3, 24)
    np.testing.assert_array_equal(rows[:, :21], weight.reshape(3, 21))
    assert not rows[:, 21:].any()
    assert packing.conv_segments(weight, 1, 1).shape == (1, 3, 21)
    assert packing.conv_segments(weight, 1, 2).shape == (1, 9, 7)
    assert packing.conv_segments(weight, 2, 1).shape == (1, 9, 7)


def test_few_channels_make_one_run_of_the_patch() -> None:
    weight = np.arange(1, 28, dtype=np.int8).reshape(1, 3, 3, 3)
    packed = packing.pack_conv_weight(weight, 1, 1, "neon")
    patch = packed[: 7 * 8 * 4].reshape(7, 8, 4)[:, 0].reshape(-1)
    np.testing.assert_array_equal(patch, [*range(1, 28), 0])
    assert packing.conv_segments(weight, 1, 1).shape == (1, 1, 27)
    assert packing.conv_segments(weight, 1, 2).shape == (1, 9, 3)
    assert packing.conv_segments(np.zeros((1, 3, 3, 6), np.int8), 1, 1).shape == (1, 3, 18)
    assert packing.conv_segments(weight.astype(np.float32), 1, 1).shape == (1, 3, 9)
    assert packing.conv_segments(np.zeros((1, 1, 3, 3), np.int8), 1, 1).shape == (1, 1, 9)


def test_wide_pixels_go_in_chunks_of_channels() -> None:
    weight = np.random.default_rng(0).standard_normal((2, 3, 3, 256)).astype(np.float32)
    segments = packing.conv_segments(weight, 1, 1)
    assert segments.shape == (2, 2 * 9, 128)
    np.testing.assert_array_equal(segments[1, 9 + 3 * 2 + 1], weight[1, 2, 1, 128:])
    # A long kernel row is parted, but its inputs keep their order.
    parted = packing.conv_segments(weight[..., :120], 1, 1)
    assert parted.shape == (2, 9, 120)
    np.testing.assert_array_equal(parted.reshape(-1), weight[..., :120].reshape(-1))


def test_a_band_of_a_large_map_stays_small() -> None:
    def sliding(size: int, pad: int) -> Sliding:
        same = (size, size)
        return Sliding(same, same, (3, 3), (1, 1), (pad, pad), (1, 1))

    # The zeros right of a row are those left of the next.
    assert packing.band_bytes(sliding(32, 1), 64) == (34 * 33 + 1) * 64
    assert packing.band_bytes(sliding(224, 1), 64) <= _headers.AIMC_BAND_BYTES + 64
    # Three rows at least.
    assert packing.band_bytes(sliding(224, 1), 512) == (3 * 225 + 1) * 512
    in_place = Sliding((34, 34), (32, 32), (3, 3), (1, 1), (0, 0), (1, 1))
    assert packing.band_bytes(in_place, 64) == 0


def test_reference_weights_keep_their_order() -> None:
    weight = np.arange(24, dtype=np.int8).reshape(2, 2, 2, 3)
    np.testing.assert_array_equal(
        packing.pack_conv_weight(weight, 1, 1, "reference"), np.arange(24)
    )


def test_per_channel_arrays_are_repeated_or_refused() -> None:
    one = packing.pack_channels(np.array([7], np.int32), 3)
    np.testing.assert_array_equal(one[:3], [7, 7, 7])
    assert not one[3:].any()
    with pytest.raises(ValueError, match="2"):
        packing.pack_channels(np.zeros(2, np.int32), 3)


@pytest.mark.parametrize("groups", [0, 3])
def test_groups_that_do_not_divide_the_channels_are_refused(groups: int) -> None:
    with pytest.raises(ValueError, match="groups"):
        packing.pack_conv_weight(np.zeros((4, 1, 1, 2), np.int8), groups, 1, "neon")


def test_a_programming_image_is_conductances_then_scales() -> None:
    block = Block(
        0,
        0,
        0,
        np.array([[1, -2], [3, 4], [5, 6]], np.int16),
        np.array([40000, 50000], np.uint16),
        np.array([20, 30], np.uint16),
    )
    image = packing.pack_tile_image(block)
    np.testing.assert_array_equal(np.frombuffer(image[:12], "<i2"), [1, -2, 3, 4, 5, 6])
    np.testing.assert_array_equal(np.frombuffer(image[12:], "<u2"), [40000, 20, 50000, 30])


def test_ranges_are_the_blocks_of_the_same_columns() -> None:
    def block(tile: int, k0: int, n0: int, columns: int) -> Block:
        scales = np.full(columns, 1 << 15, np.uint16)
        return Block(tile, k0, n0, np.zeros((4, columns), np.int16), scales, scales)

    blocks = [block(0, 0, 0, 200), block(1, 4, 0, 200), block(2, 0, 200, 60), block(3, 4, 200, 60)]
    # Four lines of codes and one; of 16 bits seven and two: an odd number each.
    narrow = packing.analog_ranges(blocks, 8)
    assert narrow == (
        packing.Range(first=0, blocks=2, n0=0, columns=200, codes=0, step=5 * 64),
        packing.Range(first=2, blocks=2, n0=200, columns=60, codes=2 * 5 * 64, step=64),
    )
    wide = packing.analog_ranges(blocks, 9)
    assert [part.step for part in wide] == [7 * 64, 3 * 64]
    for ranges, bits in ((narrow, 8), (wide, 9)):
        total = sum(part.blocks * part.step for part in ranges)
        assert total == packing.code_bytes_of_a_pixel([200, 200, 60, 60], bits)


def test_columns_with_left_shifts_or_odd_starts_are_not_packed() -> None:
    def blocks(*starts: int) -> list[Block]:
        scales = np.full(20, 1 << 15, np.uint16)
        cells = np.zeros((1, 20), np.int16)
        return [Block(tile, 0, n0, cells, scales, scales) for tile, n0 in enumerate(starts)]

    def requant(shift: list[int]) -> Requant:
        return Requant(np.full(len(shift), 1 << 30, np.int32), np.array(shift, np.int32), -128, 127)

    bias = np.arange(20, dtype=np.int32)
    packed = packing.pack_analog_columns(bias, requant([3] * 20), blocks(0))
    assert packed is not None
    sixteens = packed[: 2 * 48].reshape(2, 3, 16)
    np.testing.assert_array_equal(sixteens[:, 0].reshape(-1)[:20], bias)
    np.testing.assert_array_equal(sixteens[:, 1].reshape(-1)[:20], 1 << 30)
    np.testing.assert_array_equal(sixteens[:, 2].reshape(-1)[:20], -3)
    assert packing.pack_analog_columns(bias, requant([-1] + [3] * 19), blocks(0)) is None
    assert (
        packing.pack_analog_columns(np.zeros(40, np.int32), requant([3] * 40), blocks(0, 20))
        is None
    )


def test_pixel_columns_hold_the_same_with_shifts_as_bytes() -> None:
    shift = np.arange(20, dtype=np.int32)
    requant = Requant(np.arange(20, dtype=np.int32) - 9, shift, -128, 127)
    cells = np.zeros((1, 20), np.int16)
    scales = np.full(20, 1 << 15, np.uint16)
    columns = packing.pack_analog_columns(
        np.arange(20, dtype=np.int32), requant, [Block(0, 0, 0, cells, scales, scales)]
    )
    packed = packing.pack_pixel_columns(columns, (1, 1), "dma")
    assert packed is not None
    sixteens = packed[: 2 * 144].reshape(2, 144)
    words = sixteens[:, :128].copy().view("<i4").reshape(2, 2, 16)
    np.testing.assert_array_equal(words[:, 0].reshape(-1)[:20], np.arange(20))
    np.testing.assert_array_equal(words[:, 1].reshape(-1)[:20], np.arange(20) - 9)
    for column in range(20):
        four, lane = divmod(column % 16, 4)
        assert sixteens[column // 16, 128 + 4 * lane + four] == -column
    assert packing.pack_pixel_columns(columns, (2, 1), "dma") is None
    assert packing.pack_pixel_columns(columns, (2, 1), "pio") is not None
    assert packing.pack_pixel_columns(None, (1, 1), "pio") is None


def test_tiles_begin_together_unless_they_are_many() -> None:
    def first(rows: int, ranges: int, out_size: tuple[int, int]) -> int:
        cells = np.zeros((1, 64), np.int16)
        scales = np.full(64, 1 << 15, np.uint16)
        blocks = [
            Block(n * rows + k, k, 64 * n, cells, scales, scales)
            for n in range(ranges)
            for k in range(rows)
        ]
        return packing.first_blocks(packing.analog_ranges(blocks, 8), out_size)

    assert first(4, 2, (2, 2)) == 8
    assert first(5, 2, (2, 2)) == 5
    assert first(5, 2, (1, 1)) == 10
    assert first(18, 1, (2, 2)) == 18


@pytest.mark.parametrize("shape", [(1, 1), (64, 64), (256, 256), (200, 17)])
def test_reloaded_images_are_an_odd_number_of_dram_rows(shape: tuple[int, int]) -> None:
    scales = np.full(shape[1], 1 << 15, np.uint16)
    block = Block(0, 0, 0, np.ones(shape, np.int16), scales, scales)
    image, padded = packing.pack_tile_image(block), packing.pack_reloaded_image(block)
    assert padded.startswith(image)
    rows, rest = divmod(len(padded), packing.DRAM_ROW_BYTES)
    assert (rest, rows % 2) == (0, 1)
    assert len(padded) - len(image) < 2 * packing.DRAM_ROW_BYTES


@pytest.mark.parametrize(
    ("columns", "counts", "together"),
    [(16, [96, 64], 4), (16, [96, 66], 1), (32, [66], 2), (48, [8], 4), (64, [8], 1), (20, [8], 1)],
)
def test_few_columns_are_finished_several_pixels_at_once(
    columns: int, counts: list[int], together: int
) -> None:
    scales = np.full(columns, 1 << 15, np.uint16)
    blocks = [Block(k, k, 0, np.ones((1, columns), np.int16), scales, scales) for k in range(2)]
    packed = np.zeros(1, np.int32)
    assert packing.pixels_side_by_side(blocks, packed, 8, counts) == together
    assert packing.pixels_side_by_side(blocks, packed, 12, counts) == 1
    assert packing.pixels_side_by_side(blocks, None, 8, counts) == 1
