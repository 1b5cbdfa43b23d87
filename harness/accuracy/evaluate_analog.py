"""One analog layer in torch: converters, noise, row blocks and the digital sum of their codes.

The layer is what `harness.placement.analog` made for tiles; in float64 and without noise its
codes are the tile's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from harness.accuracy.evaluate_blocks import BlockProduct, block_product, prepare
from harness.accuracy.evaluate_digital import Arithmetic, Requantizer
from harness.accuracy.evaluate_normal import NormalSource
from harness.config.schema import TileConfig
from harness.placement.adc import Float64Array
from harness.placement.plan import AnalogLayer, Int16Array
from harness.quant.program import QConv, QDense

HALF_Q16 = 1 << 15


@dataclass(frozen=True)
class _Part:
    """One row block over all columns."""

    product: BlockProduct
    weight: Tensor  # exact: conductances; else ADC steps a unit of input
    active: Tensor | None  # one column of ones; only where cells have read noise


class AnalogOperator:
    """Runs ``layer``, the analog form of ``node``, on maps [n, c, h, w] or [n, ...]."""

    def __init__(
        self, node: QConv | QDense, layer: AnalogLayer, tile: TileConfig, how: Arithmetic
    ) -> None:
        self._node, self._how = node, how
        self._dac_limit = 1 << (tile.dac_bits - 1)
        self._code_limit = (1 << (tile.adc_bits - 1)) - 1
        self._output_noise = tile.output_noise_lsb if tile.noise else 0.0
        read_noise = tile.read_noise_lsb if tile.noise else 0.0
        multiplier, shift = _column_scales(layer)
        adc_steps = multiplier * 2.0**-shift  # a unit of the sum
        self._parts = [
            self._part(k0, rows, adc_steps, noisy=read_noise > 0)
            for k0, rows in _row_blocks(layer).items()
        ]
        self._cell_noise = how.tensor(adc_steps * read_noise) if read_noise > 0 else None
        self._half = how.tensor(np.full(layer.columns, 0.5))
        self._multiplier = how.tensor(multiplier)
        self._rounding = how.tensor(2.0 ** (shift - 17))
        self._to_q16 = how.tensor(2.0 ** (16 - shift))
        self._requantizer = Requantizer(layer.requant, how, unit=256, bias=layer.bias)

    def __call__(self, maps: Tensor, source: NormalSource) -> Tensor:
        """The layer's int8 outputs; ``source`` gives the tile's noise, if it is on."""
        if self._dac_limit < 128:
            maps = maps.clamp(-self._dac_limit, self._dac_limit - 1)
        prepared = prepare(self._node, maps, len(self._parts))
        total = self._codes(self._parts[0], prepared, source)
        for part in self._parts[1:]:
            total += self._codes(part, prepared, source)
        return self._requantizer(total)

    def _part(self, k0: int, rows: Int16Array, adc_steps: Float64Array, *, noisy: bool) -> _Part:
        product = block_product(self._node, k0, k0 + len(rows), self._how)
        matrix = rows.astype(np.float64)
        if not self._how.exact:
            matrix *= adc_steps
        active = product.weight(np.ones((len(rows), 1))) if noisy else None
        return _Part(product, product.weight(matrix), active)

    def _codes(self, part: _Part, prepared: Tensor, source: NormalSource) -> Tensor:
        inputs = part.product.inputs(prepared)
        if self._how.exact:
            acc = part.product.product(inputs, part.weight, None)
            scaled = acc.mul_(_column(self._multiplier, acc)).add_(_column(self._rounding, acc))
            steps_q16 = scaled.mul_(_column(self._to_q16, acc)).floor_()
            noise = self._noise(part, inputs, steps_q16, source)
            if noise is not None:
                steps_q16 += noise.mul_(65536.0).round_()
            codes = steps_q16.add_(HALF_Q16).mul_(2.0**-16).floor_()
        else:
            steps = part.product.product(inputs, part.weight, self._half)
            noise = self._noise(part, inputs, steps, source)
            codes = (steps if noise is None else steps.add_(noise)).floor_()
        return codes.clamp_(-self._code_limit, self._code_limit)

    def _noise(
        self, part: _Part, inputs: Tensor, like: Tensor, source: NormalSource
    ) -> Tensor | None:
        """Both of the tile's sources as one normal value, in ADC steps; None: no noise."""
        if self._cell_noise is None and self._output_noise == 0:
            return None
        if self._cell_noise is None or part.active is None:
            return source.like(like, self._output_noise)
        squares = part.product.product(inputs * inputs, part.active, None)
        variance = squares * _column(self._cell_noise, like) ** 2 + self._output_noise**2
        return source.like(like).mul_(variance.sqrt_())


def _column(values: Tensor, like: Tensor) -> Tensor:
    return values.view(1, -1, *[1] * (like.ndim - 2))


def _row_blocks(layer: AnalogLayer) -> dict[int, Int16Array]:
    """First row to the conductances of that row block over all columns; they are cut alike."""
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
