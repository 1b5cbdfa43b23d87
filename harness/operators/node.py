"""The float node of the graph, and what the stages ask of it.

Every operator is a subclass of `Node` in a module of its own.  A hook that an operator does not
define keeps the default below, which refuses or says "no".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from harness.errors import ModelError, QuantError
from harness.operators.tensor import Axes, FloatArray, Shape
from harness.quantities import shape_text
from harness.safe_text import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.operators.affine import Affine
    from harness.operators.backend.primitives import Array, FloatBackend
    from harness.operators.integer_node import QNode
    from harness.operators.quantization.step import Step, Surroundings


@dataclass(frozen=True)
class OnnxForm:
    """A node as ONNX writes it.

    Attributes:
        op: The ONNX operator.
        attributes: By name; integers, floats or lists of integers.
        arrays: Constant inputs after the node's own, by a name within the node.
    """

    op: str
    attributes: Mapping[str, object] = field(default_factory=dict)
    arrays: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class WeightMatrix:
    """A node's weights as a crossbar sees them: ``groups`` matrices of ``rows`` by ``columns``."""

    rows: int
    columns: int
    groups: int = 1


@dataclass(frozen=True, eq=False)
class Node:
    """One operator: reads the tensors ``inputs``, writes the tensor ``output``.

    Weights are float32 numpy arrays.  ``name`` is unique in the graph and an identifier
    (``[a-z][a-z0-9_]*``) that is safe in C, in paths and in a shell.

    Class attributes, which operators set:
        input_count: How many tensors it reads; None: one or more.
        input_axes: The axes that its inputs may have; empty: any.
        trainable: The array fields that training changes.
        statistics: The array fields that training updates as running statistics.
        is_view: It only sees its input in another shape; no value changes or moves.
        reads_any_shape: It reads its input's values in whatever shape they are held.
        fuses_clip: Its integer form clamps, so that it takes a Clip behind it with it.
        passes_scale: Its output has its input's scale.
        imposes_scale: Its inputs take its output's scale where nothing else reads them.
        fixed_scale: The one scale that its output may have; None: any.
        unclipped_input: The largest values of its input decide, so that none may saturate.
        keeps_non_negative: No output is below zero where no input is.
        keeps_order: Its output orders values as its input does: the class stays the same.
        left_out_at_end: Programs leave it out where it is the network's last operator.
    """

    name: str
    inputs: tuple[str, ...]
    output: str

    input_count: ClassVar[int | None] = 1
    input_axes: ClassVar[tuple[Axes, ...]] = ()
    trainable: ClassVar[tuple[str, ...]] = ()
    statistics: ClassVar[tuple[str, ...]] = ()
    is_view: ClassVar[bool] = False
    reads_any_shape: ClassVar[bool] = False
    fuses_clip: ClassVar[bool] = False
    passes_scale: ClassVar[bool] = False
    imposes_scale: ClassVar[bool] = False
    fixed_scale: ClassVar[float | None] = None
    unclipped_input: ClassVar[bool] = False
    keeps_non_negative: ClassVar[bool] = False
    keeps_order: ClassVar[bool] = False
    left_out_at_end: ClassVar[bool] = False

    @property
    def kind(self) -> str:
        """The operator's name, as messages and tables print it."""
        return type(self).__name__

    # Shapes

    def shape_rule(self, inputs: Sequence[Shape], declared: Shape | None) -> Shape:
        """Output shape; the number of inputs and their ranks are checked already.

        Args:
            inputs: Shapes of the inputs, the batch axis first, which is 1.
            declared: The shape that a view is to give.

        Raises:
            ModelError: The inputs do not fit, or the node's parameters are impossible.
        """
        raise ModelError(f"unknown operator {self.kind}", where=shown(self.name))

    def output_shape(self, inputs: Sequence[Shape], declared: Shape | None = None) -> Shape:
        """`shape_rule` for as many inputs of such ranks as the operator takes.

        Raises:
            ModelError: Naming the node, its operator and the shapes that do not fit.
        """
        fits = len(inputs) >= 1 if self.input_count is None else len(inputs) == self.input_count
        if not fits:
            raise self.misfit(inputs, f"wrong number of inputs ({len(inputs)})")
        ranks = [len(axes) for axes in self.input_axes]
        for x in inputs:
            if ranks and len(x) not in ranks:
                wanted = " or ".join(str(rank) for rank in ranks)
                raise self.misfit([x], f"needs a tensor of {wanted} dimensions")
        return self.shape_rule(inputs, declared)

    def misfit(self, inputs: Sequence[Shape], what: str) -> ModelError:
        """The error that ``what`` is wrong with ``inputs``."""
        read = ", ".join(shape_text(shape) for shape in inputs)
        return ModelError(f"{what}; reads {read}", where=where(self))

    # ONNX

    def to_onnx(self, output: Shape) -> OnnxForm:
        """The node in ONNX's operator set 14; ``output`` is its output's shape.

        Raises:
            ModelError: ONNX has no such operator.
        """
        raise ModelError(f"unknown operator {self.kind}", where=self.name)

    # Rewriting the graph

    def is_identity(self, source: Shape, output: Shape) -> bool:
        """Whether the output is the first input, of shape ``source``, value by value."""
        return False

    def never_negative(self, known: Collection[str]) -> bool:
        """Whether no output is below zero; ``known`` are tensors without such values."""
        return self.keeps_non_negative and all(name in known for name in self.inputs)

    def affine(self) -> Affine | None:
        """The affine function per channel that the node is; None if it is another."""
        return None

    def followed_by(self, affine: Affine) -> Node | None:
        """One node for this and ``affine`` behind it; None if there is none.

        Raises:
            ModelError: Its weights would leave float32's range.
        """
        return None

    def preceded_by(self, affine: Affine) -> Node | None:
        """One node for ``affine`` and this behind it; None if there is no exact one.

        Raises:
            ModelError: Its weights would leave float32's range.
        """
        return None

    def lowered(self, shape: Shape, new_name: Callable[[str], str]) -> Sequence[tuple[Node, Shape]]:
        """Simpler nodes that compute the same, with the shapes of their outputs.

        Args:
            shape: Of the node's output.
            new_name: Makes an unused name of a suffix.

        Raises:
            ModelError: A weight would leave float32's range.
        """
        return ((self, shape),)

    # Arithmetic

    def compute(
        self,
        backend: FloatBackend,
        inputs: Sequence[Array],
        shape: Shape,
        parameters: Mapping[str, Array],
    ) -> Array:
        """The node's float function on a batch.

        Args:
            backend: Of the library whose arrays the others are.
            inputs: Floats [n, ..., c].
            shape: Of the output, as the graph has it.
            parameters: The node's array fields by name, or others in their place.

        Returns:
            [n, ..., c].

        Raises:
            QuantError: The node has no float arithmetic.
        """
        raise QuantError(f"no float arithmetic for {self.kind}", where=self.name)

    # Costs

    def weight_matrix(self) -> WeightMatrix | None:
        """The weights as matrices of a crossbar; None without weights."""
        return None

    # Quantization

    def fused_bounds(self) -> tuple[float, float] | None:
        """The clamp that the node is, for the node before to take; None if it is none."""
        return None

    def check_integer_form(self) -> None:
        """
        Raises:
            QuantError: The node has no integer form; with the reason and what to do.
        """
        if type(self).integer_form is Node.integer_form:
            raise QuantError(f"{self.kind} has no integer form", where=self.name)

    def check_weights(self) -> None:
        """
        Raises:
            QuantError: A weight that is to be quantized is not finite.
        """

    def integer_form(self, step: Step, around: Surroundings) -> QNode:
        """The integer node of ``step``, whose node this is.

        Raises:
            QuantError: Its accumulator may overflow int32, or its shape has no integer form.
        """
        raise QuantError(f"{self.kind} has no integer form", where=self.name)


def where(node: Node) -> str:
    """``node`` with its operator, for a message."""
    return f"{shown(node.name)} ({node.kind})"


def arrays_of(node: Node) -> Iterator[tuple[str, FloatArray]]:
    """The parameters of ``node``, by field name."""
    for entry in fields(node):
        value = getattr(node, entry.name)
        if isinstance(value, np.ndarray):
            yield entry.name, value
