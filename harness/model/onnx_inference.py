"""Shape inference by onnx: a second opinion on every node, and the shapes of what we lack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto, TypeProto, helper, numpy_helper, shape_inference

from harness.operators.onnx.value import Constant, Unsupported, Value
from harness.operators.tensor import Shape
from harness.quantities import shape_text
from harness.safe_text import shown

_SMALL = 1024  # values; larger constants do not take part in shapes
_SMALL_NODE = 1 << 20  # bytes; onnx would copy a larger node

_REFUSALS = (
    shape_inference.InferenceError,
    onnx.checker.ValidationError,
    KeyError,
    RuntimeError,
    ValueError,
)


def onnx_output_shapes(
    proto: onnx.NodeProto, opset: int, inputs: Sequence[Value | None]
) -> dict[str, Shape]:
    """Shapes of the outputs of one node, by ONNX name, as far as onnx can tell.

    Args:
        inputs: Values of the node's inputs; all their shapes are known.

    Raises:
        Unsupported: onnx finds the node malformed.
    """
    if proto.ByteSize() > _SMALL_NODE:
        return {}
    types: dict[str, TypeProto] = {}
    data: dict[str, TensorProto] = {}
    for name, value in zip(proto.input, inputs, strict=True):
        if value is None or value.shape is None:
            continue
        kind: int = TensorProto.FLOAT
        if isinstance(value, Constant):
            kind = helper.np_dtype_to_tensor_dtype(value.array.dtype)
            if value.array.size <= _SMALL:
                data[name] = numpy_helper.from_array(np.asarray(value.array, order="C"), name)
        types[name] = helper.make_tensor_type_proto(kind, list(value.shape))
    try:
        schema = onnx.defs.get_schema(proto.op_type, opset, "")
        imports = [helper.make_opsetid("", opset)]
        inferred = shape_inference.infer_node_outputs(
            schema, proto, types, data, opset_imports=imports
        )
    except onnx.defs.SchemaError:
        return {}
    except _REFUSALS as error:
        lines = str(error).strip().splitlines() or ["malformed"]
        raise Unsupported(f"onnx refuses the node: {shown(lines[-1])}") from error
    found: dict[str, Shape] = {}
    for name, value_type in inferred.items():
        dims = value_type.tensor_type.shape.dim
        complete = value_type.tensor_type.HasField("shape")
        if complete and all(dim.HasField("dim_value") for dim in dims):
            found[name] = tuple(dim.dim_value for dim in dims)
    return found


def require_same(ours: Shape | None, theirs: Mapping[str, Shape], name: str) -> None:
    """Raise Unsupported if tensor ``name`` has another shape by onnx than by this reader."""
    other = theirs.get(name, ours)
    if other != ours:
        raise Unsupported(
            f"gives {shape_text(ours)} by this reader, {shape_text(other)} by onnx: "
            "the model is ambiguous here, export it with another opset"
        )
