"""Converters of the operators with weights: Conv, Gemm, MatMul, BatchNormalization."""

from __future__ import annotations

import numpy as np

from harness.model.graph import BatchNorm, Conv, Dense, FloatArray
from harness.model.onnx_builder import Builder, real_array
from harness.model.onnx_node import Activation, OnnxNode, Unsupported, Value
from harness.model.onnx_tensors import Array
from harness.model.onnx_window import read_window, require_2d, unpadded
from harness.quantities import shape_text


def conv(node: OnnxNode, builder: Builder) -> Value:
    weight = _weight(node)
    require_2d(weight.ndim, "convolution")
    source, border, value = unpadded(node)
    require_2d(len(source.shape), "convolution")
    if value != 0.0:
        raise Unsupported(f"reads a Pad with {value}; only zeros can be folded into it")
    top, left, bottom, right = border
    n, c, h, w = source.shape
    padded = (n, c, h + top + bottom, w + left + right)
    window = read_window(node, weight.shape[2:], padded)
    pads = window.pads
    return builder.emit(
        node,
        Conv(
            "",
            (builder.tensor(source),),
            "",
            weight=weight,
            bias=_bias(node, 2, weight.shape[0]),
            stride=window.stride,
            pads=(pads[0] + top, pads[1] + left, pads[2] + bottom, pads[3] + right),
            dilation=window.dilation,
            groups=node.integer("group", 1),
        ),
    )


def gemm(node: OnnxNode, builder: Builder) -> Value:
    source = node.activation(0, rank=2)
    if node.integer("transA", 0):
        if 1 not in source.shape:
            raise Unsupported("transA of a matrix")
        source = Activation(source.tensor, (source.shape[1], source.shape[0]))
    weight = _weight(node)
    if weight.ndim != 2:
        raise Unsupported(f"weights {shape_text(weight.shape)} are no matrix")
    if not node.integer("transB", 0):
        weight = weight.T
    alpha, beta = node.real("alpha", 1.0), node.real("beta", 1.0)
    outputs = weight.shape[0]
    bias = node.constant(2)
    if bias is None:
        offset = np.zeros(outputs, np.float32)
    else:
        if bias.ndim > 2 or bias.shape[-1:] not in ((), (1,), (outputs,)):
            raise Unsupported(f"the constant C {shape_text(bias.shape)} is no vector of outputs")
        if bias.ndim == 2 and bias.shape[0] != 1:
            raise Unsupported(f"the constant C {shape_text(bias.shape)} has several rows")
        offset = np.broadcast_to(real_array(bias, "C").reshape(-1), (outputs,)) * np.float32(beta)
    if alpha != 1.0:
        weight = weight * np.float32(alpha)
    return _dense(node, builder, source, weight, offset)


def matmul(node: OnnxNode, builder: Builder) -> Value:
    source = node.activation(0)
    weight = _weight(node)
    if weight.ndim != 2:
        raise Unsupported(f"weights {shape_text(weight.shape)} are no matrix")
    if any(size != 1 for size in source.shape[:-1]):
        raise Unsupported(f"multiplies {shape_text(source.shape)}, more than one row")
    row = Activation(source.tensor, (1, source.shape[-1] if source.shape else 1))
    result = _dense(node, builder, row, weight.T, np.zeros(weight.shape[1], np.float32))
    return Activation(result.tensor, (*source.shape[:-1], weight.shape[1]))


def batch_normalization(node: OnnxNode, builder: Builder) -> Value:
    source = node.activation(0)
    if len(source.shape) not in (2, 4):
        raise Unsupported("needs [N, C] or [N, C, H, W]")
    if node.integer("training_mode", 0) or not node.integer("spatial", 1):
        raise Unsupported("training mode and spatial=0 are not supported")
    parameters = [
        real_array(_given(node, index), name)
        for index, name in enumerate(("scale", "offset", "mean", "variance"), start=1)
    ]
    scale, offset, mean, variance = parameters
    return builder.emit(
        node,
        BatchNorm(
            "",
            (builder.tensor(source),),
            "",
            scale=scale,
            offset=offset,
            mean=mean,
            variance=variance,
            epsilon=node.real("epsilon", 1e-5),
        ),
    )


def _given(node: OnnxNode, index: int) -> Array:
    array = node.constant(index)
    if array is None:
        raise Unsupported(f"input {index} is left out")
    return array


def _weight(node: OnnxNode) -> FloatArray:
    weight = real_array(_given(node, 1), "the weight tensor")
    if 0 in weight.shape:
        raise Unsupported(f"weights {shape_text(weight.shape)} are empty")
    return weight


def _bias(node: OnnxNode, index: int, outputs: int) -> FloatArray:
    bias = node.constant(index)
    if bias is None:
        return np.zeros(outputs, np.float32)
    return real_array(bias, "the bias")


def _dense(
    node: OnnxNode, builder: Builder, source: Activation, weight: FloatArray, bias: FloatArray
) -> Activation:
    return builder.emit(
        node,
        Dense(
            "",
            (builder.tensor(source),),
            "",
            weight=real_array(weight, "the weight tensor"),
            bias=real_array(bias, "the bias"),
        ),
    )
