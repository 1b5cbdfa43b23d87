"""A whole network on aihwkit's analog layers, for comparison.

All other layers run in float32, as in aihwkit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch
from aihwkit.nn import AnalogConv2d, AnalogLinear
from torch import Tensor, nn

from harness.errors import ModelError
from harness.model.graph import Graph
from harness.operators.conv import Conv
from harness.operators.dense import Dense
from harness.operators.matrix import WeightedNode
from harness.operators.node import Node
from harness.operators.tensor import FloatArray
from harness.placement.adc import Float64Array
from harness.placement.plan import AnalogLayer
from harness.quant.program import QNetwork
from harness.training.module import GraphModule


def aihwkit_network(graph: Graph, analog: Collection[str], rpu_config: Any) -> GraphModule:  # noqa: ANN401
    """``graph`` with the layers of ``analog`` converted by aihwkit, in evaluation mode.

    Raises:
        ModelError: A layer has groups or a padding that aihwkit's layers cannot have.
    """
    module = GraphModule(graph)
    for node in graph.nodes:
        if node.name in analog:
            module.layers[node.name] = _convert(node, rpu_config)
    module.eval()
    return module


def set_layers(module: GraphModule, network: QNetwork, layers: Mapping[str, AnalogLayer]) -> None:
    """Give ``module``, made with `calibrated_rpu_config`, the conductances of ``layers``."""
    for node in network.nodes:
        if node.name in layers and isinstance(node, WeightedNode):
            set_layer(module.layers[node.name], network, node, layers[node.name])


def set_layer(
    converted: nn.Module, network: QNetwork, node: WeightedNode, layer: AnalogLayer
) -> None:
    """Put ``layer`` on an analog module, with the same sums, ADC ranges and value of a code.

    aihwkit orders rows as (channel, ky, kx) and divides them into nearly equal parts. So in a layer
    of several row blocks other rows share a tile.
    """
    first = [block for block in layer.blocks if block.k0 == 0]
    multiplier = np.concatenate([block.adc_multiplier for block in first]).astype(np.float64)
    shift = np.concatenate([block.adc_shift for block in first]).astype(np.float64)
    conductance = np.zeros((layer.rows, layer.columns))
    for block in layer.blocks:
        rows = slice(block.k0, block.k0 + block.rows)
        conductance[rows, block.n0 : block.n0 + block.columns] = block.conductance
    analog: Any = converted
    # A DAC of fewer bits saturates, with the activation's step.
    largest = next(analog.analog_tiles()).rpu_config.forward.inp_res // 2
    weights = (conductance * multiplier * 2.0**-shift * largest).T
    weights = _channel_first(weights, node, network)
    input_range = largest * network.tensors[node.inputs[0]].scale
    requant = layer.requant
    ratio = requant.multiplier.astype(np.float64) * 2.0 ** (-31.0 - requant.shift)
    worth = 256 * ratio * network.tensors[node.output].scale
    dtype = next(analog.analog_tiles()).get_dtype()
    with torch.no_grad():
        analog.set_weights(_tensor(weights, dtype), _tensor(node.bias_float, dtype))
        for tile, columns in _tiles(analog.analog_module):
            tile.set_input_range(input_range)
            tile.set_mapping_scales(_tensor(worth[columns] / input_range, dtype))


def _channel_first(matrix: Float64Array, node: WeightedNode, network: QNetwork) -> Float64Array:
    """``matrix`` [out, K] with K counted (channel, row, column), as torch does."""
    form = node.matrix_form()
    shape = network.tensors[node.inputs[0]].shape
    if form is not None and form.window is not None:
        shape = form.row_shape
    if len(shape) < 3:
        return matrix
    return matrix.reshape(-1, *shape).transpose(0, 3, 1, 2).reshape(matrix.shape)


def _convert(node: Node, rpu_config: Any) -> nn.Module:  # noqa: ANN401
    digital: nn.Conv2d | nn.Linear
    if isinstance(node, Dense):
        digital = nn.Linear(node.weight.shape[1], node.weight.shape[0])
        kind = AnalogLinear
    elif isinstance(node, Conv) and node.groups == 1 and node.pads[:2] == node.pads[2:]:
        out, channels, kh, kw = node.weight.shape
        digital = nn.Conv2d(
            channels, out, (kh, kw), node.stride, (node.pads[0], node.pads[1]), node.dilation
        )
        kind = AnalogConv2d
    else:
        raise ModelError("aihwkit has no analog layer like this", where=node.name)
    with torch.no_grad():
        digital.weight.copy_(torch.from_numpy(node.weight))
        assert digital.bias is not None
        digital.bias.copy_(torch.from_numpy(node.bias))
    converted: nn.Module = kind.from_digital(digital, rpu_config)
    return converted


def _tiles(analog_module: Any) -> list[tuple[Any, slice]]:  # noqa: ANN401
    """Every tile of an analog module with its columns."""
    if not hasattr(analog_module, "array"):
        return [(analog_module, slice(None))]
    found = []
    for tiles in analog_module.array:
        start = 0
        for tile, size in zip(tiles, analog_module.out_sizes, strict=True):
            found.append((tile, slice(start, start + size)))
            start += size
    return found


def _tensor(values: FloatArray | np.ndarray[Any, Any], dtype: torch.dtype) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).to(dtype)
