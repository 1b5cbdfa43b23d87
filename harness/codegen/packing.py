"""Weights as the kernels read them, and how much scratch memory the kernels need.

Sizes and the rules of convolutions are those of `kernels/include/aimc_layout.h` and of the kernels
themselves, asked through `harness._headers`; the headers of the operators name the function behind
every pointer.  All arrays are returned flat and ready to be written at a multiple of 64 bytes
(`ALIGN`): what a kernel reads beyond the values is already appended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import gcd
from typing import Final, Literal, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from harness import _headers
from harness.operators.integer_node import Requant
from harness.operators.kernel.sliding import Sliding
from harness.operators.tensor import Int8Array, Int32Array, Pair
from harness.placement.memory import ALIGN, SLACK
from harness.placement.plan import Block

Kernels: TypeAlias = Literal["reference", "neon"]
_Value = TypeVar("_Value", bound=np.generic)
TileIo: TypeAlias = Literal["pio", "dma"]


PANEL: Final = _headers.AIMC_PANEL  # output channels of a register tile
PIECE_BYTES: Final = _headers.AIMC_PIECE_BYTES  # of a struct piece
PIO_BATCH: Final = _headers.AIMC_PIO_BATCH  # output pixels worked on together
_CHANNEL_PAD: Final = _headers.AIMC_CHANNEL_PAD
_COLUMNS_PAD: Final = _headers.AIMC_COLUMNS_PAD
_PIXEL_PAD: Final = _headers.AIMC_PIXEL_PAD
_WEIGHT_PAD: Final = _headers.AIMC_WEIGHT_PAD
_SMALL_DENSE_OUTPUTS: Final = _headers.AIMC_SMALL_DENSE_OUTPUTS
_NARROW_SUMS: Final = _headers.AIMC_LINES_MAX_BLOCKS
CODES_BYTES: Final = 256 << 10  # of a layer's codes by DMA before the core has read them
DRAM_ROW_BYTES: Final = 8192  # of DDR4 with an 8-byte bus; where rows differ, programs are slower
_CROSSBAR_FANOUT: Final = 8  # tiles that a crossbar serves at once


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def pack_channels(values: Int32Array, channels: int) -> Int32Array:
    """A bias, multiplier or shift per channel; one value is repeated for all channels.

    Raises:
        ValueError: ``values`` has neither 1 nor ``channels`` entries.
    """
    if values.shape not in ((1,), (channels,)):
        raise ValueError(f"{values.shape} values for {channels} channels")
    packed = np.zeros(channels + _CHANNEL_PAD, dtype=np.int32)
    packed[:channels] = values
    return packed


def conv_segments(weight: npt.NDArray[_Value], groups: int, dilation_x: int) -> npt.NDArray[_Value]:
    """A weight [out, kh, kw, in / groups] as [out, taps, depth], as convolve() takes the inputs.

    Taps are runs of inputs that lie side by side in a map: a kernel row, unless groups, dilation
    or chunks of channels part it, or the row is long; or a whole patch if its rows are short.
    kernels/src/convolve.h has the rules.
    """
    outputs, kernel_h, kernel_w, channels = weight.shape
    window = Sliding((1, 1), (1, 1), (kernel_h, kernel_w), (1, 1), (0, 0), (1, dilation_x))
    pixel_bytes = channels * groups * weight.itemsize
    chunks, in_row, gathers = _headers.conv_taps(*window.pairs(), pixel_bytes, groups)
    parted = weight.reshape(outputs, kernel_h * kernel_w, chunks, channels // chunks)
    taps = 1 if gathers else chunks * kernel_h * in_row
    return parted.transpose(0, 2, 1, 3).reshape(outputs, taps, -1)


def pack_conv_weight(
    weight: Int8Array, groups: int, dilation_x: int, kernels: Kernels
) -> Int8Array:
    """Packs a convolution's weight [out, kh, kw, in / groups].

    ``reference`` keeps that order.  ``neon`` is [group, out / 8, tap, depth / 4, out % 8,
    depth % 4] of `conv_segments`, the outputs of each group padded to a multiple of 8 and the
    depth to one of 4 with zeros.
    """
    out_channels = weight.shape[0]
    if groups < 1 or out_channels % groups:
        raise ValueError(f"{out_channels} output channels in {groups} groups")
    if kernels == "reference":
        return np.ascontiguousarray(weight).reshape(-1)
    segments = conv_segments(weight, groups, dilation_x)
    _, taps, depth = segments.shape
    per_group = out_channels // groups
    panels = _round_up(per_group, PANEL) // PANEL
    quads = _round_up(depth, 4) // 4
    padded = np.zeros((groups, panels * PANEL, taps, quads * 4), dtype=np.int8)
    padded[:, :per_group, :, :depth] = segments.reshape(groups, per_group, taps, depth)
    panelled = padded.reshape(groups, panels, PANEL, taps, quads, 4)
    ordered = panelled.transpose(0, 1, 3, 4, 2, 5)
    return _with_slack(ordered)


def pack_depthwise_weight(weight: Int8Array, sliding: Sliding, kernels: Kernels) -> Int8Array:
    """Packs a depthwise convolution's weight [channels, kh, kw, 1] (or [channels, kh, kw]).

    ``reference`` keeps that order.  ``neon`` is [channel / 16, neighbour, ky, pixel / 4,
    channel % 16, pixel % 4], padded with zeros.  ``pixel`` counts from an output pixel's first;
    where the windows of neighbours begin one pixel apart, the kernel is there for the left one
    (neighbour 0) and, one pixel further on, for the right one.
    """
    channels, kernel_h, kernel_w = weight.shape[:3]
    taps = np.ascontiguousarray(weight).reshape(channels, kernel_h, kernel_w)
    if kernels == "reference":
        return taps.reshape(-1)
    blocks = _round_up(channels, 16) // 16
    neighbours = 2 if (sliding.stride[1], sliding.dilation[1]) == (1, 1) else 1
    quads = _round_up(kernel_w + neighbours - 1, 4) // 4
    padded = np.zeros((blocks * 16, neighbours, kernel_h, quads * 4), dtype=np.int8)
    for neighbour in range(neighbours):
        padded[:channels, neighbour, :, neighbour : neighbour + kernel_w] = taps
    by_quad = padded.reshape(blocks, 16, neighbours, kernel_h, quads, 4)
    return _with_slack(by_quad.transpose(0, 2, 3, 4, 1, 5))


def pack_dense_weight(weight: Int8Array, kernels: Kernels) -> Int8Array:
    """Packs a dense weight [out, in]; ``neon`` is the layout of a 1 x 1 convolution."""
    out_features, in_features = weight.shape
    return pack_conv_weight(weight.reshape(out_features, 1, 1, in_features), 1, 1, kernels)


def _with_slack(packed: Int8Array) -> Int8Array:
    return np.concatenate([packed.reshape(-1), np.zeros(_WEIGHT_PAD, dtype=np.int8)])


def pack_tile_image(block: Block) -> bytes:
    """The programming image of `aimc_tile/core/registers.h`: conductances, then ADC scales."""
    scales = np.stack([block.adc_multiplier, block.adc_shift], axis=1)
    return block.conductance.astype("<i2").tobytes() + scales.astype("<u2").tobytes()


def pack_reloaded_image(block: Block) -> bytes:
    """The same with zeros behind, to an odd number of DRAM rows: tiles that load such images at the
    same time, one behind the other, are at different banks."""
    image = pack_tile_image(block)
    rows = _round_up(len(image), DRAM_ROW_BYTES) // DRAM_ROW_BYTES | 1
    return image + bytes(rows * DRAM_ROW_BYTES - len(image))


def band_bytes(sliding: Sliding, pixel_bytes: int) -> int:
    """Size of the padded copy of a map, or of a band of its rows, that some kernels work on."""
    return _headers.band_bytes(*sliding.pairs(), pixel_bytes)


def conv_scratch_bytes(
    weight_shape: tuple[int, ...], groups: int, sliding: Sliding, kernels: Kernels
) -> int:
    """Scratch of aimc_conv; ``weight_shape`` is [out, kh, kw, in / groups]."""
    if kernels == "reference":
        return 0
    return convolve_scratch_bytes(weight_shape[3] * groups, sliding, groups)


def convolve_scratch_bytes(pixel_bytes: int, sliding: Sliding, groups: int) -> int:
    """Scratch of convolve() in kernels/src/convolve.h."""
    return _headers.convolve_scratch_bytes(*sliding.pairs(), pixel_bytes, groups)


def depthwise_scratch_bytes(channels: int, sliding: Sliding, kernels: Kernels) -> int:
    """Scratch of aimc_depthwise."""
    if kernels == "reference":
        return 0
    return band_bytes(sliding, channels) + SLACK


def reshape_scratch_bytes(count: int, kernels: Kernels) -> int:
    """Scratch of aimc_reshape of ``count`` elements."""
    return 0 if kernels == "reference" else _round_up(count + SLACK, ALIGN)


def code_bytes(adc_bits: int) -> int:
    """Bytes of one code in a tile's output window or DMA result."""
    return 1 if adc_bits <= 8 else 2


