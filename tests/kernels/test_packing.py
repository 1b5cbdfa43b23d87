"""Packed weights: order, padding and refusals; their use is tested with the operators."""

from __future__ import annotations

import numpy as np
import pytest

from harness.codegen import packing
from harness.placement.plan import Block


def test_a_panel_holds_four_inputs_of_eight_channels_side_by_side() -> None:
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
    assert packing.gathers_patches(weight, 1, 1)
    assert not packing.gathers_patches(weight, 1, 2)
    assert not packing.gathers_patches(np.zeros((1, 3, 3, 6), np.int8), 1, 1)
    assert not packing.gathers_patches(weight.astype(np.float32), 1, 1)
    assert not packing.gathers_patches(np.zeros((1, 1, 1, 3), np.int8), 1, 1)


def test_wide_pixels_go_in_chunks_of_channels() -> None:
    weight = np.random.default_rng(0).standard_normal((2, 3, 3, 256)).astype(np.float32)
    segments = packing.conv_segments(weight, 1, 1)
    assert segments.shape == (2, 2 * 9, 128)
    np.testing.assert_array_equal(segments[1, 9 + 3 * 2 + 1], weight[1, 2, 1, 128:])
    assert packing.conv_segments(weight[..., :120], 1, 1).shape == (2, 3, 360)


def test_a_band_of_a_large_map_stays_small() -> None:
    def sliding(size: int, pad: int) -> packing.Sliding:
        same = (size, size)
        return packing.Sliding(same, same, (3, 3), (1, 1), (pad, pad), (1, 1))

    # The zeros right of a row are those left of the next.
    assert packing.band_bytes(sliding(32, 1), 64) == (34 * 33 + 1) * 64
    assert packing.band_bytes(sliding(224, 1), 64) <= packing.BAND_BYTES + 64
    # Three rows at least.
    assert packing.band_bytes(sliding(224, 1), 512) == (3 * 225 + 1) * 512
    in_place = packing.Sliding((34, 34), (32, 32), (3, 3), (1, 1), (0, 0), (1, 1))
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
