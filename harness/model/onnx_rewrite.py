"""Forms of a node that mean what another form says, put into that one before it is judged."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import numpy as np
import onnx
from onnx import AttributeProto

from harness.model.onnx_node import Activation, Constant, Unsupported, Value

_WINDOWED = frozenset(("AveragePool", "Conv", "MaxPool"))
_SECOND_OUTPUTS = frozenset(("Dropout", "MaxPool"))
_PER_AXIS = frozenset(("dilations", "strides"))
_SHAPE_INPUT = frozenset(("Expand", "Reshape"))


def without_unread(proto: onnx.NodeProto, read: AbstractSet[str]) -> onnx.NodeProto:
    """``proto`` without the mask or the indices that exporters name though nothing reads them."""
    unread = proto.op_type in _SECOND_OUTPUTS and not any(name in read for name in proto.output[1:])
    if not unread or len(proto.output) < 2:
        return proto
    written = onnx.NodeProto()
    written.CopyFrom(proto)
    del written.output[1:]
    return written


def per_axis(proto: onnx.NodeProto, inputs: Sequence[Value | None]) -> onnx.NodeProto:
    """``proto`` with one stride or dilation for both axes of an image written out for each."""
    shape = inputs[0].shape if inputs and inputs[0] is not None else None
    if proto.op_type not in _WINDOWED or shape is None or len(shape) != 4:
        return proto
    if not any(_is_single(attribute) for attribute in proto.attribute):
        return proto
    written = onnx.NodeProto()
    written.CopyFrom(proto)
    for attribute in written.attribute:
        if _is_single(attribute):
            attribute.ints.append(attribute.ints[0])
    return written


def _is_single(attribute: AttributeProto) -> bool:
    return attribute.name in _PER_AXIS and len(attribute.ints) == 1


def one_sample(
    proto: onnx.NodeProto, inputs: tuple[Value | None, ...], batch: int
) -> tuple[Value | None, ...]:
    """``inputs`` of ``proto`` in a network that runs one sample, of a file that runs ``batch``.

    Raises:
        Unsupported: The node computes something from several samples.
    """
    if batch == 1 or not any(isinstance(value, Activation) for value in inputs):
        return inputs
    _refuse_mixing(proto, inputs, batch)
    if proto.op_type not in _SHAPE_INPUT or len(inputs) != 2:
        return inputs
    source, target = inputs
    if not isinstance(target, Constant) or target.array.ndim != 1 or not target.array.size:
        return inputs
    if target.array[0] != batch:
        return inputs
    single = np.array(target.array)
    single[0] = 1
    return source, Constant(single)


def _refuse_mixing(proto: onnx.NodeProto, inputs: tuple[Value | None, ...], batch: int) -> None:
    """Axis 0 is that of the samples, and must stay so."""
    rank = len(inputs[0].shape) if inputs[0] is not None and inputs[0].shape is not None else 0
    given = {attribute.name: attribute for attribute in proto.attribute}
    axes: list[int] = []
    match proto.op_type:
        case "Flatten" | "Softmax" | "Concat" if "axis" in given:
            axes = [given["axis"].i]
        case "Squeeze" | "Unsqueeze" | "ReduceMean":
            listed = inputs[1] if len(inputs) > 1 else None
            if isinstance(listed, Constant):
                axes = [int(axis) for axis in listed.array.reshape(-1)[:64]]
            else:
                axes = list(given["axes"].ints) if "axes" in given else [0]
        case "Transpose":
            axes = [0] if "perm" not in given or given["perm"].ints[:1] != [0] else []
    if 0 in axes or -rank in axes:
        raise Unsupported(f"computes something from the {batch} samples of the batch together")