def pack_analog_columns(
    bias: Int32Array, requant: Requant, blocks: Sequence[Block]
) -> Int32Array | None:
    """What analog layers want of each column: for 16 at a time bias, multiplier, right shift < 0.

    None where no kernel takes it: a column is shifted left, or a range of columns begins between
    two sixteens.
    """
    channels = max(block.n0 + block.columns for block in blocks)
    if requant.shift.min() < 0 or any(block.n0 % 16 for block in blocks):
        return None
    values = np.zeros((3, _round_up(channels, 16)), dtype=np.int32)
    for row, column in zip(values, (bias, requant.multiplier, -requant.shift), strict=True):
        row[:channels] = column
    packed = values.reshape(3, -1, 16).transpose(1, 0, 2).reshape(-1)
    return np.concatenate([packed, np.zeros(_COLUMNS_PAD, np.int32)])


def pixels_side_by_side(
    blocks: Sequence[Block], columns: Int32Array | None, adc_bits: int, counts: Sequence[int]
) -> int:
    """How many pixels' codes make whole lines, where that is of use to a layer with copies: 2 or 4,
    or 1 where pixels begin on lines of their own.

    Args:
        blocks: Of one copy.
        columns: Its `pack_analog_columns`.
        counts: Pixels of each descriptor.
    """
    channels = blocks[0].columns
    one_range = all(block.n0 == 0 for block in blocks) and len(blocks) <= _NARROW_SUMS
    if columns is None or code_bytes(adc_bits) != 1 or not one_range or channels % 16 != 0:
        return 1
    together = 4 // gcd(4, channels // 16)
    return 1 if any(count % together for count in counts) else together


