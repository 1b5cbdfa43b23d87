"""The typed graph as an ONNX model, for other tools and for comparison with them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from harness.errors import ModelError
from harness.model.graph import (
    Add,
    AvgPool,
    BatchNorm,
    Clip,
    Concat,
    Conv,
    Dense,
    GlobalAvgPool,
    Graph,
    LogSoftmax,
    MaxPool,
    Node,
    Reshape,
    Softmax,
)
from harness.model.onnx_reader import RANDOM_WEIGHTS_KEY
from harness.model.shapes import arrays_of, validate

OPSET = 13
IR_VERSION = 8
_LARGEST_BYTES = (1 << 31) - (1 << 20)  # of a protobuf message, with room for the nodes


def to_onnx(graph: Graph) -> onnx.ModelProto:
    """``graph`` as an ONNX model of opset 13 with one input and one output, batch 1.

    Layers keep their names.  That weights are random is kept in the model's metadata.

    Raises:
        ModelError: The graph is malformed, or larger than an ONNX file can be.
    """
    validate(graph)
    size = sum(array.nbytes for node in graph.nodes for _, array in arrays_of(node))
    if size > _LARGEST_BYTES:
        raise ModelError(f"{size} bytes of weights do not fit into one ONNX file", where=graph.name)
    nodes: list[NodeProto] = []
    initializers: list[TensorProto] = []
    for node in graph.nodes:
        proto, arrays = _convert(node, graph)
        nodes.append(proto)
        initializers += arrays
    model = helper.make_model(
        helper.make_graph(
            nodes,
            graph.name,
            [_value(graph, graph.input)],
            [_value(graph, graph.output)],
            initializers,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="aimc-harness",
    )
    if graph.random_weights:
        helper.set_model_props(model, {RANDOM_WEIGHTS_KEY: "true"})
    return model


def _value(graph: Graph, name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(graph.shapes[name]))


def _convert(node: Node, graph: Graph) -> tuple[NodeProto, list[TensorProto]]:
    arrays = [numpy_helper.from_array(array, f"{node.name}.{f}") for f, array in arrays_of(node)]
    attributes: dict[str, object] = {}
    match node:
        case Conv():
            op = "Conv"
            attributes = {
                "kernel_shape": list(node.weight.shape[2:]),
                "strides": list(node.stride),
                "pads": list(node.pads),
                "dilations": list(node.dilation),
                "group": node.groups,
            }
        case Dense():
            op = "Gemm"
            attributes = {"transB": 1}
        case BatchNorm():
            op = "BatchNormalization"
            attributes = {"epsilon": node.epsilon}
        case MaxPool() | AvgPool():
            op = "MaxPool" if isinstance(node, MaxPool) else "AveragePool"
            attributes = {
                "kernel_shape": list(node.kernel),
                "strides": list(node.stride),
                "pads": list(node.pads),
            }
            if isinstance(node, AvgPool):
                attributes["count_include_pad"] = int(node.count_include_pad)
        case GlobalAvgPool():
            op = "GlobalAveragePool"
        case Add():
            op = "Add"
        case Concat():
            op = "Concat"
            attributes = {"axis": 1}
        case Clip() if (node.low, node.high) == (0.0, math.inf):
            op = "Relu"
        case Clip():
            op = "Clip"
            arrays = [_scalar(node, "low", node.low), _scalar(node, "high", node.high)]
        case Softmax() | LogSoftmax():
            op = type(node).__name__
            attributes = {"axis": 1}
        case Reshape():
            op = "Reshape"
            shape = np.array(graph.shapes[node.output], np.int64)
            arrays = [numpy_helper.from_array(shape, f"{node.name}.shape")]
        case _:
            raise ModelError(f"unknown operator {type(node).__name__}", where=node.name)
    return _node(op, node, arrays, attributes), arrays


def _scalar(node: Node, field: str, value: float) -> TensorProto:
    return numpy_helper.from_array(np.array(value, np.float32), f"{node.name}.{field}")


def _node(
    op: str, node: Node, arrays: Sequence[TensorProto], attributes: dict[str, object]
) -> NodeProto:
    inputs = [*node.inputs, *(array.name for array in arrays)]
    proto = helper.make_node(op, inputs, [node.output], name=node.name)
    proto.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
    return proto
