"""From a float graph and calibration samples to the integer network.

Symmetric int8: activations per tensor with thresholds from `harness.quant.calibrate`, weights per
output channel with their largest magnitude at 127.
"""

from __future__ import annotations

import numpy as np

from harness.model.classes import program_graph
from harness.model.graph import Graph
from harness.operators.integer_node import QTensor
from harness.operators.quantization.step import Surroundings
from harness.operators.tensor import FloatArray, Int8Array, channels_last_axes, channels_last_shape
from harness.quant.calibrate import calibrate
from harness.quant.choose import choose_scales
from harness.quant.float_reference import to_nhwc
from harness.quant.lower import lower
from harness.quant.program import QNetwork


def quantize(graph: Graph, calibration: FloatArray) -> QNetwork:
    """Quantize a graph without batch normalisations.

    Args:
        graph: The folded graph; a final LogSoftmax is left out.
        calibration: Float samples [n, c, h, w] or [n, features]; they choose the scales, so they
            must not be validation or test data.

    Raises:
        QuantError: An operator without an integer form, a weight or activation that is not
            finite, or a layer whose accumulator may overflow int32 (names the layer).
    """
    graph = program_graph(graph)
    lowered = lower(graph)
    for step in lowered.steps:
        step.node.check_weights()
    scales = choose_scales(graph, lowered, calibrate(graph, calibration))
    nodes = []
    for step in lowered.steps:
        around = Surroundings(
            tuple(lowered.shapes[name] for name in step.inputs),
            tuple(scales[name] for name in step.inputs),
            scales[step.output],
        )
        nodes.append(step.node.integer_form(step, around))
    return QNetwork(
        name=graph.name,
        input=graph.input,
        output=lowered.output,
        nodes=tuple(nodes),
        tensors={
            name: QTensor(
                name,
                channels_last_shape(shape),
                scales[name],
                channels_last_axes(graph.axes_of(name)),
            )
            for name, shape in lowered.shapes.items()
        },
        random_weights=graph.random_weights,
        calibration_inputs=quantize_input(calibration, scales[graph.input]),
    )


def quantize_input(images: FloatArray, scale: float) -> Int8Array:
    """Float images [n, c, h, w] or [n, features] to int8 [n, h, w, c] or [n, features].

    Rounds half up and saturates to [-127, 127].
    """
    steps = np.floor(to_nhwc(images).astype(np.float64) / scale + 0.5)
    return np.clip(steps, -127, 127).astype(np.int8)
