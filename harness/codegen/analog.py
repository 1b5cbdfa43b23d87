"""From analog layers to C."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np

from harness.codegen import packing
from harness.codegen.context import PlanContext
from harness.errors import CodegenError
from harness.operators.kernel.layer import Layer
from harness.operators.kernel.sliding import Sliding
from harness.operators.matrix import MatrixForm, WeightedNode
from harness.operators.tensor import Int32Array, Pair
from harness.placement.plan import AnalogLayer, Block


def translate_analog(node: WeightedNode, layer: AnalogLayer, context: PlanContext) -> Layer:
    """The C of an analog layer; its arrays go into ``context.blob``."""
    if layer.parts:
        return _in_parts(node, layer, context)
    small_dense = _matrix(node).window is None and packing.is_small_dense(
        layer.blocks, _packed_columns(layer), context.tile.adc_bits, context.tile.io
    )
    one = _translate(
        node, layer, context, small_dense=small_dense, name=node.name, out_channels=layer.columns
    )
    return _with_copies(node, layer, one, context) if layer.copies else one


def _packed_columns(layer: AnalogLayer) -> Int32Array | None:
    return packing.pack_analog_columns(layer.bias, layer.requant, layer.blocks)


def _in_parts(node: WeightedNode, layer: AnalogLayer, context: PlanContext) -> Layer:
    """One layer per part; each writes a part of the columns."""
    parts = []
    for index, (first, end) in enumerate(layer.parts):
        own = layer.blocks[first:end]
        n0, stop = own[0].n0, own[-1].n0 + own[-1].columns
        requant = replace(
            layer.requant,
            multiplier=np.broadcast_to(layer.requant.multiplier, layer.columns)[n0:stop],
            shift=np.broadcast_to(layer.requant.shift, layer.columns)[n0:stop],
        )
        part = replace(
            layer,
            columns=stop - n0,
            blocks=tuple(replace(block, n0=block.n0 - n0) for block in own),
            bias=layer.bias[n0:stop],
            requant=requant,
            parts=(),
        )
        # No node's name has a capital letter.
        name = f"{node.name}_P{index}"
        made = _translate(
            node, part, context, small_dense=False, name=name, out_channels=layer.columns, offset=n0
        )
        parts.append(replace(made, prefetched=()))
    return Layer(
        node.name,
        "aimc_analog",
        (),
        parts[0].call,
        f"analog, {layer.rows} x {layer.columns} on {layer.tiles} tiles, {len(parts)} parts",
        max(part.scratch_bytes for part in parts),
        parts=tuple(parts),
    )


def _translate(
    node: WeightedNode,
    layer: AnalogLayer,
    context: PlanContext,
    *,
    small_dense: bool,
    name: str,
    out_channels: int,
    offset: int = 0,
) -> Layer:
    """One copy of a layer, or one part of it.

    Args:
        small_dense: Whether aimc_analog_small_dense runs it.
        name: Of its arrays.
        out_channels: Of the output, of which ``offset`` is its first.
    """
    sliding, channels = _window(node, context)
    pack = packing.pack_reloaded_image if layer.reloaded else packing.pack_tile_image
    blocks = tuple(_block_row(block, pack(block), context) for block in layer.blocks)
    parts = packing.analog_ranges(layer.blocks, context.tile.adc_bits)
    ranges = tuple(
        f"{{{', '.join(f'.{field} = {value}' for field, value in asdict(part).items())}}}"
        for part in parts
    )
    block_columns = [block.columns for block in layer.blocks]
    pixel_bytes = packing.code_bytes_of_a_pixel(block_columns, context.tile.adc_bits)
    columns = _packed_columns(layer)
    pixel = packing.pack_pixel_columns(columns, sliding.out_size, context.tile.io)
    fields: tuple[tuple[str, str], ...] = (
        *sliding.fields(),
        ("in_channels", str(channels)),
        ("out_channels", str(out_channels)),
        ("code_bytes", str(packing.code_bytes(context.tile.adc_bits))),
        ("block_count", str(len(blocks))),
        ("block", f"{name}_blocks"),
        ("range_count", str(len(ranges))),
        ("range", f"{name}_ranges"),
        ("bias", context.channels(layer.bias, layer.columns)),
        *context.requant(layer.requant, layer.columns),
        ("columns", "0" if columns is None else context.pointer(columns.tobytes(), "int32_t")),
        ("pixel_columns", "0" if pixel is None else context.pointer(pixel.tobytes(), "int8_t")),
        ("pixel_bytes", str(pixel_bytes)),
    )
    dma_tiles: tuple[int, ...] = ()
    if context.tile.io == "dma":
        dma_tiles = tuple(block.tile for block in layer.blocks)
        rows = packing.rows_of_a_descriptor(pixel_bytes, sliding.out_size)
        fields += (
            ("dma_rows", str(rows)),
            ("dma_first", str(packing.first_blocks(parts, sliding.out_size))),
            ("tile", f"{name}_tiles"),
            ("dma", f"&{name}_dma"),
        )
    scratch = packing.analog_scratch_bytes(
        channels, block_columns, sliding, context.tile.adc_bits, context.tile.io
    )
    comment = f"analog, {layer.rows} x {layer.columns} on {layer.tiles} tiles"
    way = "small_dense" if small_dense else context.tile.io
    call = context.call(f"aimc_analog_{way}", node, scratch=True, name=name, offset=offset)
    prefetched = (
        ("layer", "dma", "tiles") if dma_tiles else ("layer", "blocks") if small_dense else ()
    )
    return Layer(
        name, "aimc_analog", fields, call, comment, scratch, blocks, ranges, dma_tiles, prefetched
    )


def _window(node: WeightedNode, context: PlanContext) -> tuple[Sliding, int]:
    """The layer's sliding window and input channels; a layer without one sees a single pixel."""
    form = _matrix(node)
    window = form.window
    if window is None:
        one = (1, 1)
        return Sliding(one, one, one, one, (0, 0), one), form.row_shape[-1]
    sliding = context.sliding(node, window.kernel, window.stride, window.pads, window.dilation)
    return sliding, form.row_shape[-1]


