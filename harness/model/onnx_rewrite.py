"""Forms of a node that mean what another form says, put into that one before it is judged."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import numpy as np
import onnx
from onnx import AttributeProto

from harness.operators.onnx.reader import OnnxReader
from harness.operators.onnx.value import Activation, Constant, Unsupported, Value

_PER_AXIS = frozenset(("dilations", "strides"))


def without_unread(
    proto: onnx.NodeProto, reader: OnnxReader | None, read: AbstractSet[str]
) -> onnx.NodeProto:
    """``proto`` without the mask or the indices that exporters name though nothing reads them."""
    optional = reader is not None and reader.optional_outputs
    unread = optional and not any(name in read for name in proto.output[1:])
    if not unread or len(proto.output) < 2:
        return proto
    written = onnx.NodeProto()
    written.CopyFrom(proto)
    del written.output[1:]
    return written


def per_axis(
    proto: onnx.NodeProto, reader: OnnxReader | None, inputs: Sequence[Value | None]
) -> onnx.NodeProto:
    """``proto`` with one stride or dilation for both axes of an image written out for each."""
    shape = inputs[0].shape if inputs and inputs[0] is not None else None
    if reader is None or not reader.has_window or shape is None or len(shape) != 4:
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
    proto: onnx.NodeProto,
    reader: OnnxReader | None,
    inputs: tuple[Value | None, ...],
    batch: int,
) -> tuple[Value | None, ...]:
    """``inputs`` of ``proto`` in a network that runs one sample, of a file that runs ``batch``.

    Raises:
        Unsupported: The node computes something from several samples.
    """
    if batch == 1 or not any(isinstance(value, Activation) for value in inputs):
        return inputs
    if reader is None:
        return inputs
    axes = reader.mixed_axes(proto, inputs)
    shape = inputs[0].shape if inputs[0] is not None else None
    if 0 in axes or -len(shape or ()) in axes:  # axis 0 is that of the samples, and must stay so
        raise Unsupported(f"computes something from the {batch} samples of the batch together")
    if not reader.shape_input or len(inputs) != 2:
        return inputs
    source, target = inputs
    if not isinstance(target, Constant) or target.array.ndim != 1 or not target.array.size:
        return inputs
    if target.array[0] != batch:
        return inputs
    single = np.array(target.array)
    single[0] = 1
    return source, Constant(single)
