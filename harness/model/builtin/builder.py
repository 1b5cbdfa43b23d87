"""Builds a `Graph` layer by layer: shapes are computed, weights drawn by name.

Weights are He-normal (He et al. 2015) from Philox, keyed by (seed, node name), so a
network's weights do not depend on the order in which layers are added, nor on the machine.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np

from harness.errors import ModelError
from harness.model.graph import Graph
from harness.operators.add import Add
from harness.operators.avg_pool import AvgPool
from harness.operators.batch_norm import BatchNorm
from harness.operators.clip import Clip
from harness.operators.conv import Conv
from harness.operators.dense import Dense
from harness.operators.global_avg_pool import GlobalAvgPool
from harness.operators.max_pool import MaxPool
from harness.operators.node import Node
from harness.operators.reshape import Reshape
from harness.operators.tensor import FloatArray


def he_normal(seed: int, name: str, shape: Sequence[int]) -> FloatArray:
    """Normal weights of variance 2 / fan-in; ``shape`` is [out, in, ...].

    The Philox key is the SHA-256 of seed and name, so every node has a stream of its own.
    """
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    key = np.frombuffer(digest[:16], dtype="<u8")
    generator = np.random.Generator(np.random.Philox(key=key))
    deviation = math.sqrt(2.0 / math.prod(shape[1:]))
    return (generator.standard_normal(tuple(shape)) * deviation).astype(np.float32)


class GraphBuilder:
    """Collects nodes; every method adds one and returns the name of its output tensor.

    An output tensor carries its node's name.

    Args:
        name: The network's name.
        input_shape: [1, channels, height, width].
        seed: Of the random weights.
    """

    def __init__(self, name: str, input_shape: tuple[int, ...], seed: int) -> None:
        self._name = name
        self._seed = seed
        self._nodes: list[Node] = []
        self._shapes: dict[str, tuple[int, ...]] = {"input": input_shape}

    def _append(self, node: Node, shape: tuple[int, ...]) -> str:
        if min(shape) < 1:
            raise ModelError(
                f"the input is too small: the layer would have shape {list(shape)}",
                where=f"{self._name}: {node.name}",
                hint="choose a larger input size",
            )
        self._nodes.append(node)
        self._shapes[node.output] = shape
        return node.output

    def _windows(self, source: str, kernel: int, stride: int, pad: int) -> tuple[int, int]:
        height, width = self._shapes[source][2:]
        return (
            (height + 2 * pad - kernel) // stride + 1,
            (width + 2 * pad - kernel) // stride + 1,
        )

    def conv(
        self, name: str, source: str, channels: int, kernel: int, stride: int = 1, pad: int = 0
    ) -> str:
        """A square convolution with bias."""
        weight = he_normal(self._seed, name, (channels, self._shapes[source][1], kernel, kernel))
        node = Conv(
            name,
            (source,),
            name,
            weight=weight,
            bias=np.zeros(channels, np.float32),
            stride=(stride, stride),
            pads=(pad, pad, pad, pad),
        )
        return self._append(node, (1, channels, *self._windows(source, kernel, stride, pad)))

    def batch_norm(self, name: str, source: str) -> str:
        """Batch normalisation that is the identity until it is trained."""
        channels = self._shapes[source][1]
        node = BatchNorm(
            name,
            (source,),
            name,
            scale=np.ones(channels, np.float32),
            offset=np.zeros(channels, np.float32),
            mean=np.zeros(channels, np.float32),
            variance=np.ones(channels, np.float32),
        )
        return self._append(node, self._shapes[source])

    def relu(self, name: str, source: str) -> str:
        return self._append(Clip(name, (source,), name, 0.0, math.inf), self._shapes[source])

    def max_pool(self, name: str, source: str, kernel: int, stride: int) -> str:
        node = MaxPool(name, (source,), name, (kernel, kernel), (stride, stride))
        channels = self._shapes[source][1]
        return self._append(node, (1, channels, *self._windows(source, kernel, stride, 0)))

    def avg_pool(self, name: str, source: str, kernel: int, stride: int) -> str:
        node = AvgPool(name, (source,), name, (kernel, kernel), (stride, stride))
        channels = self._shapes[source][1]
        return self._append(node, (1, channels, *self._windows(source, kernel, stride, 0)))

    def global_avg_pool(self, name: str, source: str) -> str:
        channels = self._shapes[source][1]
        return self._append(GlobalAvgPool(name, (source,), name), (1, channels, 1, 1))

    def add(self, name: str, left: str, right: str) -> str:
        return self._append(Add(name, (left, right), name), self._shapes[left])

    def flatten(self, name: str, source: str) -> str:
        return self._append(Reshape(name, (source,), name), (1, math.prod(self._shapes[source])))

    def dense(self, name: str, source: str, features: int) -> str:
        """A fully connected layer with bias on [1, in]."""
        weight = he_normal(self._seed, name, (features, self._shapes[source][1]))
        node = Dense(name, (source,), name, weight=weight, bias=np.zeros(features, np.float32))
        return self._append(node, (1, features))

    def finish(self) -> Graph:
        """The graph; the last node's output is its output."""
        return Graph(
            name=self._name,
            input="input",
            output=self._nodes[-1].output,
            nodes=tuple(self._nodes),
            shapes=self._shapes,
            random_weights=True,
        )