def _matrix(node: WeightedNode) -> MatrixForm:
    """The matrix form of ``node``.

    Raises:
        CodegenError: It has none.
    """
    form = node.matrix_form()
    if form is None:
        raise CodegenError(f"a {type(node).__name__} cannot be analog", where=node.name)
    return form


def _block_row(block: Block, image: bytes, context: PlanContext) -> str:
    return (
        f"{{.tile = {block.tile}, .k0 = {block.k0}, .rows = {block.rows}, .n0 = {block.n0}, "
        f".columns = {block.columns}, "
        f".image = {context.pointer(image, 'void')}}}"
    )


def _with_copies(
    node: WeightedNode,
    layer: AnalogLayer,
    one: Layer,
    context: PlanContext,
) -> Layer:
    """The layer with copies of what ``one`` is."""
    sliding, _ = _window(node, context)
    name, count, dma = node.name, len(layer.blocks), context.tile.io == "dma"
    adc_bits, together = context.tile.adc_bits, 1
    placed = [blocks for _, blocks in layer.placed()]
    changed: dict[str, str] = {}
    shares: tuple[str, ...] = ()
    scratch = one.scratch_bytes
    prefetched: tuple[str, ...] = ("layer", "copies")
    if dma:
        rectangles = [_rectangle(copy.first, copy.pixels, sliding) for copy in layer.copies]
        shares = tuple(
            f"{{.oy = {oy}, .ox = {ox}, .rows = {height}, .columns = {width}}}"
            for (oy, ox), (height, width) in rectangles
        )
        size = rectangles[0][1]
        pixel_bytes = packing.code_bytes_of_a_pixel([b.columns for b in layer.blocks], adc_bits)
        rows = packing.copy_rows(size[0], pixel_bytes, layer.copy_count, size[1])
        scratch = packing.copies_scratch_bytes(rows, pixel_bytes, layer.copy_count, size)
        descriptors = (rows * size[1], *(copy.pixels for copy in layer.copies))
        together = packing.pixels_side_by_side(
            layer.blocks, _packed_columns(layer), adc_bits, descriptors
        )
        changed = {"dma_rows": str(rows), **dict(replace(sliding, out_size=size).fields())}
        prefetched = (*prefetched, "shares", "dma", "tiles")
    copies = []
    for k in range(layer.copy_count):
        own = {"block": f"{name}_blocks + {k * count}"}
        if dma:
            own |= {"tile": f"{name}_tiles + {k * count}", "dma": f"&{name}_dma[{k}]"}
        copies.append(tuple((key, {**changed, **own}.get(key, v)) for key, v in one.fields))
    wide = packing.pack_columns_side_by_side(layer.bias, layer.requant, layer.blocks, together)
    return replace(
        one,
        struct="aimc_copies",
        fields=(
            ("count", str(layer.copy_count)),
            ("together", str(together)),
            ("copy", f"{name}_copies"),
            ("share", f"{name}_shares" if dma else "0"),
            ("columns", "0" if wide is None else context.pointer(wide.tobytes(), "int32_t")),
        ),
        call=context.call(f"aimc_copies_{context.tile.io}", node, scratch=True),
        comment=f"{one.comment}, {layer.copy_count} copies",
        scratch_bytes=scratch,
        blocks=tuple(
            _block_row(block, packing.pack_tile_image(block), context)
            for blocks in placed
            for block in blocks
        ),
        dma_tiles=tuple(b.tile for blocks in placed for b in blocks) if dma else (),
        prefetched=prefetched,
        copies=tuple(copies),
        shares=shares,
    )


def _rectangle(first: int, pixels: int, sliding: Sliding) -> tuple[Pair, Pair]:
    """Top left corner and size of ``pixels`` from number ``first`` on: rows, or a part of one."""
    width = sliding.out_size[1]
    rows = max(1, pixels // width)
    return (first // width, first % width), (rows, pixels // rows)
