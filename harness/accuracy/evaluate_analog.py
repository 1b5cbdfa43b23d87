"""One analog layer in torch: converters, noise, row blocks and the digital sum of their codes.

The layer is what `harness.placement.analog` made for tiles; in float64 and without noise its
codes are the tile's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from harness.accuracy._codes import add_codes
from harness.accuracy.evaluate_normal import NormalSource
from harness.accuracy.evaluate_patches import as_map, as_pixels, patch_pieces
from harness.config.schema import TileConfig
from harness.operators.backend.torch_backend import Arithmetic, Requantizer, convolve
from harness.operators.matrix import WeightedNode
from harness.placement.adc import Float64Array
from harness.placement.plan import AnalogLayer, Int16Array

HALF_Q16 = 1 << 15


@dataclass(frozen=True)
class _Part:
    """One row block over all columns."""

    rows: slice
    weight: Tensor  # [rows, columns]; exact: conductances, else ADC steps a unit of input


class AnalogOperator:
    """Runs ``layer``, the analog form of ``node``, on maps [n, h, w, c] or [n, ...]."""

    def __init__(
        self, node: WeightedNode, layer: AnalogLayer, tile: TileConfig, how: Arithmetic
    ) -> None:
        form = node.matrix_form()
        assert form is not None
        self._form, self._how = form, how
        self._dac_limit = 1 << (tile.dac_bits - 1)
        self._code_limit = (1 << (tile.adc_bits - 1)) - 1
        self._output_noise = tile.output_noise_lsb if tile.noise else 0.0
        read_noise = tile.read_noise_lsb if tile.noise else 0.0
        multiplier, shift = _column_scales(layer)
        adc_steps = multiplier * 2.0**-shift  # a unit of the sum
        unit = np.ones(layer.columns) if how.exact else adc_steps
        self._parts = [
            _Part(slice(k0, k0 + len(rows)), how.tensor(rows * unit))
            for k0, rows in _row_blocks(layer).items()
        ]
        self._cell_noise = how.tensor(adc_steps * read_noise) if read_noise > 0 else None
        self._half = how.tensor(np.full(layer.columns, 0.5))
        self._multiplier = how.tensor(multiplier)
        self._rounding = how.tensor(2.0 ** (shift - 17))
        self._to_q16 = how.tensor(2.0 ** (16 - shift))
        self._requantizer = Requantizer(layer.requant, how, unit=256, bias=layer.bias)
        self._convolve = self._convolution()

    def __call__(self, maps: Tensor, source: NormalSource) -> Tensor:
        """The layer's int8 outputs; ``source`` gives the tile's noise, if it is on."""
        if self._dac_limit < 128:
            maps = maps.clamp(-self._dac_limit, self._dac_limit - 1)
        if self._convolve is not None:
            steps = as_pixels(self._convolve(maps))
            sums = torch.zeros_like(steps)
            self._add_codes(sums, steps, source)
            outputs = self._requantizer(sums)
        else:
            pieces = patch_pieces(self._form, maps)
            outputs = torch.cat([self._outputs(piece, source) for piece in pieces])
        return as_map(self._form, outputs, maps)

    def _convolution(self) -> Callable[[Tensor], Tensor] | None:
        """To the ADC's steps, without patches: for a convolution with one row block."""
        window = self._form.window
        needs_patches = len(self._parts) > 1 or self._how.exact or self._cell_noise is not None
        if needs_patches or window is None:
            return None
        matrix = self._parts[0].weight.T
        kernel = matrix.reshape(-1, *self._form.row_shape).permute(0, 3, 1, 2)
        kernel = kernel.contiguous(memory_format=torch.channels_last)
        return partial(convolve, weight=kernel, bias=self._half, window=window)

    def _outputs(self, patches: Tensor, source: NormalSource) -> Tensor:
        """[pixels, columns]"""
        sums = patches.new_zeros((len(patches), len(self._half)))
        for part in self._parts:
            inputs = patches[:, part.rows]
            if self._how.exact:
                sums += self._exact_codes(inputs, part.weight, source)
            else:
                steps = torch.addmm(self._half, inputs, part.weight)
                if self._cell_noise is not None:
                    steps += self._noise(inputs, source)
                self._add_codes(sums, steps, source)
        return self._requantizer(sums)

    def _add_codes(self, sums: Tensor, steps: Tensor, source: NormalSource) -> None:
        """Convert ``steps``, which are half a step up, with the output's noise; [pixels,
        columns]."""
        limit = self._code_limit
        deviation = 0.0 if self._cell_noise is not None else self._output_noise
        if steps.device.type == "cpu":
            chosen = source.choices(steps.numel(), deviation) if deviation > 0 else (None, None)
            add_codes(sums.numpy(), steps.numpy(), limit, *chosen)
            return
        if deviation > 0:
            steps += source.like(steps, deviation)
        sums += steps.floor_().clamp_(-limit, limit)

    def _exact_codes(self, inputs: Tensor, weight: Tensor, source: NormalSource) -> Tensor:
        scaled = (inputs @ weight).mul_(self._multiplier).add_(self._rounding)
        steps_q16 = scaled.mul_(self._to_q16).floor_()
        if self._cell_noise is not None:
            steps_q16 += self._noise(inputs, source).mul_(65536.0).round_()
        elif self._output_noise > 0:
            steps_q16 += source.like(scaled, self._output_noise).mul_(65536.0).round_()
        codes = steps_q16.add_(HALF_Q16).mul_(2.0**-16).floor_()
        return codes.clamp_(-self._code_limit, self._code_limit)

    def _noise(self, inputs: Tensor, source: NormalSource) -> Tensor:
        """Noise of cells and output as one normal value, in ADC steps, [pixels, columns]."""
        assert self._cell_noise is not None
        squares = inputs.square().sum(dim=1, keepdim=True)
        deviation = (squares * self._cell_noise**2).add_(self._output_noise**2).sqrt_()
        return source.like(deviation).mul_(deviation)


def _row_blocks(layer: AnalogLayer) -> dict[int, Int16Array]:
    """Conductances of each row block over all columns, by first row; all columns have the same
    rows."""
    ranges: dict[int, list[Int16Array]] = {}
    for block in layer.blocks:
        ranges.setdefault(block.k0, []).append(block.conductance)
    return {k0: np.concatenate(pieces, axis=1) for k0, pieces in ranges.items()}


def _column_scales(layer: AnalogLayer) -> tuple[Float64Array, Float64Array]:
    """ADC multiplier and shift of every column; all row blocks of a column share them."""
    first = [block for block in layer.blocks if block.k0 == 0]
    multiplier = np.concatenate([block.adc_multiplier for block in first])
    shift = np.concatenate([block.adc_shift for block in first])
    return multiplier.astype(np.float64), shift.astype(np.float64)
