"""The integer program in torch; nodes that do not depend on the devices run once.

A repetition is one set of programmed devices.  A node that no analog layer feeds has the same
values in all repetitions.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import prod

import numpy as np
import torch
from torch import Tensor

from harness.accuracy.evaluate_analog import AnalogOperator
from harness.accuracy.evaluate_normal import NormalSource
from harness.operators.backend.torch_backend import Arithmetic, TorchInteger
from harness.operators.integer_node import QNode
from harness.operators.tensor import Int8Array
from harness.quant.program import QNetwork

BATCH_VALUES = 1 << 19  # of a batch's largest tensor
LARGEST_BATCH = 64

Repetition = Mapping[str, AnalogOperator]
"""The analog layers of one set of devices, by name."""


class TorchProgram:
    """``network`` on a device; the arrays of digital nodes are converted once.

    Args:
        output: The tensor that `run` returns, if not the network's output.
    """

    def __init__(self, network: QNetwork, how: Arithmetic, output: str | None = None) -> None:
        self._network, self._how = network, how
        self._backend = TorchInteger(how)
        self._output = output or network.output

    def run(
        self,
        images: Int8Array,
        repetitions: Sequence[Repetition],
        sources: Sequence[NormalSource],
    ) -> Int8Array:
        """The output of all repetitions, int8 [repetitions, n, ...].

        Args:
            images: int8 [n, h, w, c] or [n, c], one batch.
            repetitions: All with the same analog layers.
            sources: Sources of the tiles' noise, one per repetition.
        """
        network = self._network
        varying = varying_nodes(network, repetitions[0].keys())
        nodes = [node for node in network.nodes if node.name in varying]
        read = {name for node in nodes for name in node.inputs}
        with torch.inference_mode():
            shared = {network.input: self._load(images)}
            fixed = [node for node in network.nodes if node.name not in varying]
            self._walk(fixed, shared, read | {self._output})
            if not nodes:
                output = self._store(shared[self._output])
                return np.stack([output] * len(repetitions))
            outputs = []
            for operators, source in zip(repetitions, sources, strict=True):
                tensors = dict(shared)
                self._walk(nodes, tensors, {self._output}, operators, source)
                outputs.append(self._store(tensors[self._output]))
        return np.stack(outputs)

    def digital_tensors(self, images: Int8Array, names: Collection[str]) -> dict[str, Int8Array]:
        """The named tensors of the all-digital network, int8 [n, h, w, c] or [n, c]."""
        with torch.inference_mode():
            tensors = {self._network.input: self._load(images)}
            self._walk(self._network.nodes, tensors, names)
            return {name: self._store(tensors[name]) for name in names}

    def _walk(
        self,
        nodes: Sequence[QNode],
        tensors: dict[str, Tensor],
        keep: Collection[str],
        operators: Repetition | None = None,
        source: NormalSource | None = None,
    ) -> None:
        """Run ``nodes``; tensors that are not in ``keep`` are freed after their last use."""
        last_use = {name: node.name for node in nodes for name in node.inputs}
        for node in nodes:
            inputs = [tensors[name] for name in node.inputs]
            if operators is not None and source is not None and node.name in operators:
                tensors[node.output] = operators[node.name](inputs[0], source)
            else:
                shape = self._network.tensors[node.output].shape
                tensors[node.output] = node.compute(self._backend, inputs, shape)
            for name in set(node.inputs):
                if last_use[name] == node.name and name not in keep:
                    del tensors[name]

    def batch(self) -> int:
        """Images per batch: a constant of the network, since the draws of noise depend on it."""
        largest = max(prod(tensor.shape) for tensor in self._network.tensors.values())
        return max(1, min(LARGEST_BATCH, BATCH_VALUES // largest))

    def _load(self, images: Int8Array) -> Tensor:
        return self._how.tensor(images)

    def _store(self, tensor: Tensor) -> Int8Array:
        values: Int8Array = tensor.to(torch.int8).cpu().numpy()
        return np.ascontiguousarray(values)


def varying_nodes(network: QNetwork, analog: Collection[str]) -> set[str]:
    """Names of the nodes that are analog or depend, directly or not, on an analog node."""
    varying: set[str] = set()
    tensors: set[str] = set()
    for node in network.nodes:
        if node.name in analog or any(name in tensors for name in node.inputs):
            varying.add(node.name)
            tensors.add(node.output)
    return varying
