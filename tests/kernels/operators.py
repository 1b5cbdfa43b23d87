"""Calls all operators: those of `DigitalOperators`, and analog layers on tiles."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from harness import _headers
from harness.codegen import packing
from harness.codegen.packing import Kernels
from harness.operators.tensor import Int8Array, Pair
from harness.operators.window import Window
from harness.placement.plan import AnalogLayer, Block
from tests.kernels.board import ProgramFailed, TileSet
from tests.kernels.digital_operators import DigitalOperators, sliding

__all__ = ["Operators", "ProgramFailed", "TileSet"]


class Operators(DigitalOperators):
    """Each method runs one operator and returns its output; shapes are those of numpy's side."""

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
        small_dense: bool = False,
        then: Int8Array | None = None,
    ) -> Int8Array:
        """Program the layer's blocks into their tiles and run it once.

        Args:
            descriptor_rows: Output rows that a descriptor covers, if not as in programs.
            small_dense: By the kernel for dense layers of few outputs.
            then: Run once more, with this instead of ``inputs``, from the first MVM number of the
                epoch on; that output is returned.
        """
        geometry = self.window(window, inputs)
        out_size = (geometry.out_h, geometry.out_w)
        pixel_bytes = _pixel_bytes(layer, tiles)
        scratch = _scratch_bytes(io, layer, inputs, geometry, tiles)
        if descriptor_rows is not None:
            scratch = packing.dma_code_bytes(descriptor_rows, pixel_bytes, out_size)
        ranges = packing.analog_ranges(layer.blocks, tiles.adc_bits)
        op = self._layer(
            io,
            layer,
            inputs,
            geometry,
            tiles,
            out_size,
            dma_rows=descriptor_rows or packing.rows_of_a_descriptor(pixel_bytes, out_size),
            dma_first=packing.first_blocks(ranges, out_size),
        )
        op.block = self._blocks(layer.blocks, self._images(layer))
        op.tile = self._tile_numbers(layer.blocks)
        op.dma = self._dma_states(1, len(layer.blocks))
        return self._run(
            f"analog_{'small_dense' if small_dense else io}",
            kernels,
            op,
            [inputs] if then is None else [inputs, then],
            (*out_size, layer.columns),
            scratch,
            tiles,
        )

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
        geometry = self.window(window, inputs)
        out_size = (geometry.out_h, geometry.out_w)
        scratch = _scratch_bytes(io, layer, inputs, geometry, tiles)
        shares, rows, together = 0, 0, 1
        if io == "dma":
            rectangles = [rectangle(copy.first, copy.pixels, out_size[1]) for copy in layer.copies]
            shares = self.constants([self._share(*corners) for corners in rectangles])
            size = rectangles[0][2:]
            pixel_bytes = _pixel_bytes(layer, tiles)
            rows = descriptor_rows or packing.copy_rows(
                size[0], pixel_bytes, layer.copy_count, size[1]
            )
            scratch = packing.copies_scratch_bytes(rows, pixel_bytes, layer.copy_count, size)
            geometry.out_h, geometry.out_w = size
            counts = [rows * size[1], *(copy.pixels for copy in layer.copies)]
            columns = packing.pack_analog_columns(layer.bias, layer.requant, layer.blocks)
            together = packing.pixels_side_by_side(layer.blocks, columns, tiles.adc_bits, counts)
        one = self._layer(io, layer, inputs, geometry, tiles, out_size, dma_rows=rows, dma_first=0)
        wide = packing.pack_columns_side_by_side(layer.bias, layer.requant, layer.blocks, together)
        op = self.structs["aimc_copies"](
            count=layer.copy_count,
            together=together,
            copy=self.constants(self._copies_of(one, layer)),
            share=shares,
            columns=0 if wide is None else self.constant(wide),
        )
        return self._run(
            f"copies_{io}",
            kernels,
            op,
            [inputs] if then is None else [inputs, then],
            (*out_size, layer.columns),
            scratch,
            tiles,
        )

    def _run(
        self,
        name: str,
        kernels: Kernels,
        op: ctypes.Structure,
        inputs: Sequence[Int8Array],
        shape: tuple[int, ...],
        scratch_bytes: int,
        tiles: TileSet,
    ) -> Int8Array:
        return self.call(
            name,
            kernels,
            op,
            inputs,
            shape,
            scratch_bytes=scratch_bytes,
            tiles=tiles,
            again=len(inputs) > 1,
        )

    def _layer(
        self,
        io: packing.TileIo,
        layer: AnalogLayer,
        inputs: Int8Array,
        geometry: ctypes.Structure,
        tiles: TileSet,
        out_size: Pair,
        *,
        dma_rows: int,
        dma_first: int,
    ) -> ctypes.Structure:
        """A struct aimc_analog of one copy, without its blocks, tiles and DMA state.

        ``geometry`` is the copy's window, ``out_size`` the size of the whole output.
        """
        columns = packing.pack_analog_columns(layer.bias, layer.requant, layer.blocks)
        pixel = packing.pack_pixel_columns(columns, out_size, io)
        ranges = packing.analog_ranges(layer.blocks, tiles.adc_bits)
        range_rows = [self.structs["aimc_range"](**asdict(part)) for part in ranges]
        return self.structs["aimc_analog"](
            dma_rows=dma_rows,
            dma_first=dma_first,
            block_count=len(layer.blocks),
            window=geometry,
            in_channels=inputs.shape[2],
            out_channels=layer.columns,
            code_bytes=packing.code_bytes(tiles.adc_bits),
            range_count=len(ranges),
            range=self.constants(range_rows),
            bias=self.channels(layer.bias, layer.columns),
            requant=self.requant(layer.requant, layer.columns),
            columns=0 if columns is None else self.constant(columns),
            pixel_columns=0 if pixel is None else self.constant(pixel),
            pixel_bytes=_pixel_bytes(layer, tiles),
        )

    def _copies_of(self, one: ctypes.Structure, layer: AnalogLayer) -> list[ctypes.Structure]:
        """``one`` for each copy, with its own blocks, tiles and DMA state."""
        count = len(layer.blocks)
        placed = [block for _, blocks in layer.placed() for block in blocks]
        blocks = self._blocks(placed, self._images(layer) * layer.copy_count)
        numbers = self._tile_numbers(placed)
        states = self._dma_states(layer.copy_count, count)
        copies = []
        for k in range(layer.copy_count):
            copy = type(one).from_buffer_copy(one)
            copy.block = blocks + k * count * ctypes.sizeof(self.structs["aimc_block"])
            copy.tile = numbers + k * count * np.dtype(np.uint16).itemsize
            copy.dma = states + k * ctypes.sizeof(self.structs["aimc_dma"])
            copies.append(copy)
        return copies

    def _images(self, layer: AnalogLayer) -> list[int]:
        """Places the blocks' programming images, one behind the other; their addresses."""
        images = [packing.pack_tile_image(block) for block in layer.blocks]
        first = self.place(b"".join(images))
        return [first + int(at) for at in np.cumsum([0, *map(len, images[:-1])])]

    def _blocks(self, blocks: Sequence[Block], images: Sequence[int]) -> int:
        rows = [
            self.structs["aimc_block"](
                tile=block.tile,
                k0=block.k0,
                rows=block.rows,
                n0=block.n0,
                columns=block.columns,
                image=image,
            )
            for block, image in zip(blocks, images, strict=True)
        ]
        return self.constants(rows)

    def _tile_numbers(self, blocks: Sequence[Block]) -> int:
        return self.constant(np.array([block.tile for block in blocks], np.uint16))

    def _dma_states(self, copies: int, blocks: int) -> int:
        """A struct aimc_dma for each copy, with room for its descriptors."""
        room = 2 * blocks * _headers.AIMC_DESCRIPTOR_BYTES
        first = self.place(bytes(copies * room))
        states = [self.structs["aimc_dma"](descriptor=first + k * room) for k in range(copies)]
        return self.constants(states)

    def _share(self, oy: int, ox: int, rows: int, columns: int) -> ctypes.Structure:
        return self.structs["aimc_share"](oy=oy, ox=ox, rows=rows, columns=columns)


def rectangle(first: int, pixels: int, width: int) -> tuple[int, int, int, int]:
    """Row, column, rows and columns of a copy's pixels."""
    rows = max(1, pixels // width)
    return first // width, first % width, rows, pixels // rows


def _pixel_bytes(layer: AnalogLayer, tiles: TileSet) -> int:
    return packing.code_bytes_of_a_pixel([b.columns for b in layer.blocks], tiles.adc_bits)


def _scratch_bytes(
    io: packing.TileIo,
    layer: AnalogLayer,
    inputs: Int8Array,
    geometry: ctypes.Structure,
    tiles: TileSet,
) -> int:
    columns = [block.columns for block in layer.blocks]
    return packing.analog_scratch_bytes(
        inputs.shape[2], columns, sliding(geometry), tiles.adc_bits, io
    )
