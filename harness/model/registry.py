"""Which ONNX operator is converted by which function.

To add one: write a converter beside its kin in ``ops_*.py`` (it gets the node with its
inputs' values and the builder, emits graph nodes, and returns the value of the node's
first output, or raises `Unsupported` with the reason), name it here, and test it against
onnxruntime in ``tests/model/test_onnx_ops.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from harness.model import ops_conv, ops_elementwise, ops_pool, ops_shape
from harness.model.onnx_builder import Builder
from harness.model.onnx_node import OnnxNode, Value

Converter: TypeAlias = Callable[[OnnxNode, Builder], Value]

CONVERTERS: Mapping[str, Converter] = {
    "Add": ops_elementwise.arithmetic,
    "AveragePool": ops_pool.average_pool,
    "BatchNormalization": ops_conv.batch_normalization,
    "Cast": ops_shape.cast,
    "Clip": ops_elementwise.clip,
    "Concat": ops_elementwise.concat,
    "Conv": ops_conv.conv,
    "Div": ops_elementwise.arithmetic,
    "Dropout": ops_shape.dropout,
    "Expand": ops_shape.expand,
    "Flatten": ops_shape.flatten,
    "Gemm": ops_conv.gemm,
    "GlobalAveragePool": ops_pool.global_average_pool,
    "GlobalMaxPool": ops_pool.global_max_pool,
    "Identity": ops_shape.identity,
    "LogSoftmax": ops_elementwise.log_softmax,
    "MatMul": ops_conv.matmul,
    "MaxPool": ops_pool.max_pool,
    "Mul": ops_elementwise.arithmetic,
    "Pad": ops_pool.pad,
    "ReduceMean": ops_pool.reduce_mean,
    "Relu": ops_elementwise.relu,
    "Reshape": ops_shape.reshape,
    "Softmax": ops_elementwise.softmax,
    "Squeeze": ops_shape.squeeze,
    "Sub": ops_elementwise.arithmetic,
    "Sum": ops_elementwise.add_all,
    "Transpose": ops_shape.transpose,
    "Unsqueeze": ops_shape.unsqueeze,
}

QUANTIZED = frozenset(
    {
        "ConvInteger",
        "DequantizeLinear",
        "DynamicQuantizeLinear",
        "MatMulInteger",
        "QLinearConv",
        "QLinearMatMul",
        "QuantizeLinear",
    }
)
"""Operators by which an already quantized network is known."""
