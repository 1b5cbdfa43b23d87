"""Analog layers on the tile model, and what numpy makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness import _headers, _tile
from harness.operators.window import Window
from harness.placement.plan import AnalogLayer, Block
from harness.placement.tile_arithmetic import mvm
from tests.kernels.machine import DRAM_BASE
from tests.kernels.operators import Operators, TileSet
from tests.kernels.test_conv import biases, random_requant, requantized, window

SEED = 99
EPOCH = 5


@dataclass(frozen=True)
class Case:
    """A convolution (or dense layer) on tiles of a given size."""

    height: int
    width: int
    inputs: int
    outputs: int
    window: Window
    tile_rows: int
    tile_columns: int
    adc_bits: int = 8
    double_buffer: bool = True
    noise: bool = True
    scaled_up: tuple[int, ...] = ()  # output channels with no codes, and a small bias scaled up


DENSE = window((1, 1))
SAME3 = window((3, 3), pads=(1, 1, 1, 1))


def layer_of(case: Case, rng: np.random.Generator) -> AnalogLayer:
    """A layer with random conductances, cut into blocks that the last ones do not fill."""
    rows = case.window.kernel[0] * case.window.kernel[1] * case.inputs
    blocks = []
    for n0 in range(0, case.outputs, case.tile_columns):
        columns = min(case.tile_columns, case.outputs - n0)
        multiplier = rng.integers(1 << 15, 1 << 16, columns).astype(np.uint16)
        shift = np.full(columns, 36 + (8 - case.adc_bits), np.uint16)
        for k0 in range(0, rows, case.tile_rows):
            count = min(case.tile_rows, rows - k0)
            cells = rng.integers(-200, 201, (count, columns)).astype(np.int16)
            blocks.append(Block(len(blocks), k0, n0, cells, multiplier, shift))
    requant = random_requant(rng, case.outputs, 1 << max(0, 2 * (case.adc_bits - 4)))
    bias = biases(rng, case.outputs, 2)
    for n in case.scaled_up:
        for block in blocks:
            if 0 <= n - block.n0 < block.columns:
                block.conductance[:, n - block.n0] = 0
        bias[n] = 10 + n
        requant.shift[n] = -1
    return AnalogLayer("layer", rows, case.outputs, tuple(blocks), bias, requant)


def patches(inputs: npt.NDArray[np.int8], window: Window) -> npt.NDArray[np.int8]:
    top, left, bottom, right = window.pads
    padded = np.pad(inputs, ((top, bottom), (left, right), (0, 0)))
    out_h, out_w = window.output_size(*inputs.shape[:2])
    rows = []
    for oy in range(out_h):
        for ox in range(out_w):
            y, x = oy * window.stride[0], ox * window.stride[1]
            taps = [
                padded[y + ky * window.dilation[0], x + kx * window.dilation[1]]
                for ky in range(window.kernel[0])
                for kx in range(window.kernel[1])
            ]
            rows.append(np.concatenate(taps))
    return np.array(rows)


def expected_output(
    case: Case, layer: AnalogLayer, inputs: npt.NDArray[np.int8]
) -> npt.NDArray[np.int8]:
    vectors = patches(inputs, case.window)
    sums = np.zeros((len(vectors), case.outputs), np.int64)
    for block in layer.blocks:
        codes = mvm(
            np.ascontiguousarray(vectors[:, block.k0 : block.k0 + block.rows]),
            block.conductance,
            block.adc_multiplier,
            block.adc_shift,
            epoch=EPOCH,
            first_mvm=0,
            adc_bits=case.adc_bits,
            dac_bits=8,
            noise=case.noise,
            output_noise_lsb=0.6,
            read_noise_lsb=0.4,
            seed=SEED,
            tile=block.tile,
        )
        sums[:, block.n0 : block.n0 + block.columns] += codes
    out = requantized(sums * 256 + layer.bias, layer.requant)
    return out.reshape(*case.window.output_size(case.height, case.width), case.outputs)


def tiles_for(operators: Operators, case: Case, count: int, *, dma: bool) -> list[_tile.Tile]:
    tiles = [
        _tile.Tile(
            rows=case.tile_rows,
            columns=case.tile_columns,
            adc_bits=case.adc_bits,
            dac_latency_ns=20.0,
            crossbar_latency_ns=30.0,
            adc_latency_ns=50.0,
            program_row_latency_ns=100.0,
            io_bandwidth_gb_per_s=4.0,
            double_buffer=case.double_buffer,
            dma=dma,
            dma_latency_ns=40.0,
            dma_bandwidth_gb_per_s=8.0,
            noise=case.noise,
            output_noise_lsb=0.6,
            read_noise_lsb=0.4,
            seed=SEED,
            tile=number,
            memory=operators.machine.memory,
            memory_base=DRAM_BASE,
        )
        for number in range(count)
    ]
    operators.machine.attach(tiles)
    return tiles


def tile_set(case: Case, tiles: Sequence[_tile.Tile], *, dma: bool) -> TileSet:
    features = _headers.AIMC_FEATURE_DMA if dma else 0
    if case.double_buffer:
        features |= _headers.AIMC_FEATURE_DOUBLE_BUFFER
    return TileSet(len(tiles), case.tile_rows, case.tile_columns, case.adc_bits, features, EPOCH)
