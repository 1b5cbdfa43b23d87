"""One ONNX node as readers see it: typed attributes and the values of its inputs."""

from __future__ import annotations

import math
from pathlib import Path

import onnx
from onnx import AttributeProto

from harness.operators.onnx.tensors import Budget, decode_tensor
from harness.operators.onnx.value import (
    Activation,
    Array,
    Constant,
    Padded,
    Unsupported,
    Value,
    normal_axis,
)
from harness.safe_text import shown

MIN_OPSET = 7


_INT = AttributeProto.INT
_INTS = AttributeProto.INTS
_FLOAT = AttributeProto.FLOAT
_STRING = AttributeProto.STRING
_TENSOR = AttributeProto.TENSOR


class OnnxNode:
    """Reads an `onnx.NodeProto` strictly: unknown or doubled attributes are unsupported.

    Args:
        proto: The node.
        opset: Version of the default operator set.
        inputs: Values of the inputs; None where an optional one is left out.
    """

    def __init__(self, proto: onnx.NodeProto, opset: int, inputs: tuple[Value | None, ...]) -> None:
        self.proto = proto
        self.op: str = proto.op_type
        self.opset = opset
        self.inputs = inputs
        self._attributes: dict[str, AttributeProto] = {}
        for attribute in proto.attribute:
            if attribute.name in self._attributes:
                raise Unsupported(f"attribute {shown(attribute.name)} is given twice")
            self._attributes[attribute.name] = attribute
        self._check_schema()

    def _check_schema(self) -> None:
        try:
            schema = onnx.defs.get_schema(self.op, self.opset, "")
        except onnx.defs.SchemaError as error:
            raise Unsupported(f"no such operator in operator set {self.opset}") from error
        if self.opset < MIN_OPSET and schema.since_version != _version_in(self.op, MIN_OPSET):
            raise Unsupported(
                f"operator set {self.opset} defines it otherwise than {MIN_OPSET}: "
                f"export with an opset from {MIN_OPSET}"
            )
        if not schema.min_input <= len(self.inputs) <= schema.max_input:
            raise Unsupported(f"wrong number of inputs ({len(self.inputs)})")
        if not 1 <= len(self.proto.output) <= schema.max_output:
            raise Unsupported(f"wrong number of outputs ({len(self.proto.output)})")
        required = schema.min_input if schema.max_input < 1 << 16 else len(self.inputs)
        if any(value is None for value in self.inputs[:required]):
            raise Unsupported("an input that must be given is left out")
        for name in self._attributes:
            if name not in schema.attributes:
                raise Unsupported(f"unknown attribute {shown(name)}")
        for name, formal in schema.attributes.items():
            if formal.required and name not in self._attributes:
                raise Unsupported(f"attribute {name} is missing")

    def has(self, name: str) -> bool:
        return name in self._attributes

    def _typed(self, name: str, kind: int) -> AttributeProto | None:
        attribute = self._attributes.get(name)
        if attribute is not None and attribute.type != kind:
            raise Unsupported(f"attribute {name} has a wrong type")
        return attribute

    def integer(self, name: str, default: int) -> int:
        attribute = self._typed(name, _INT)
        return default if attribute is None else attribute.i

    def integers(self, name: str) -> tuple[int, ...] | None:
        attribute = self._typed(name, _INTS)
        if attribute is None:
            return None
        if len(attribute.ints) > 64:
            raise Unsupported(f"attribute {name} has {len(attribute.ints)} values")
        return tuple(attribute.ints)

    def real(self, name: str, default: float) -> float:
        attribute = self._typed(name, _FLOAT)
        value = default if attribute is None else float(attribute.f)
        if math.isnan(value):
            raise Unsupported(f"attribute {name} is not a number")
        return value

    def text(self, name: str, default: str) -> str:
        attribute = self._typed(name, _STRING)
        return default if attribute is None else shown(attribute.s)

    def tensor(self, name: str, folder: Path, budget: Budget) -> Array:
        attribute = self._typed(name, _TENSOR)
        if attribute is None:
            raise Unsupported(f"attribute {name} is missing")
        return decode_tensor(attribute.t, folder, budget)

    def value(self, index: int) -> Value | None:
        """Input ``index``; None where it is left out."""
        return self.inputs[index] if index < len(self.inputs) else None

    def activation(self, index: int = 0, rank: int | None = None) -> Activation:
        """Input ``index`` as a tensor that the network computes.

        Raises:
            Unsupported: It is a constant, a border is left on it, or its rank is another.
        """
        value = self.value(index)
        if isinstance(value, Padded):
            raise Unsupported("reads a Pad that cannot be folded into it")
        if not isinstance(value, Activation):
            raise Unsupported(f"input {index} must be computed by the network, not constant")
        if rank is not None and len(value.shape) != rank:
            raise Unsupported(f"needs an input of {rank} dimensions")
        return value

    def constant(self, index: int) -> Array | None:
        """Input ``index`` as a constant; None where it is left out.

        Raises:
            Unsupported: It is computed by the network.
        """
        value = self.value(index)
        if value is None:
            return None
        if not isinstance(value, Constant):
            raise Unsupported(f"input {index} must be a constant, but the network computes it")
        return value.array

    def constant_integers(self, index: int) -> tuple[int, ...] | None:
        """Input ``index`` as a short constant list of integers; None where it is left out."""
        array = self.constant(index)
        if array is None:
            return None
        if array.dtype.kind not in "iu" or array.ndim > 1 or array.size > 64:
            raise Unsupported(f"input {index} must be a short list of integers")
        return tuple(int(entry) for entry in array.reshape(-1))

    def axes(self, rank: int, *, input_since: int, index: int = 1) -> tuple[int, ...] | None:
        """The ``axes`` of an operator, from 0 to ``rank`` - 1; None where they are left out.

        Args:
            input_since: The opset from which they are input ``index``, not an attribute.
        """
        from_input = self.opset >= input_since
        given = self.constant_integers(index) if from_input else self.integers("axes")
        return None if given is None else tuple(normal_axis(axis, rank) for axis in given)


def _version_in(op: str, opset: int) -> int | None:
    """The operator set that last changed ``op``, as of ``opset``."""
    try:
        return int(onnx.defs.get_schema(op, opset, "").since_version)
    except onnx.defs.SchemaError:
        return None
