"""Analog layers of programmed weights; everything that does not depend on the weights is kept.

A converter's ranges are calibrated for the given conductances, as in placement.  The exact
form uses placement's own arithmetic; the fast one computes the same in float32, on the device.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import torch
from torch import Tensor

from harness.accuracy.evaluate_program import TorchProgram
from harness.config.schema import TileConfig
from harness.operators.backend.torch_backend import Arithmetic
from harness.operators.matrix import WeightedNode
from harness.operators.tensor import FloatArray, Int8Array
from harness.placement.adc import RATIOS, Float64Array, few_samples_threshold
from harness.placement.analog import (
    calibration_patches,
    converter_ranges,
    layer_on_tiles,
    or_reach,
)
from harness.placement.cut import Extent
from harness.placement.place import calibration_images
from harness.placement.plan import AnalogLayer, Int16Array
from harness.quant.program import QNetwork

CACHED_SUMS = 1 << 16  # that stay in a core's cache while all ratios are tried


class Calibration:
    """Makes the analog form of layers of ``network`` on tiles like ``tile``."""

    def __init__(self, network: QNetwork, tile: TileConfig, how: Arithmetic) -> None:
        self._network, self._tile, self._how = network, tile, how
        self._patches: dict[tuple[str, int], Int8Array] = {}

    def analog_layers(
        self, nodes: Collection[WeightedNode], weights: Mapping[str, FloatArray]
    ) -> dict[str, AnalogLayer]:
        """The analog form of ``nodes`` with effective weights [K, N], as placement makes them."""
        images = self.sample(nodes)
        return {node.name: self._layer(node, weights[node.name], images) for node in nodes}

    def _layer(self, node: WeightedNode, weights: FloatArray, images: int) -> AnalogLayer:
        patches = self._patches[node.name, images]

        def ranges(conductance: Int16Array, extents: list[Extent]) -> Float64Array:
            if self._how.exact:
                return converter_ranges(patches, conductance, extents, self._tile)
            return fast_converter_ranges(patches, conductance, extents, self._tile, self._how)

        return layer_on_tiles(self._network, node, weights, self._tile, 0, ranges)

    def sample(self, nodes: Collection[WeightedNode]) -> int:
        """Keep the calibration inputs of ``nodes``, which are always the digital network's.

        Returns:
            The number of calibration images; memory limits it for all ``nodes`` together.
        """
        images = calibration_images(self._network, {node.name for node in nodes})
        missing = [node for node in nodes if (node.name, images) not in self._patches]
        if not missing:
            return images
        wanted = {node.inputs[0] for node in missing}
        program = TorchProgram(self._network, Arithmetic(torch.device("cpu"), exact=True))
        samples, batch = self._network.calibration_inputs, program.batch()
        parts = [
            program.digital_tensors(samples[start : min(start + batch, images)], wanted)
            for start in range(0, images, batch)
        ]
        for node in missing:
            inputs = np.concatenate([part[node.inputs[0]] for part in parts])
            patches = calibration_patches(node, inputs, self._tile)
            self._patches[node.name, images] = patches
        return images


def fast_converter_ranges(
    patches: Int8Array,
    conductance: Int16Array,
    extents: list[Extent],
    tile: TileConfig,
    how: Arithmetic,
) -> Float64Array:
    """`harness.placement.analog.converter_ranges` in float32."""
    inputs = how.tensor(patches)
    matrix = how.tensor(conductance)
    sums = torch.cat(
        [inputs[:, e.k0 : e.k0 + e.rows] @ matrix[e.k0 : e.k0 + e.rows] for e in extents]
    )
    noise_lsb = tile.output_noise_lsb if tile.noise else 0.0
    codes = (1 << (tile.adc_bits - 1)) - 1
    largest = sums.abs().amax(dim=0)
    mean = sums.mean(dim=0, dtype=torch.float64)
    squares = torch.linalg.vector_norm(sums, dim=0, dtype=torch.float64) ** 2
    deviation = (squares / len(sums) - mean**2).clamp(min=0).sqrt()
    steps = largest * how.tensor(np.array(RATIOS))[:, None] / codes
    steps.clamp_(min=torch.finfo(torch.float32).tiny)
    errors = _errors(sums, steps, codes) / len(sums) + (noise_lsb * steps.double()) ** 2
    best = _host(steps.gather(0, errors.argmin(dim=0, keepdim=True))[0]) * codes
    few = few_samples_threshold(
        len(sums), _host(largest), _host(mean), _host(deviation), tile.adc_bits, noise_lsb
    )
    best = np.where(_host(largest) == 0, 0.0, best)
    return or_reach(np.maximum(best, few), conductance, extents)


def _errors(sums: Tensor, steps: Tensor, codes: int) -> Tensor:
    """Squared error of converting ``sums`` [m, columns] with each of ``steps`` [r, columns]."""
    errors = torch.zeros_like(steps, dtype=torch.float64)
    rows = max(1, CACHED_SUMS // sums.shape[1])
    for start in range(0, len(sums), rows):
        piece = sums[start : start + rows]
        for index, step in enumerate(steps):
            exact = piece / step
            error = exact.round().clamp_(-codes, codes).sub_(exact)
            errors[index] += error.square_().sum(dim=0)
    return errors * steps.double() ** 2


def _host(values: Tensor) -> Float64Array:
    array: Float64Array = values.double().cpu().numpy()
    return array
