"""BatchNorm: batch normalization with running statistics; folding removes it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from harness.errors import QuantError
from harness.operators.affine import Affine, narrowed
from harness.operators.conv import Conv
from harness.operators.node import Node, OnnxForm, arrays_of
from harness.operators.onnx.reader import OnnxReader
from harness.operators.onnx.value import Unsupported, Value, real_array
from harness.operators.onnx.weights import given_constant
from harness.operators.reshape import Reshape
from harness.operators.tensor import FloatArray, Shape
from harness.quantities import shape_text

if TYPE_CHECKING:
    from harness.operators.backend.primitives import Array, FloatBackend
    from harness.operators.onnx.builder import Builder
    from harness.operators.onnx.node import OnnxNode


@dataclass(frozen=True, eq=False)
class BatchNorm(Node):
    """Inference batch normalisation; all parameters are [channels]."""

    scale: FloatArray
    offset: FloatArray
    mean: FloatArray
    variance: FloatArray
    epsilon: float = 1e-5

    trainable: ClassVar[tuple[str, ...]] = ("scale", "offset")
    statistics: ClassVar[tuple[str, ...]] = ("mean", "variance")

    def shape_rule(self, inputs: Sequence[Shape], declared: Shape | None) -> Shape:
        x = inputs[0]
        for field, array in arrays_of(self):
            if array.shape != (x[1],):
                raise self.misfit(
                    [x], f"{field} {shape_text(array.shape)} does not fit {x[1]} channels"
                )
        if not math.isfinite(self.epsilon) or not np.all(
            self.variance.astype(np.float64) + self.epsilon > 0.0
        ):
            raise self.misfit([x], "variance plus epsilon must be positive")
        return x

    def to_onnx(self, output: Shape) -> OnnxForm:
        return OnnxForm("BatchNormalization", {"epsilon": self.epsilon}, dict(arrays_of(self)))

    def affine(self) -> Affine:
        deviation = np.sqrt(self.variance.astype(np.float64) + self.epsilon)
        scale = self.scale.astype(np.float64) / deviation
        return Affine(scale, self.offset.astype(np.float64) - self.mean * scale)

    def lowered(self, shape: Shape, new_name: Callable[[str], str]) -> Sequence[tuple[Node, Shape]]:
        """A depthwise 1x1 convolution, between reshapes where the input is a vector."""
        channels = shape[1]
        affine = self.affine()
        conv = Conv(
            self.name,
            self.inputs,
            self.output,
            weight=narrowed(affine.scale, self).reshape(channels, 1, 1, 1),
            bias=narrowed(affine.shift, self),
            groups=channels,
        )
        if len(shape) == 4:
            return ((conv, shape),)
        image, result = new_name("image"), new_name("affine")
        map_shape = (1, channels, prod(shape[2:]), 1)
        return (
            (Reshape(image, self.inputs, image), map_shape),
            (replace(conv, name=result, inputs=(image,), output=result), map_shape),
            (Reshape(self.name, (result,), self.output), shape),
        )

    def compute(
        self,
        backend: FloatBackend,
        inputs: Sequence[Array],
        shape: Shape,
        parameters: Mapping[str, Array],
    ) -> Array:
        return backend.normalize(inputs[0], **parameters, epsilon=self.epsilon)

    def check_integer_form(self) -> None:
        raise QuantError(
            "batch normalisation has no integer form",
            where=self.name,
            hint="fold it into the convolution or dense layer before it",
        )


def read_batch_normalization(node: OnnxNode, builder: Builder) -> Value:
    source = node.activation(0)
    if len(source.shape) not in (2, 4):
        raise Unsupported("needs [N, C] or [N, C, H, W]")
    if node.integer("training_mode", 0) or not node.integer("spatial", 1):
        raise Unsupported("training mode and spatial=0 are not supported")
    parameters = [
        real_array(given_constant(node, index), name)
        for index, name in enumerate(("scale", "offset", "mean", "variance"), start=1)
    ]
    scale, offset, mean, variance = parameters
    return builder.emit(
        node,
        BatchNorm(
            "",
            (builder.tensor(source),),
            "",
            scale=scale,
            offset=offset,
            mean=mean,
            variance=variance,
            epsilon=node.real("epsilon", 1e-5),
        ),
    )


ONNX_READERS = {"BatchNormalization": OnnxReader(read_batch_normalization)}
