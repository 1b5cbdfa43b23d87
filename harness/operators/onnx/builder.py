"""Collects the graph's nodes while an ONNX graph is read."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from harness.errors import ModelError
from harness.identifiers import NameTable, without_repeats
from harness.operators.node import Node, arrays_of, where
from harness.operators.onnx.node import OnnxNode
from harness.operators.onnx.tensors import Budget
from harness.operators.onnx.value import Activation, Unsupported
from harness.operators.reshape import Reshape
from harness.operators.tensor import Shape, check_tensor

N = TypeVar("N", bound=Node)


class Builder:
    """The graph under construction; an output tensor carries its node's name.

    Args:
        input_name: The ONNX name of the network's input.
        input_shape: [1, c, h, w] or [1, c].
        folder: The model's folder.
        budget: Bounds what constants and parameters take.
    """

    def __init__(self, input_name: str, input_shape: Shape, folder: Path, budget: Budget) -> None:
        self.folder = folder
        self.budget = budget
        self.nodes: list[Node] = []
        self._names = NameTable()
        self.input = Activation(self._names.unique(input_name, "input"), input_shape)
        self.shapes: dict[str, Shape] = {self.input.tensor: input_shape}
        self._reshaped: dict[tuple[str, Shape], str] = {}
        self._non_negative: set[str] = set()

    def emit(self, origin: OnnxNode, node: N) -> Activation:
        """Add ``node`` under a name made from ``origin``; its own name and output are ignored.

        Raises:
            Unsupported: Its inputs do not fit its parameters.
        """
        # A node without a name is named after its output, which exporters fill with a number.
        name = origin.proto.name or f"{origin.op.lower()}_{origin.proto.output[0]}"
        return self._add(node, without_repeats(name))

    def _add(self, node: N, text: str, declared: Shape | None = None) -> Activation:
        for _, array in arrays_of(node):
            if array.base is None:  # else it is a view of a constant, which was counted
                self.budget.charge(array.nbytes)
        try:
            shape = node.output_shape([self.shapes[name] for name in node.inputs], declared)
            check_tensor(f"{where(node)}, tensor output", shape)
        except ModelError as error:
            raise Unsupported(error.what) from error
        name = self._names.unique(text, "layer")
        self.nodes.append(replace(node, name=name, output=name))
        self.shapes[name] = shape
        if node.never_negative(self._non_negative):
            self._non_negative.add(name)
        return Activation(name, shape)

    def placeholder(self, shape: Shape) -> Activation:
        """A tensor that no node writes, for what comes after a node that is not supported."""
        name = self._names.unique("placeholder", "placeholder")
        self.shapes[name] = shape
        return Activation(name, shape)

    def is_non_negative(self, tensor: str) -> bool:
        """Whether no value of ``tensor`` can be below zero, whatever the input."""
        return tensor in self._non_negative

    def tensor(self, value: Activation) -> str:
        """The name of a tensor that holds ``value`` in its own shape (a Reshape if needed).

        Raises:
            Unsupported: The shape is neither [1, c] nor [1, c, h, w].
        """
        if self.shapes[value.tensor] == value.shape:
            return value.tensor
        if len(value.shape) not in (2, 4) or value.shape[0] != 1:
            raise Unsupported("needs a tensor 1xC or 1xCxHxW")
        key = (value.tensor, value.shape)
        if key not in self._reshaped:
            node = Reshape("", (value.tensor,), "")
            name = without_repeats(value.viewed_by) or f"{value.tensor}_reshape"
            self._reshaped[key] = self._add(node, name, value.shape).tensor
        return self._reshaped[key]

    def elementwise(self, value: Activation) -> str:
        """A tensor with the elements of ``value`` in order, in whichever shape is at hand."""
        if len(value.shape) in (2, 4) and value.shape[0] == 1:
            return self.tensor(value)
        return self.tensor(Activation(value.tensor, (1, math.prod(value.shape))))
