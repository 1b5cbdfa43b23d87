"""The typed graph as an ONNX model, for other tools and for comparison with them."""

from __future__ import annotations

import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from harness.errors import ModelError
from harness.model.graph import Graph
from harness.model.onnx_reader import RANDOM_WEIGHTS_KEY
from harness.model.shapes import validate
from harness.operators.node import Node, arrays_of

OPSET = 14
IR_VERSION = 8
_LARGEST_BYTES = (1 << 31) - (1 << 20)  # of a protobuf message, with room for the nodes


def to_onnx(graph: Graph) -> onnx.ModelProto:
    """``graph`` as an ONNX model of opset 14 with one input and one output, batch 1.

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
    form = node.to_onnx(graph.shapes[node.output])
    arrays = [
        numpy_helper.from_array(array, f"{node.name}.{field}")
        for field, array in form.arrays.items()
    ]
    inputs = [*node.inputs, *(array.name for array in arrays)]
    proto = helper.make_node(form.op, inputs, [node.output], name=node.name)
    proto.attribute.extend(
        helper.make_attribute(name, value) for name, value in form.attributes.items()
    )
    return proto, arrays
