"""The typed graph that every network becomes, whichever way it came in.

Tensors are NCHW (4-D) or NC (2-D) with batch size 1, as in ONNX; weights are float32
numpy arrays.  Nodes are frozen, named by sanitised identifiers (``[a-z][a-z0-9_]*``,
unique in the graph) that are safe in C, in paths and in a shell, and stand in
topological order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float32]
Pair: TypeAlias = tuple[int, int]
Pads: TypeAlias = tuple[int, int, int, int]  # top, left, bottom, right


@dataclass(frozen=True, eq=False)
class Node:
    """One operator: reads the tensors ``inputs``, writes the tensor ``output``."""

    name: str
    inputs: tuple[str, ...]
    output: str


@dataclass(frozen=True, eq=False)
class Conv(Node):
    """2-D convolution; ``weight`` is [out, in / groups, kh, kw], ``bias`` is [out]."""

    weight: FloatArray
    bias: FloatArray
    stride: Pair = (1, 1)
    pads: Pads = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1


@dataclass(frozen=True, eq=False)
class Dense(Node):
    """Fully connected layer on [1, in]; ``weight`` is [out, in], ``bias`` is [out]."""

    weight: FloatArray
    bias: FloatArray


@dataclass(frozen=True, eq=False)
class BatchNorm(Node):
    """Inference batch normalisation; all parameters are [channels]."""

    scale: FloatArray
    offset: FloatArray
    mean: FloatArray
    variance: FloatArray
    epsilon: float = 1e-5


@dataclass(frozen=True, eq=False)
class MaxPool(Node):
    """Max pooling; padding never wins (it counts as minus infinity)."""

    kernel: Pair
    stride: Pair
    pads: Pads = (0, 0, 0, 0)


@dataclass(frozen=True, eq=False)
class AvgPool(Node):
    """Average pooling; ``count_include_pad`` divides by the whole window."""

    kernel: Pair
    stride: Pair
    pads: Pads = (0, 0, 0, 0)
    count_include_pad: bool = False


@dataclass(frozen=True, eq=False)
class GlobalAvgPool(Node):
    """Mean over height and width: [1, c, h, w] to [1, c, 1, 1]."""


@dataclass(frozen=True, eq=False)
class Add(Node):
    """Elementwise sum of two tensors of one shape."""


@dataclass(frozen=True, eq=False)
class Concat(Node):
    """Concatenation along the channel axis (1)."""


@dataclass(frozen=True, eq=False)
class Clip(Node):
    """Clamp to [low, high]; ReLU is ``Clip(0, inf)``, ReLU6 is ``Clip(0, 6)``."""

    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Reshape(Node):
    """Reinterpret in NCHW order; the output shape is that of the output tensor.

    Flatten is a Reshape to 2-D.
    """


@dataclass(frozen=True, eq=False)
class Softmax(Node):
    """Softmax over the channel axis of [1, c]."""


@dataclass(frozen=True, eq=False)
class LogSoftmax(Node):
    """Logarithm of the softmax over the channel axis of [1, c]."""


@dataclass(frozen=True, eq=False)
class Graph:
    """A network: one input, one output, nodes in topological order.

    ``shapes`` has an entry for the input and for every node's output.
    ``random_weights`` says that no trained checkpoint stands behind the weights;
    ``file_batch`` how many samples the network's file runs at once.
    """

    name: str
    input: str
    output: str
    nodes: tuple[Node, ...]
    shapes: Mapping[str, tuple[int, ...]]
    random_weights: bool = False
    file_batch: int = 1
