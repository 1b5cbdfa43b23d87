"""Calls single operators on the emulated board, with guards around everything they touch."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from harness import _headers
from harness.codegen import packing
from harness.codegen.packing import Kernels
from harness.operators.add import QAdd
from harness.operators.integer_node import Requant
from harness.operators.kernel.sliding import Sliding
from harness.operators.tensor import Int8Array
from harness.operators.window import Window
from harness.placement.plan import AnalogLayer
from tests.kernels.machine import DRAM_BASE, IMAGE_BYTES, Machine
from tests.kernels.structs import (
    AddStruct,
    AnalogStruct,
    AvgpoolStruct,
    BlockStruct,
    ClipStruct,
    ConcatInputStruct,
    ConcatStruct,
    ConvStruct,
    CopiesStruct,
    DenseStruct,
    DepthwiseStruct,
    DmaStruct,
    MaxpoolStruct,
    RangeStruct,
    RequantStruct,
    ReshapeStruct,
    ShareStruct,
    SoftmaxStruct,
    WindowStruct,
    window_struct,
)

_OPERATIONS: Final = (
    "conv",
    "depthwise",
    "dense",
    "maxpool",
    "avgpool",
    "add",
    "concat",
    "clip",
    "reshape",
    "softmax",
    "analog_pio",
    "analog_dma",
    "analog_few",
    "copies_pio",
    "copies_dma",
)
_SLOT_BYTES: Final = 4 << 20
_SLOT_STRIDE: Final = 2 * _SLOT_BYTES  # the second half is not mapped
_SLOTS: Final = 20
_SLOT_BASE: Final = DRAM_BASE + IMAGE_BYTES + _SLOT_BYTES
_CANARY: Final = 0x5A
_GUARD: Final = 128  # bytes beside a written buffer that must stay as they are


class ProgramFailed(Exception):  # noqa: N818 - an outcome, raised where a test wants it
    """The program ended with an exit code other than 0."""

    def __init__(self, exit_code: int | None, console: str) -> None:
        self.exit_code = exit_code
        self.console = console
        super().__init__(f"exit code {exit_code}: {console}")


def sliding(window: WindowStruct) -> Sliding:
    """The same window as the packing functions want it."""
    return Sliding(
        in_size=(window.in_h, window.in_w),
        out_size=(window.out_h, window.out_w),
        kernel=(window.kernel_h, window.kernel_w),
        stride=(window.stride_y, window.stride_x),
        pad=(window.pad_top, window.pad_left),
        dilation=(window.dilation_y, window.dilation_x),
    )


@dataclass(frozen=True)
class TileSet:
    """What the program is told about the tiles, and the noise epoch that it starts."""

    count: int
    rows: int
    columns: int
    adc_bits: int
    features: int
    epoch: int

    def mailbox(self) -> tuple[int, ...]:
        return (self.count, self.rows, self.columns, self.adc_bits, self.features, self.epoch)


class Operators:
    """Each method runs one operator and returns its output; shapes are those of numpy's side.

    Every buffer ends, with the slack that the kernels may read, at memory that is not there;
    outputs and scratch lie between canaries.
    """

    def __init__(self, elf: Path) -> None:
        self.machine = Machine(elf)
        for slot in range(_SLOTS):
            self.machine.map(_SLOT_BASE + slot * _SLOT_STRIDE, _SLOT_BYTES)
        self._random = np.random.default_rng(0)
        self._next_slot = 0
        self.tiles: TileSet | None = None

    def _place(self, data: bytes, slack: int) -> int:
        end = _SLOT_BASE + self._next_slot * _SLOT_STRIDE + _SLOT_BYTES
        self._next_slot += 1
        start = (end - len(data) - slack) & -packing.ALIGN
        assert start >= end - _SLOT_BYTES, "the case does not fit a slot"
        noise = self._random.integers(0, 256, end - start - len(data), np.uint8).tobytes()
        self.machine.write(start, data + noise)
        return start

    def constant(self, values: npt.NDArray[Any] | ctypes.Structure) -> int:
        """Places data whose packing includes everything that may be read."""
        return self._place(bytes(values), 0)

    def requant(self, requant: Requant, channels: int) -> RequantStruct:
        return RequantStruct(
            self.constant(packing.pack_channels(requant.multiplier, channels)),
            self.constant(packing.pack_channels(requant.shift, channels)),
            requant.low,
            requant.high,
        )

    def call(
        self,
        name: str,
        kernels: Kernels,
        op: ctypes.Structure,
        inputs: Sequence[Int8Array],
        shape: tuple[int, ...],
        *,
        scratch_bytes: int = 0,
        again: bool = False,
    ) -> Int8Array:
        """Run ``name`` on ``inputs`` and return its output of ``shape``.

        ``again``: once on the first, then on the second in its place, whose output is returned.
        """
        addresses = [self._place(a.tobytes(), packing.SLACK) for a in inputs]
        addresses += [0] * (4 - len(addresses))
        count = int(np.prod(shape))
        guard = bytes([_CANARY]) * _GUARD
        blank = bytes([_CANARY ^ 0xFF]) * count
        out = self._place(guard + blank + guard, 0) + _GUARD
        scratch = self._place(bytes(scratch_bytes) + guard, 0)
        operation = 2 * _OPERATIONS.index(name) + (kernels == "neon")
        tiles = self.tiles.mailbox() if self.tiles else (0,) * 6
        mailbox = struct.pack(
            "<I6iI7Q",
            operation,
            *tiles,
            inputs[1].nbytes if again else 0,
            self.constant(op),
            *addresses,
            out,
            scratch,
        )
        self.machine.write(self.machine.symbols["mailbox"], mailbox)
        outcome = self.machine.run()
        self._next_slot = 0
        if outcome.exit_code != 0:
            raise ProgramFailed(outcome.exit_code, outcome.console)
        assert outcome.regions == [("begin", operation), ("end", operation)]
        assert self.machine.read(out - _GUARD, _GUARD) == guard, "written before the output"
        assert self.machine.read(out + count, _GUARD) == guard, "written beyond the output"
        assert self.machine.read(scratch + scratch_bytes, _GUARD) == guard, "scratch overrun"
        result = np.frombuffer(self.machine.read(out, count), np.int8)
        return result.reshape(shape)

    def conv(
        self,
        kernels: Kernels,
        inputs: Int8Array,
        weight: Int8Array,
        bias: npt.NDArray[np.int32],
        requant: Requant,
        window: Window,
        groups: int,
    ) -> Int8Array:
        """(h, w, in) to (oh, ow, out)."""
        in_h, in_w, in_channels = inputs.shape
        out_channels = weight.shape[0]
        geometry = window_struct(window, in_h, in_w)
        op = ConvStruct(
            geometry,
            in_channels,
            out_channels,
            groups,
            self.constant(packing.pack_conv_weight(weight, groups, window.dilation[1], kernels)),
            self.constant(packing.pack_channels(bias, out_channels)),
            self.requant(requant, out_channels),
        )
        scratch = packing.conv_scratch_bytes(weight.shape, groups, sliding(geometry), kernels)
        shape = (geometry.out_h, geometry.out_w, out_channels)
        return self.call("conv", kernels, op, [inputs], shape, scratch_bytes=scratch)

    def depthwise(
        self,
        kernels: Kernels,
        inputs: Int8Array,
        weight: Int8Array,
        bias: npt.NDArray[np.int32],
        requant: Requant,
        window: Window,
    ) -> Int8Array:
        in_h, in_w, channels = inputs.shape
        geometry = window_struct(window, in_h, in_w)
        op = DepthwiseStruct(
            geometry,
            channels,
            self.constant(packing.pack_depthwise_weight(weight, sliding(geometry), kernels)),
            self.constant(packing.pack_channels(bias, channels)),
            self.requant(requant, channels),
        )
        scratch = packing.depthwise_scratch_bytes(channels, sliding(geometry), kernels)
        shape = (geometry.out_h, geometry.out_w, channels)
        return self.call("depthwise", kernels, op, [inputs], shape, scratch_bytes=scratch)

    def dense(
        self,
        kernels: Kernels,
        inputs: Int8Array,
        weight: Int8Array,
        bias: npt.NDArray[np.int32],
        requant: Requant,
    ) -> Int8Array:
        out_features, in_features = weight.shape
        op = DenseStruct(
            in_features,
            out_features,
            self.constant(packing.pack_dense_weight(weight, kernels)),
            self.constant(packing.pack_channels(bias, out_features)),
            self.requant(requant, out_features),
        )
        return self.call("dense", kernels, op, [inputs], (out_features,))

    def maxpool(
        self, kernels: Kernels, inputs: Int8Array, window: Window, low: int, high: int
    ) -> Int8Array:
        in_h, in_w, channels = inputs.shape
        geometry = window_struct(window, in_h, in_w)
        op = MaxpoolStruct(geometry, channels, low, high)
        return self.call(
            "maxpool", kernels, op, [inputs], (geometry.out_h, geometry.out_w, channels)
        )

    def avgpool(
        self,
        kernels: Kernels,
        inputs: Int8Array,
        window: Window,
        count_include_pad: bool,
        requant: Requant,
    ) -> Int8Array:
        in_h, in_w, channels = inputs.shape
        geometry = window_struct(window, in_h, in_w)
        op = AvgpoolStruct(
            geometry,
            channels,
            count_include_pad,
            self.constant(requant.multiplier),
            self.constant(requant.shift),
            requant.low,
            requant.high,
        )
        return self.call(
            "avgpool", kernels, op, [inputs], (geometry.out_h, geometry.out_w, channels)
        )

    def add(self, kernels: Kernels, a: Int8Array, b: Int8Array, node: QAdd) -> Int8Array:
        op = AddStruct(a.size, *node.multipliers, node.shift, node.low, node.high)
        return self.call("add", kernels, op, [a, b], a.shape)

    def concat(
        self, kernels: Kernels, parts: Sequence[Int8Array], requants: Sequence[Requant | None]
    ) -> Int8Array:
        rows = b"".join(
            bytes(
                ConcatInputStruct(part.shape[-1], 0, 0, 0, 0)
                if requant is None
                else ConcatInputStruct(
                    part.shape[-1],
                    int(requant.multiplier[0]),
                    int(requant.shift[0]),
                    requant.low,
                    requant.high,
                )
            )
            for part, requant in zip(parts, requants, strict=True)
        )
        pixels = parts[0].size // parts[0].shape[-1]
        op = ConcatStruct(pixels, len(parts), self._place(rows, 0))
        shape = (*parts[0].shape[:-1], sum(part.shape[-1] for part in parts))
        return self.call("concat", kernels, op, parts, shape)

    def clip(self, kernels: Kernels, inputs: Int8Array, low: int, high: int) -> Int8Array:
        op = ClipStruct(inputs.size, low, high)
        return self.call("clip", kernels, op, [inputs], inputs.shape)

    def reshape(self, kernels: Kernels, inputs: Int8Array, shape: tuple[int, ...]) -> Int8Array:
        channels = (inputs.shape[-1], shape[-1])
        pixels = tuple(inputs.size // c for c in channels)
        op = ReshapeStruct(pixels[0], channels[0], pixels[1], channels[1])
        scratch = packing.reshape_scratch_bytes(inputs.size, kernels)
        return self.call("reshape", kernels, op, [inputs], shape, scratch_bytes=scratch)

    def softmax(
        self, kernels: Kernels, inputs: Int8Array, table: npt.NDArray[np.uint16]
    ) -> Int8Array:
        op = SoftmaxStruct(inputs.size, self.constant(table))
        return self.call("softmax", kernels, op, [inputs], inputs.shape)

    def analog(
        self,
        io: packing.TileIo,
        kernels: Kernels,
        inputs: Int8Array,
        layer: AnalogLayer,
        window: Window,
        tiles: TileSet,
        *,
        descriptor_rows: int | None = None,
        few: bool = False,
        then: Int8Array | None = None,
    ) -> Int8Array:
        """Program the layer's blocks into their tiles and run it once; ``few``: as few outputs.

        With ``then`` instead of ``inputs`` once more, from the first MVM number of the epoch on;
        that output is returned.
        """
        in_h, in_w, channels = inputs.shape
        geometry = window_struct(window, in_h, in_w)
        images = [packing.pack_tile_image(block) for block in layer.blocks]
        first_image = self._place(b"".join(images), 0)
        offsets = np.cumsum([0, *map(len, images)])
        rows = b"".join(
            bytes(
                BlockStruct(
                    block.tile, block.k0, block.rows, block.n0, block.columns, first_image + int(at)
                )
            )
            for block, at in zip(layer.blocks, offsets, strict=False)
        )
        block_columns = [block.columns for block in layer.blocks]
        out_size = (geometry.out_h, geometry.out_w)
        columns = packing.pack_analog_columns(layer.bias, layer.requant, layer.blocks)
        pixel = packing.pack_pixel_columns(columns, out_size, io)
        ranges = packing.analog_ranges(layer.blocks, tiles.adc_bits)
        numbers = np.array([block.tile for block in layer.blocks], np.uint16)
        pixel_bytes = packing.code_bytes_of_a_pixel(block_columns, tiles.adc_bits)
        descriptor_bytes = 2 * len(layer.blocks) * _headers.AIMC_DESCRIPTOR_BYTES
        op = AnalogStruct(
            self.constant(DmaStruct(0, 0, 0, 0, self._place(bytes(descriptor_bytes), 0))),
            self.constant(numbers),
            descriptor_rows or packing.rows_of_a_descriptor(pixel_bytes, out_size),
            packing.first_blocks(ranges, out_size),
            len(layer.blocks),
            geometry,
            channels,
            layer.columns,
            packing.code_bytes(tiles.adc_bits),
            self._place(rows, 0),
            len(ranges),
            self._place(b"".join(bytes(RangeStruct(*astuple(part))) for part in ranges), 0),
            self.constant(packing.pack_channels(layer.bias, layer.columns)),
            self.requant(layer.requant, layer.columns),
            0 if columns is None else self.constant(columns),
            0 if pixel is None else self.constant(pixel),
            pixel_bytes,
        )
        scratch = packing.analog_scratch_bytes(
            channels, block_columns, sliding(geometry), tiles.adc_bits, io
        )
        if descriptor_rows is not None:
            scratch = packing.dma_code_bytes(descriptor_rows, pixel_bytes, out_size)
        shape = (geometry.out_h, geometry.out_w, layer.columns)
        self.tiles = tiles
        try:
            way = "few" if few else io
            return self.call(
                f"analog_{way}",
                kernels,
                op,
                [inputs] if then is None else [inputs, then],
                shape,
                scratch_bytes=scratch,
                again=then is not None,
            )
        finally:
            self.tiles = None
            self._next_slot = 0

    def copies(
        self,
        io: packing.TileIo,
        kernels: Kernels,
        inputs: Int8Array,
        layer: AnalogLayer,
        window: Window,
        tiles: TileSet,
        *,
        descriptor_rows: int | None = None,
        then: Int8Array | None = None,
    ) -> Int8Array:
        """`analog` for a layer with copies."""
        in_h, in_w, channels = inputs.shape
        geometry = window_struct(window, in_h, in_w)
        out_size, count = (geometry.out_h, geometry.out_w), len(layer.blocks)
        images = [packing.pack_tile_image(block) for block in layer.blocks]
        first_image = self._place(b"".join(images), 0)
        offsets = first_image + np.cumsum([0, *map(len, images)])
        block_columns = [block.columns for block in layer.blocks]
        pixel_bytes = packing.code_bytes_of_a_pixel(block_columns, tiles.adc_bits)
        columns = packing.pack_analog_columns(layer.bias, layer.requant, layer.blocks)
        pixel = packing.pack_pixel_columns(columns, out_size, io)
        ranges = packing.analog_ranges(layer.blocks, tiles.adc_bits)
        scratch = packing.analog_scratch_bytes(
            channels, block_columns, sliding(geometry), tiles.adc_bits, io
        )
        shares, rows, own, together = 0, 0, geometry, 1
        if io == "dma":
            rectangles = [rectangle(copy.first, copy.pixels, out_size[1]) for copy in layer.copies]
            shares = self._place(b"".join(bytes(ShareStruct(*r)) for r in rectangles), 0)
            size = rectangles[0][2:]
            rows = descriptor_rows or packing.copy_rows(
                size[0], pixel_bytes, layer.copy_count, size[1]
            )
            scratch = packing.copies_scratch_bytes(rows, pixel_bytes, layer.copy_count, size)
            own = window_struct(window, in_h, in_w)
            own.out_h, own.out_w = size
            together = packing.pixels_side_by_side(
                layer.blocks,
                columns,
                tiles.adc_bits,
                [rows * size[1], *(copy.pixels for copy in layer.copies)],
            )
        wide = packing.pack_columns_side_by_side(layer.bias, layer.requant, layer.blocks, together)
        placed = [block for _, blocks in layer.placed() for block in blocks]
        block_rows = self._place(
            b"".join(
                bytes(
                    BlockStruct(
                        block.tile, block.k0, block.rows, block.n0, block.columns, int(offset)
                    )
                )
                for block, offset in zip(placed, [*offsets[:-1]] * layer.copy_count, strict=True)
            ),
            0,
        )
        numbers = self.constant(np.array([block.tile for block in placed], np.uint16))
        descriptor_bytes = 2 * count * _headers.AIMC_DESCRIPTOR_BYTES
        descriptors = self._place(bytes(layer.copy_count * descriptor_bytes), 0)
        states = [
            bytes(DmaStruct(0, 0, 0, 0, descriptors + k * descriptor_bytes))
            for k in range(layer.copy_count)
        ]
        state = self._place(b"".join(states), 0)
        range_rows = self._place(b"".join(bytes(RangeStruct(*astuple(part))) for part in ranges), 0)
        bias = self.constant(packing.pack_channels(layer.bias, layer.columns))
        requant = self.requant(layer.requant, layer.columns)
        column_data = 0 if columns is None else self.constant(columns)
        pixel_data = 0 if pixel is None else self.constant(pixel)
        structs = [
            AnalogStruct(
                state + k * ctypes.sizeof(DmaStruct),
                numbers + 2 * k * count,
                rows,
                0,
                count,
                own,
                channels,
                layer.columns,
                packing.code_bytes(tiles.adc_bits),
                block_rows + k * count * ctypes.sizeof(BlockStruct),
                len(ranges),
                range_rows,
                bias,
                requant,
                column_data,
                pixel_data,
                pixel_bytes,
            )
            for k in range(layer.copy_count)
        ]
        copies = self._place(b"".join(map(bytes, structs)), 0)
        wide_data = 0 if wide is None else self.constant(wide)
        op = CopiesStruct(layer.copy_count, together, copies, shares, wide_data)
        self.tiles = tiles
        try:
            return self.call(
                f"copies_{io}",
                kernels,
                op,
                [inputs] if then is None else [inputs, then],
                (*out_size, layer.columns),
                scratch_bytes=scratch,
                again=then is not None,
            )
        finally:
            self.tiles = None
            self._next_slot = 0


def rectangle(first: int, pixels: int, width: int) -> tuple[int, int, int, int]:
    """Row, column, rows and columns of a copy's pixels."""
    rows = max(1, pixels // width)
    return first // width, first % width, rows, pixels // rows
