"""The analog form of one layer: conductances, converter scales, digital bias and requantization."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from harness.config.schema import TileConfig
from harness.mapping.conductance import conductances_of
from harness.operators.backend.im2col import window_view
from harness.operators.matrix import WeightedNode
from harness.operators.quantization.scales import make_requant
from harness.operators.tensor import FloatArray, Int8Array
from harness.operators.window import Window
from harness.placement.adc import (
    MAX_SHIFT,
    MULTIPLIER_BITS,
    Float64Array,
    column_thresholds,
    converter_scale,
)
from harness.placement.cut import Extent, cut
from harness.placement.plan import AnalogLayer, Block, Int16Array, UInt16Array
from harness.quant.program import QNetwork

SAMPLED_PATCHES = 4096
SAMPLED_SUMS = 2 << 20  # partial sums of a column range; at least SMALLEST_SAMPLE patches
SMALLEST_SAMPLE = 64
BIAS_LIMIT = 1 << 29  # in 1/256 of a code; the codes plus twice this fit int32
DEAD_UNITS = 1 << 15  # accumulator units per output step where the matrix does not contribute
COARSEST_STEP = 2.0 ** (MAX_SHIFT - MULTIPLIER_BITS - 1)


Thresholds: TypeAlias = Callable[[Int16Array, list[Extent]], Float64Array]
"""From conductances [K, columns] and their row blocks to `column_thresholds`, [columns]."""


@dataclass(frozen=True)
class Column:
    """One output channel: its converter scale and the value of one accumulator unit."""

    multiplier: int
    shift: int
    bias: int  # in 1/256 of a code
    ratio: float  # output steps per accumulator unit


def analog_layer(
    network: QNetwork,
    node: WeightedNode,
    inputs: Int8Array,
    tile: TileConfig,
    first_tile: int,
    weights: FloatArray | None,
) -> AnalogLayer:
    """Put ``node`` on tiles from ``first_tile`` on.

    Args:
        inputs: Calibration inputs of the layer, int8 [n, h, w, c] or [n, ...].
        weights: Effective weights [K, N] as programmed; None: the layer's float weights.
    """
    matrix = float_matrix(node) if weights is None else weights
    patches = calibration_patches(node, inputs, tile)

    def thresholds(conductance: Int16Array, extents: list[Extent]) -> Float64Array:
        return converter_ranges(patches, conductance, extents, tile)

    return layer_on_tiles(network, node, matrix, tile, first_tile, thresholds)


def float_matrix(node: WeightedNode) -> FloatArray:
    """A layer's float weights [K, N]."""
    return np.ascontiguousarray(node.weight_float.reshape(node.weight.shape[0], -1).T)


