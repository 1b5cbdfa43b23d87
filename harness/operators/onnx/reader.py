"""How an ONNX operator is read: what an operator's module states in its ``ONNX_READERS``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from harness.operators.onnx.value import Constant, Value

if TYPE_CHECKING:
    import onnx

    from harness.operators.onnx.builder import Builder
    from harness.operators.onnx.node import OnnxNode

Inputs: TypeAlias = Sequence[Value | None]


def no_axes(proto: onnx.NodeProto, inputs: Inputs) -> list[int]:
    """The axes of an operator that treats every sample alike."""
    return []


def axis_attribute(proto: onnx.NodeProto, inputs: Inputs) -> list[int]:
    """The attribute ``axis``, if it is given."""
    return [attribute.i for attribute in proto.attribute if attribute.name == "axis"]


def listed_axes(proto: onnx.NodeProto, inputs: Inputs) -> list[int]:
    """The axes that input 1 or the attribute ``axes`` lists; axis 0 where neither does."""
    listed = inputs[1] if len(inputs) > 1 else None
    if isinstance(listed, Constant):
        return [int(axis) for axis in listed.array.reshape(-1)[:64]]
    given = {attribute.name: attribute for attribute in proto.attribute}
    return list(given["axes"].ints) if "axes" in given else [0]


@dataclass(frozen=True)
class OnnxReader:
    """How one ONNX operator is read.

    Attributes:
        read: Adds the graph nodes of an ONNX node to the builder, and gives the value of its first
            output.  Raises `Unsupported` with the reason where that is not possible.
        has_window: One stride or dilation stands for both axes of an image.
        rounds_up: It may have ``ceil_mode``.  Before opset 22 onnx counts windows that start in the
            padding; runtimes never did.
        optional_outputs: Exporters name outputs after the first even if nothing reads them.
        shape_input: Input 1 is a target shape, whose first entry is the number of samples.
        mixed_axes: Axes along which values are mixed or moved, of a node and its inputs.
    """

    read: Callable[[OnnxNode, Builder], Value]
    has_window: bool = False
    rounds_up: bool = False
    optional_outputs: bool = False
    shape_input: bool = False
    mixed_axes: Callable[[onnx.NodeProto, Inputs], list[int]] = no_axes