def pack_columns_side_by_side(
    bias: Int32Array, requant: Requant, blocks: Sequence[Block], together: int
) -> Int32Array | None:
    """`pack_analog_columns` of ``together`` pixels as one; None for 1."""
    if together == 1:
        return None
    channels = blocks[0].columns
    repeated = replace(
        requant,
        multiplier=np.tile(np.broadcast_to(requant.multiplier, channels), together),
        shift=np.tile(np.broadcast_to(requant.shift, channels), together),
    )
    wide = replace(blocks[0], conductance=np.broadcast_to(np.int16(0), (1, together * channels)))
    return pack_analog_columns(np.tile(bias, together), repeated, [wide])


def pack_pixel_columns(columns: Int32Array | None, out_size: Pair, io: TileIo) -> Int8Array | None:
    """`pack_analog_columns` for the pixelwise kernels, which are limited by loads.

    The 16 shifts are bytes.  The shift of column 4 q + l is byte q of the 32-bit lane l, so that
    one vector serves each four columns after a shift by 8 q bits.

    None where no kernel is pixelwise: by DMA in a layer whose ``out_size`` has several pixels.
    """
    if columns is None or (io == "dma" and out_size != (1, 1)):
        return None
    sixteens = columns[: len(columns) // 48 * 48].reshape(-1, 3, 4, 4)
    words = sixteens[:, :2].astype("<i4").reshape(-1, 32).view(np.int8)
    shifts = sixteens[:, 2].transpose(0, 2, 1).reshape(-1, 16).astype(np.int8)
    packed = np.concatenate([words, shifts], axis=1).reshape(-1)
    return np.concatenate([packed, np.zeros(_PIXEL_PAD, np.int8)])


def is_small_dense(
    blocks: Sequence[Block], columns: Int32Array | None, adc_bits: int, io: TileIo
) -> bool:
    """Whether aimc_analog_small_dense takes a dense layer of these packed ``columns``."""
    one_range = all(block.n0 == 0 for block in blocks)
    fits = one_range and blocks[0].columns <= _SMALL_DENSE_OUTPUTS and len(blocks) <= _NARROW_SUMS
    return io == "pio" and columns is not None and code_bytes(adc_bits) == 1 and fits


@dataclass(frozen=True)
class Range:
    """Row blocks with the same columns; `aimc_range` of aimc_ops.h, field by field."""

    first: int
    blocks: int
    n0: int
    columns: int
    codes: int
    step: int


def _block_code_bytes(columns: int, adc_bits: int) -> int:
    """An odd number of cache lines, so that blocks do not fall into the same sets of a cache."""
    return (_round_up(columns * code_bytes(adc_bits), ALIGN) // ALIGN | 1) * ALIGN


def analog_ranges(blocks: Sequence[Block], adc_bits: int) -> tuple[Range, ...]:
    """The column ranges of a layer's blocks, which are in the plan's order."""
    ranges: list[Range] = []
    first = codes = 0
    for n0, group in groupby(blocks, key=lambda block: block.n0):
        columns = [block.columns for block in group]
        step = _block_code_bytes(columns[0], adc_bits)
        ranges.append(Range(first, len(columns), n0, columns[0], codes, step))
        first += len(columns)
        codes += len(columns) * step
    return tuple(ranges)


def first_blocks(ranges: Sequence[Range], out_size: Pair) -> int:
    """Number of blocks whose tiles start when the layer starts.

    With more tiles than a crossbar serves at once, later ranges start on demand, because
    simultaneous DMA would slow all of them down.
    """
    count = sum(part.blocks for part in ranges)
    return ranges[0].blocks if count > _CROSSBAR_FANOUT and out_size != (1, 1) else count


def code_bytes_of_a_pixel(block_columns: Sequence[int], adc_bits: int) -> int:
    """Bytes of all blocks' codes of an output pixel."""
    return sum(_block_code_bytes(columns, adc_bits) for columns in block_columns)


def rows_of_a_descriptor(pixel_bytes: int, out_size: Pair) -> int:
    """Output rows that one DMA descriptor of a layer covers.

    All rows if the layer's codes fit `CODES_BYTES`; otherwise as many as let the codes of two
    descriptors fit.
    """
    row_bytes = pixel_bytes * out_size[1]
    if row_bytes * out_size[0] <= CODES_BYTES:
        return out_size[0]
    return max(1, CODES_BYTES // 2 // row_bytes)


def dma_code_bytes(rows: int, pixel_bytes: int, out_size: Pair) -> int:
    """Bytes of the codes of one descriptor that covers all rows, or of two that cover ``rows``."""
    return (rows if rows == out_size[0] else 2 * rows) * out_size[1] * pixel_bytes + ALIGN


def copy_rows(rows: int, pixel_bytes: int, copies: int, width: int) -> int:
    """Output rows that one descriptor covers where ``copies`` have one each.

    Args:
        rows, width: Of the largest copy's pixels.
        pixel_bytes: Of its codes.
    """
    return rows_of_a_descriptor(pixel_bytes * copies, (rows, width))


def copies_scratch_bytes(rows: int, pixel_bytes: int, copies: int, out_size: Pair) -> int:
    """Scratch of aimc_copies_dma, with ``rows`` and ``out_size`` of the largest copy."""
    return copies * dma_code_bytes(rows, pixel_bytes, out_size)


def analog_scratch_bytes(
    channels: int, block_columns: Sequence[int], sliding: Sliding, adc_bits: int, io: TileIo
) -> int:
    """Scratch of aimc_analog_pio or aimc_analog_dma (either kernels).

    Args:
        channels: Of the layer's input map.
        block_columns: Columns of each block, in the plan's order.
        sliding: The layer's window; all ones for a dense layer.
        adc_bits: Width of the tiles' ADC.
        io: How the tiles are fed.
    """
    pixel_bytes = code_bytes_of_a_pixel(block_columns, adc_bits)
    out_size = sliding.out_size
    if io == "pio":
        taps = sliding.kernel[0] * sliding.kernel[1]
        pieces = taps + len(block_columns) * (taps + 1)  # at most
        patches = PIO_BATCH * _round_up(taps * channels, 16) + SLACK
        band = band_bytes(sliding, channels)
        parts = (PIECE_BYTES * pieces, band, patches, PIO_BATCH * pixel_bytes)
        return sum(_round_up(part, ALIGN) for part in parts) + ALIGN
    return dma_code_bytes(rows_of_a_descriptor(pixel_bytes, out_size), pixel_bytes, out_size)