def calibration_patches(node: WeightedNode, inputs: Int8Array, tile: TileConfig) -> Int8Array:
    """The inputs for a layer's converter scales, after the DAC: int8 [m, K]."""
    columns = node.weight.shape[0]
    extents = cut(node.weight.size // columns, columns, tile)
    taken = SAMPLED_SUMS // (sum(1 for e in extents if e.n0 == 0) * extents[0].columns)
    patches = sample_patches(node, inputs, max(SMALLEST_SAMPLE, min(SAMPLED_PATCHES, taken)))
    limit = 1 << (tile.dac_bits - 1)
    return np.clip(patches, -limit, limit - 1)


def layer_on_tiles(
    network: QNetwork,
    node: WeightedNode,
    matrix: FloatArray,
    tile: TileConfig,
    first_tile: int,
    thresholds: Thresholds,
) -> AnalogLayer:
    """Put effective weights ``matrix`` [K, N] on tiles, with converter ranges ``thresholds``."""
    rows, columns = matrix.shape
    extents = cut(rows, columns, tile)
    input_scale = network.tensors[node.inputs[0]].scale
    output_scale = network.tensors[node.output].scale
    blocks: list[Block] = []
    made: list[Column] = []
    for column_range in _column_ranges(extents):
        n0, width = column_range[0].n0, column_range[0].columns
        conductance, unit = conductances_of(matrix[:, n0 : n0 + width])
        ranges = thresholds(conductance, column_range)
        codes = (1 << (tile.adc_bits - 1)) - 1
        scaled = [
            _column(
                float(ranges[c]) / codes,
                float(unit[c]) * input_scale,
                float(node.bias_float[n0 + c]),
                output_scale,
            )
            for c in range(width)
        ]
        made += scaled
        multiplier: UInt16Array = np.array([column.multiplier for column in scaled], np.uint16)
        shift: UInt16Array = np.array([column.shift for column in scaled], np.uint16)
        for extent in column_range:
            piece = np.ascontiguousarray(conductance[extent.k0 : extent.k0 + extent.rows])
            tile_index = first_tile + len(blocks)
            blocks.append(Block(tile_index, extent.k0, n0, piece, multiplier, shift))
    return AnalogLayer(
        name=node.name,
        rows=rows,
        columns=columns,
        blocks=tuple(blocks),
        bias=np.array([column.bias for column in made], np.int32),
        requant=make_requant(
            [column.ratio for column in made], node.requant.low, node.requant.high
        ),
    )


def layer_patches(node: WeightedNode, inputs: Int8Array) -> Int8Array:
    """All matrix inputs of a layer, int8 [n, pixels, K], pixels in raster order."""
    window = _window(node)
    if window is None:
        return np.ascontiguousarray(inputs.reshape(inputs.shape[0], 1, -1))
    view = window_view(inputs, window)
    n, oh, ow = view.shape[:3]
    patches: Int8Array = np.ascontiguousarray(view).reshape(n, oh * ow, -1)
    return patches


def sample_patches(node: WeightedNode, inputs: Int8Array, largest: int) -> Int8Array:
    """At most ``largest`` matrix inputs, evenly spread over images and pixels, [m, K]."""
    window = _window(node)
    if window is None:
        flat = inputs.reshape(inputs.shape[0], -1)
        return flat[_spread(flat.shape[0], largest)]
    view = window_view(inputs, window)
    n, oh, ow = view.shape[:3]
    image, row, column = np.unravel_index(_spread(n * oh * ow, largest), (n, oh, ow))
    patches: Int8Array = view[image, row, column].reshape(len(image), -1)
    return patches


def _window(node: WeightedNode) -> Window | None:
    """The sliding window of a layer that tiles can compute; None: its input is one vector."""
    form = node.matrix_form()
    assert form is not None
    return form.window


def _spread(count: int, largest: int) -> npt.NDArray[np.int64]:
    taken = min(count, largest)
    return np.arange(taken, dtype=np.int64) * count // taken


def _column_ranges(extents: list[Extent]) -> Iterator[list[Extent]]:
    for n0 in dict.fromkeys(extent.n0 for extent in extents):
        yield [extent for extent in extents if extent.n0 == n0]


def converter_ranges(
    patches: Int8Array, conductance: Int16Array, extents: list[Extent], tile: TileConfig
) -> Float64Array:
    """The partial sum of the largest code, per column; above 0 if the column has weights."""
    wide = conductance.astype(np.float64)  # sums stay below 2**53: float64 is exact
    sums = np.concatenate(
        [
            patches[:, e.k0 : e.k0 + e.rows].astype(np.float64) @ wide[e.k0 : e.k0 + e.rows]
            for e in extents
        ]
    )
    noise = tile.output_noise_lsb if tile.noise else 0.0
    thresholds = column_thresholds(sums, tile.adc_bits, noise)
    return or_reach(thresholds, conductance, extents)


def or_reach(
    thresholds: Float64Array, conductance: Int16Array, extents: list[Extent]
) -> Float64Array:
    """``thresholds``; where inputs were always 0, the largest sum of a full-scale input."""
    size = np.abs(conductance.astype(np.float64))
    reach = np.max([size[e.k0 : e.k0 + e.rows].sum(axis=0) * 127 for e in extents], axis=0)
    return np.where(thresholds == 0, reach, thresholds)


def _column(step: float, unit: float, bias: float, output_scale: float) -> Column:
    """The scales of one column.

    Args:
        step: The converter's step, in conductance times input units.
        unit: The real value of that unit.
    """
    dead = unit == 0
    if not dead:
        # If the bias is much larger than the weights, a coarser step keeps it within the
        # accumulator.
        step = max(step, abs(bias) / unit * 256 / BIAS_LIMIT)
        dead = step > COARSEST_STEP
    if dead:
        ratio = 1 / DEAD_UNITS
        worth = output_scale / DEAD_UNITS
        multiplier, shift = 0, MAX_SHIFT
    else:
        multiplier, shift = converter_scale(step)
        worth = unit * 2.0**shift / multiplier / 256
        ratio = worth / output_scale
    units = np.floor(bias / worth + 0.5)
    return Column(multiplier, shift, int(np.clip(units, -2 * BIAS_LIMIT, 2 * BIAS_LIMIT)), ratio)
