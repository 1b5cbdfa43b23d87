"""Weights and biases among an ONNX node's inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.operators.onnx.value import Array, Unsupported, real_array
from harness.operators.tensor import FloatArray
from harness.quantities import shape_text

if TYPE_CHECKING:
    from harness.operators.onnx.node import OnnxNode


def given_constant(node: OnnxNode, index: int) -> Array:
    """Input ``index``, a constant.

    Raises:
        Unsupported: It is left out, or the network computes it.
    """
    array = node.constant(index)
    if array is None:
        raise Unsupported(f"input {index} is left out")
    return array


def read_weight(node: OnnxNode) -> FloatArray:
    """Input 1 as weights.

    Raises:
        Unsupported: It is no constant of finite floats, or empty.
    """
    weight = real_array(given_constant(node, 1), "the weight tensor")
    if 0 in weight.shape:
        raise Unsupported(f"weights {shape_text(weight.shape)} are empty")
    return weight


def read_bias(node: OnnxNode, index: int, outputs: int) -> FloatArray:
    """Input ``index`` as biases; zeros [``outputs``] where it is left out.

    Raises:
        Unsupported: It is no constant of finite floats.
    """
    bias = node.constant(index)
    if bias is None:
        return np.zeros(outputs, np.float32)
    return real_array(bias, "the bias")
