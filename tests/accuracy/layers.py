"""Single dense layers on one tile, whose outputs are the converter's codes."""

from __future__ import annotations

import numpy as np
import torch

from harness.accuracy.evaluate_analog import AnalogOperator
from harness.accuracy.evaluate_normal import NormalSource
from harness.config.load import load_config
from harness.config.schema import TileConfig
from harness.operators.backend.torch_backend import Arithmetic
from harness.operators.dense import QDense
from harness.operators.integer_node import QTensor, Requant
from harness.operators.tensor import Int8Array
from harness.placement.adc import converter_scale
from harness.placement.plan import AnalogLayer, Block
from harness.quant.program import QNetwork

CODE_RATIO = 2.0**-8  # of an accumulator that counts 1/256 codes


def tile_with(**values: object) -> TileConfig:
    """A 256 x 256 tile, with values replaced."""
    overrides = [f"system.tile.{key}={str(value).lower()}" for key, value in values.items()]
    return load_config(system="alpine-hp", overrides=overrides).system.tile


def codes_layer(rows: int, columns: int, seed: int, *, range_share: float = 0.3) -> AnalogLayer:
    """Random conductances; outputs are codes (of at most 8 bits), without bias.

    A column's range is ``range_share`` of what full-scale inputs of random sign add up to.
    """
    rng = np.random.default_rng(seed)
    conductance = np.clip(rng.normal(size=(rows, columns)) * 9000, -32767, 32767)
    step = range_share * 127 * 9000 * np.sqrt(rows) / 127
    scales = [converter_scale(step * spread) for spread in rng.uniform(0.7, 1.4, columns)]
    block = Block(
        0,
        0,
        0,
        conductance.astype(np.int16),
        np.array([multiplier for multiplier, _ in scales], np.uint16),
        np.array([shift for _, shift in scales], np.uint16),
    )
    requant = Requant(np.full(1, 1 << 30, np.int32), np.full(1, 7, np.int32))
    return AnalogLayer("layer", rows, columns, (block,), np.zeros(columns, np.int32), requant)


def dense_network(layer: AnalogLayer) -> tuple[QNetwork, QDense]:
    """A network of that one layer; activations have scale 1."""
    weight = np.zeros((layer.columns, layer.rows))
    node = QDense(
        "layer",
        ("x",),
        "y",
        weight.astype(np.int8),
        np.zeros(layer.columns, np.int32),
        layer.requant,
        weight.astype(np.float32),
        np.zeros(layer.columns, np.float32),
    )
    tensors = {
        "x": QTensor("x", (layer.rows,), 1.0),
        "y": QTensor("y", (layer.columns,), 1.0),
    }
    calibration = np.zeros((1, layer.rows), np.int8)
    return QNetwork("one", "x", "y", (node,), tensors, False, calibration), node


def exact_steps(layer: AnalogLayer, x: Int8Array) -> np.ndarray:
    """What the converter sees without noise, in ADC steps, float64 [m, columns]."""
    block = layer.blocks[0]
    sums = x.astype(np.int64) @ block.conductance.astype(np.int64)
    steps: np.ndarray = sums * block.adc_multiplier.astype(np.float64)
    return steps * 2.0 ** -block.adc_shift.astype(np.float64)


def evaluated_codes(
    layer: AnalogLayer, tile: TileConfig, x: Int8Array, *, exact: bool, seed: int = 1
) -> np.ndarray:
    """The evaluation path's codes, [m, columns]."""
    how = Arithmetic(torch.device("cpu"), exact)
    _, node = dense_network(layer)
    operator = AnalogOperator(node, layer, tile, how)
    with torch.inference_mode():
        return operator(how.tensor(x), NormalSource(seed, how.device)).numpy()
